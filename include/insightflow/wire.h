// Queries and answers as JSON and as tables: the wire of POST /api/query and `insightflow query`.
// docs/queries.md describes it, schema/ holds its JSON Schemas.
//
//   Result<Query> query = ParseQuery(R"({"kind":"top","field":"page_url","limit":3})");
//   if (!query.ok()) return Fail(query.status());  // names the field and what is allowed
//   Result<Answer> answer = engine->Query(*query);
//   if (answer.ok()) Send(WriteAnswer(*query, *answer));
//
// Thread safety: functions of their arguments. Complexity: O(bytes).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/export.h"
#include "insightflow/query.h"
#include "insightflow/result.h"
#include "insightflow/status.h"
#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kQueryBytesMax = std::size_t{1} << 20;

// What the stored funnel of an id asks, or why there is none:
//   ParseQuery(json, [&](std::string_view id) { return engine->ActiveFunnel(id); })
using FunnelResolver = std::function<Result<FunnelQuery>(std::string_view id)>;

// Strict: an unknown field, a second field of the same name, a wrong type, unit or name, and what
// makes no sense together are kInvalidArgument; the message begins with the field's path, as
// "steps[1].filters[0].op: ". kOutOfRange: more than kQueryBytesMax. `funnels` finds what
// "funnel_id" names; its errors are passed on behind that field's name, and without it there are no
// stored funnels.
INSIGHTFLOW_EXPORT Result<Query> ParseQuery(std::string_view json,
                                            const FunnelResolver& funnels = nullptr);

// A definition of a stored funnel: "id", "name" (else the id), "active" (else true), and the fields
// of a funnel query but "from", "to" and "funnel_id". With `id` that of the JSON may be absent, and
// must not be another. As strict as ParseQuery. kOutOfRange: more than kFunnelBytesMax.
INSIGHTFLOW_EXPORT Result<FunnelDefinition> ParseFunnel(
    std::string_view json, std::optional<std::string_view> id = std::nullopt);

// The value of a query's "filters" by itself, or one filter. As strict as ParseQuery; whether a
// field, its operator and its value go together is judged when the filters are used.
INSIGHTFLOW_EXPORT Result<std::vector<Filter>> ParseFilters(std::string_view json);

// Milliseconds since 1970, ISO 8601 with a zone, or a date, which begins in UTC.
INSIGHTFLOW_EXPORT Result<Timestamp> ParseTime(std::string_view text);

// Canonical JSON: equal queries give equal text, and ParseQuery gives the query back. Members that
// have their default are left out.
INSIGHTFLOW_EXPORT std::string WriteQuery(const Query& query);

// The same for a definition and ParseFunnel; id, name and active are always there.
INSIGHTFLOW_EXPORT std::string WriteFunnel(const FunnelDefinition& funnel);

// The answer as JSON, with times in the query's zone. The answer must be one to that query.
INSIGHTFLOW_EXPORT std::string WriteAnswer(const Query& query, const Answer& answer);

// The answer as a table for people: UTF-8, lines that end in \n, control characters escaped.
INSIGHTFLOW_EXPORT std::string WriteTable(const Query& query, const Answer& answer);

}  // namespace v1
}  // namespace insightflow
