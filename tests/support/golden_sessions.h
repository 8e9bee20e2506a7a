// Golden queries: files of tests/golden/queries with what happened, what is asked and what must be
// answered, written by hand from the specification.
//
//   Any text.
//
//   events
//   {"user_id":…}      one event a line; session_id and page_url may be absent
//
//   query
//   {"kind":…}         as it is asked over the wire
//
//   answer
//   {"kind":…}         as it is answered, without "meta"; white space does not count
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "insightflow/wire.h"
#include "lib/analytics/analysis.h"
#include "lib/decode/decoder.h"
#include "lib/model/memory_timelines.h"
#include "tests/support/golden.h"

namespace insightflow::testing {

struct GoldenQuery {
  std::string events;
  std::string query;
  std::string answer;
};

inline GoldenQuery ReadGoldenQuery(const std::string& name) {
  const std::string text = ReadSource("tests/golden/queries/" + name + ".test");
  const auto section = [&](const std::string& from, const std::string& to) {
    const std::size_t begin = text.find("\n" + from + "\n") + from.size() + 2;
    return text.substr(begin, to.empty() ? to.npos : text.find("\n" + to + "\n", begin) - begin);
  };
  return {section("events", "query"), section("query", "answer"), section("answer", "")};
}

// JSON without the white space between its parts.
inline std::string Compact(std::string_view json) {
  std::string out;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const bool is_space = json[i] == ' ' || json[i] == '\n';
    if (!in_text && is_space) continue;
    if (in_text && json[i] == '\\') out.push_back(json[i++]);
    if (json[i] == '"') in_text = !in_text;
    out.push_back(json[i]);
  }
  return out;
}

// The answer's JSON without "meta", or the error.
inline std::string AnswerGoldenQuery(const GoldenQuery& golden) {
  DecodeContext context;
  context.received_ms = 1'900'000'000'000;
  context.rules.require_session_id = false;
  context.rules.require_page_url = false;
  DecodedBatch decoded;
  Decoder().DecodeNdjson(golden.events, 1, context, &decoded);
  if (!decoded.rejected.empty()) return "an event is rejected";
  const Result<Query> query = ParseQuery(golden.query);
  if (!query.ok()) return query.status().ToString();
  const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(*query);
  if (!analysis.ok()) return analysis.status().ToString();
  ValueTable values;
  const std::unique_ptr<AnalysisState> state = (*analysis)->NewState(&values);
  const Status visited =
      VisitTimelines(decoded.batch, (*analysis)->plan(), &values, 100, state.get());
  if (!visited.ok()) return visited.ToString();
  std::optional<std::pair<std::int64_t, std::int64_t>> data;
  if (decoded.batch.rows != 0) {
    const auto [first, last] =
        std::minmax_element(decoded.batch.time_ms.begin(), decoded.batch.time_ms.end());
    data = {*first, *last};
  }
  const ScanEnd end = EndOfData(ScopeOf(*query), data, context.received_ms);
  Answer answer;
  Result<AnswerBody> body = (*analysis)->Finish(state.get(), end, &answer.meta.exact);
  if (!body.ok()) return body.status().ToString();
  if (!answer.meta.exact) return "the answer is not exact";
  answer.body = std::move(*body);
  const std::string json = Compact(WriteAnswer(*query, answer));
  return json.substr(0, json.rfind(",\"meta\":")) + "}";
}

}  // namespace insightflow::testing
