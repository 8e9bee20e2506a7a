// Golden cases of queries: tests/golden/queries/*.test, written by hand from the specification.
//
//   # a comment, anywhere between sections
//   --- events     one JSON object a line, with the fields that matter; times as ISO 8601
//   --- now        the moment of asking; long after all of it when left out
//   --- query      as POST /api/query takes it
//   --- answer     as it answers, without "meta"
#pragma once

#include <simdjson.h>

#include <array>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/wire.h"
#include "tests/support/golden.h"

namespace insightflow::testing {

struct GoldenQuery {
  std::vector<Event> events;
  Timestamp now = FromMillis(253'402'300'799'999);
  std::string query;
  std::string answer;
};

// Members in order of their names, numbers as doubles: equal for equal JSON.
inline std::string CanonicalJson(simdjson::dom::element value, bool is_top = true) {
  std::ostringstream out;
  out.precision(17);
  switch (value.type()) {
    case simdjson::dom::element_type::OBJECT: {
      std::map<std::string, std::string> members;
      for (const auto member : simdjson::dom::object(value)) {
        if (is_top && member.key == "meta") continue;
        members[std::string(member.key)] = CanonicalJson(member.value, false);
      }
      for (const auto& [name, text] : members) out << name << ":" << text << "\n";
      return "{" + out.str() + "}";
    }
    case simdjson::dom::element_type::ARRAY:
      for (const auto item : simdjson::dom::array(value)) out << CanonicalJson(item, false) << ",";
      return "[" + out.str() + "]";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE: out << double(value); return out.str();
    default: return simdjson::to_string(value);
  }
}

inline std::string CanonicalJson(const std::string& text) {
  simdjson::dom::parser parser;
  return CanonicalJson(simdjson::dom::element(parser.parse(text)));
}

// As queries read times.
inline Timestamp TimeOf(const std::string& iso) {
  const Result<Query> query =
      ParseQuery(R"({"kind":"top","field":"page_url","from":")" + iso + "\"}");
  if (!query.ok()) throw std::runtime_error(iso + ": " + query.status().ToString());
  return *std::get<TopQuery>(*query).scope.from;
}

inline Event ReadEvent(simdjson::dom::element json) {
  constexpr std::array<std::pair<std::string_view, std::string Event::*>, 8> kTexts = {{
      {"user_id", &Event::user_id},
      {"session_id", &Event::session_id},
      {"event_type", &Event::event_type},
      {"page_url", &Event::page_url},
      {"element", &Event::element},
      {"user_agent", &Event::user_agent},
      {"referrer", &Event::referrer},
      {"tab_id", &Event::tab_id},
  }};
  Event event;
  for (const auto member : simdjson::dom::object(json)) {
    bool known = false;
    for (const auto& [name, text] : kTexts) {
      if (name != member.key) continue;
      event.*text = std::string(std::string_view(member.value));
      known = true;
    }
    if (member.key == "timestamp")
      event.timestamp = TimeOf(std::string(std::string_view(member.value)));
    if (member.key == "extra_data") event.extra_data = simdjson::to_string(member.value);
    if (member.key == "seq") event.seq = std::uint64_t(member.value);
    if (member.key == "position_x")
      event.position_x = static_cast<std::int32_t>(std::int64_t(member.value));
    if (member.key == "position_y")
      event.position_y = static_cast<std::int32_t>(std::int64_t(member.value));
    known = known || member.key == "timestamp" || member.key == "extra_data" ||
            member.key == "seq" || member.key == "position_x" || member.key == "position_y";
    if (!known) throw std::runtime_error("unknown field " + std::string(member.key));
  }
  return event;
}

inline GoldenQuery ReadGoldenQuery(const std::string& path) {
  std::istringstream lines(ReadSource(path));
  std::map<std::string, std::string> sections;
  std::string line, section;
  while (std::getline(lines, line)) {
    if (line.starts_with("#")) continue;
    if (line.starts_with("--- ")) {
      section = line.substr(4);
    } else if (!line.empty()) {
      sections[section] += line + "\n";
    }
  }
  GoldenQuery golden;
  std::istringstream events(sections["events"]);
  simdjson::dom::parser parser;
  while (std::getline(events, line)) golden.events.push_back(ReadEvent(parser.parse(line)));
  const std::string now = sections["now"];
  if (!now.empty()) golden.now = TimeOf(now.substr(0, now.size() - 1));
  golden.query = sections["query"];
  golden.answer = sections["answer"];
  return golden;
}

}  // namespace insightflow::testing
