// The parts that queries of several kinds have, read from JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "insightflow/query.h"
#include "lib/wire/json_reader.h"

namespace insightflow {
inline namespace v1 {

// from, to, timezone, filters, limit.
void ReadScope(const ObjectReader& object, QueryScope* out);

void ReadFilters(const ObjectReader& object, std::string_view name, std::vector<Filter>* out);

// The fields of a selector, which stand among those of `object`: event, filters, name.
void ReadSelectorFields(const ObjectReader& object, EventSelector* out);

// A field that holds a selector, in its long form or as its event alone: "click", ["a","b"], "*".
void ReadSelector(const ObjectReader& object, std::string_view name, EventSelector* out);

void ReadBreakdown(const ObjectReader& object, std::optional<Breakdown>* out);

// timeout, max_duration, split.
void ReadSessionRules(const ObjectReader& object, SessionRules* out);

}  // namespace v1
}  // namespace insightflow
