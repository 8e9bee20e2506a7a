// The examples of docs/funnel-specification.md, read from there.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "insightflow/analytics.h"
#include "tests/support/golden.h"

namespace insightflow {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;

struct Example {
  std::string name;
  std::map<std::string, std::string> lines;  // by the word they begin with
};

std::vector<std::string> Words(const std::string& text, char between = ' ') {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, between);) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

std::vector<Example> ReadExamples() {
  std::vector<Example> examples;
  std::istringstream in(testing::ReadSource("docs/funnel-specification.md"));
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "```funnel") {
      inside = true;
      examples.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      const std::size_t space = line.find(' ');
      const std::string word = line.substr(0, space);
      const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
      if (word == "example") {
        examples.back().name = rest;
      } else {
        examples.back().lines[word] += (examples.back().lines.count(word) ? "\n" : "") + rest;
      }
    }
  }
  return examples;
}

std::int64_t Unit(const Example& example) { return example.lines.count("minutes") ? 60'000 : 1; }

EventSelector Select(const std::string& types) {
  EventSelector selector;
  if (types != "*") selector.types = Words(types, '|');
  return selector;
}

FunnelQuery QueryOf(const Example& example) {
  FunnelQuery query;
  for (const auto& [word, rest] : example.lines) {
    if (word == "steps") {
      for (std::string step : Words(rest)) {
        const bool optional = step.back() == '?';
        if (optional) step.pop_back();
        query.steps.push_back({.event = Select(step), .optional = optional});
      }
    } else if (word == "window") {
      query.window = Duration(std::stoll(rest) * Unit(example));
    } else if (word == "order") {
      query.order = rest == "strict"      ? FunnelOrder::kStrict
                    : rest == "unordered" ? FunnelOrder::kUnordered
                                          : FunnelOrder::kStrictlyIncreasing;
    } else if (word == "exclude") {
      const std::vector<std::string> words = Words(rest);  // type after N before M
      query.exclusions.push_back({.event = Select(words.at(0)),
                                  .after_step = std::stoul(words.at(2)),
                                  .before_step = std::stoul(words.at(4))});
    } else if (word == "hold") {
      query.hold_constant = {"extra_data." + rest};
    } else if (word == "per") {
      query.per = FunnelUnit::kSession;
    }
  }
  return query;
}

std::vector<Event> EventsOf(const Example& example) {
  std::vector<Event> events;
  for (const std::string& word : Words(example.lines.at("events"))) {
    const std::vector<std::string> parts = Words(word, '@');
    const std::vector<std::string> type = Words(parts[0], '=');
    Event event{.user_id = "u", .event_type = type[0]};
    event.timestamp = FromMillis(kStartMs + std::stoll(parts.at(1)) * Unit(example));
    if (type.size() > 1) {
      event.extra_data = R"({")" + example.lines.at("hold") + R"(":")" + type[1] + R"("})";
    }
    events.push_back(event);
  }
  return events;
}

std::string Print(const FunnelPath& path, std::int64_t unit) {
  std::string text;
  for (const FunnelPathStep& step : path.steps) {
    text += (text.empty() ? "" : " ") + std::to_string(step.step) + "@" +
            std::to_string((ToMillis(step.time) - kStartMs) / unit);
  }
  return text;
}

std::string PathsOf(const Example& example) {
  const Result<std::vector<FunnelPath>> paths = FunnelPaths(QueryOf(example), EventsOf(example));
  if (!paths.ok()) return paths.status().ToString();
  std::string text;
  for (const FunnelPath& path : *paths) {
    text += (text.empty() ? "" : " / ") + Print(path, Unit(example));
  }
  return text.empty() ? "-" : text;
}

// "2 pending": the user's level, and how it ended.
std::string OutcomeOf(const Example& example) {
  std::vector<Event> events = EventsOf(example);
  // Another user's event, of no step, is the last of the data.
  const std::int64_t end_ms = kStartMs + std::stoll(example.lines.at("end"));
  events.push_back({.user_id = "w", .event_type = "other", .timestamp = FromMillis(end_ms)});
  const Result<Answer> answer = Analyze(QueryOf(example), events, FromMillis(end_ms));
  if (!answer.ok()) return answer.status().ToString();
  const FunnelCounts& counts = std::get<FunnelAnswer>(answer->body).counts;
  for (std::size_t k = 0; k < counts.steps.size(); ++k) {
    const FunnelStepAnswer& step = counts.steps[k];
    if (step.drop_off == 1) return std::to_string(k + 1) + " dropped";
    if (step.pending == 1) return std::to_string(k + 1) + " pending";
  }
  return counts.total_users == 0 ? "-" : std::to_string(counts.steps.size()) + " converted";
}

class FunnelExample : public ::testing::TestWithParam<Example> {};

TEST_P(FunnelExample, IsTrue) {
  const Example& example = GetParam();
  int checked = 0;
  for (const auto& [word, rest] : example.lines) {
    if (word == "chain" || word == "sessions") {
      EXPECT_EQ(PathsOf(example), rest) << example.name;
      ++checked;
    } else if (word == "outcome") {
      EXPECT_EQ(OutcomeOf(example), rest) << example.name;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 1) << example.name;
}

INSTANTIATE_TEST_SUITE_P(Specification, FunnelExample, ::testing::ValuesIn(ReadExamples()),
                         [](const ::testing::TestParamInfo<Example>& example) {
                           return "Example" + std::to_string(example.index + 1);
                         });

TEST(FunnelExamples, AreNumberedInOrder) {
  const std::vector<Example> examples = ReadExamples();
  EXPECT_GE(examples.size(), 60u);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    EXPECT_EQ(examples[i].name.find(std::to_string(i + 1) + ": "), 0u) << examples[i].name;
  }
}

}  // namespace
}  // namespace insightflow
