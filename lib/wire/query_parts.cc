#include "lib/wire/query_parts.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "lib/model/query_check.h"
#include "lib/validate/time_text.h"
#include "lib/wire/names.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::string_view, 3> kFilterFields = {"field", "op", "value"};
constexpr std::array<std::string_view, 3> kSelectorFields = {"event", "filters", "name"};
constexpr std::array<std::string_view, 2> kBreakdownFields = {"field", "limit"};
constexpr std::string_view kAnyType = "*";

bool TakesList(FilterOp op) { return op == FilterOp::kIn || op == FilterOp::kNotIn; }

// Whether a text stands for an instant: `timestamp` compares with what `from` and `to` take.
bool TakesTime(const Filter& filter) {
  return filter.field == "timestamp" && filter.op != FilterOp::kContains &&
         filter.op != FilterOp::kStartsWith && filter.op != FilterOp::kGlob &&
         filter.op != FilterOp::kExists;
}

std::optional<FilterValue> ReadFilterValue(JsonValue value) {
  using Type = simdjson::dom::element_type;
  switch (value.type()) {
    case Type::STRING: return FilterValue(std::string(TextOf(value)));
    case Type::BOOL: return FilterValue(value.get_bool().value_unsafe());
    case Type::INT64: return FilterValue(value.get_int64().value_unsafe());
    case Type::DOUBLE: return FilterValue(value.get_double().value_unsafe());
    default: return std::nullopt;
  }
}

void AddFilterValue(JsonValue value, const ObjectReader& object, Filter* out) {
  if (value.is_string() && TakesTime(*out)) {
    const std::optional<std::int64_t> ms = ParseIsoTime(TextOf(value));
    if (!ms.has_value()) return object.Complain("value", NoTime(value));
    out->values.emplace_back(*ms);
    return;
  }
  std::optional<FilterValue> read = ReadFilterValue(value);
  if (read.has_value()) {
    out->values.push_back(std::move(*read));
  } else {
    object.Complain("value", value.is_number() ? "an integer past 9223372036854775807"
                             : TakesList(out->op)
                                 ? "must hold texts, numbers and booleans only"
                                 : "must be a text, a number or a boolean; in and not_in take a "
                                   "list");
  }
}

void ReadFilterValues(const ObjectReader& object, Filter* out) {
  if (out->op == FilterOp::kExists && !object.Has("value")) return;
  const std::optional<JsonValue> value = object.Require("value");
  if (!value.has_value()) return;
  if (!TakesList(out->op)) return AddFilterValue(*value, object, out);
  const std::optional<JsonList> list = object.FindList("value");
  if (!list.has_value()) return;
  if (list->size() == 0) return object.Complain("value", "needs at least one value");
  if (list->size() > kFilterValuesMax) {
    return object.Complain("value", "has more than 10000 values");
  }
  out->values.reserve(list->size());
  for (const JsonValue item : *list) AddFilterValue(item, object, out);
}

Filter ReadFilter(JsonValue value, std::string path, Complaints* complaints) {
  const ObjectReader object(value, std::move(path), kFilterFields, complaints);
  Filter filter;
  object.Require("field");
  object.ReadText("field", &filter.field);
  object.Require("op");
  object.ReadEnum("op", kFilterOpNames, &filter.op);
  if (complaints->none()) ReadFilterValues(object, &filter);
  return filter;
}

void ReadTypes(const ObjectReader& object, std::string_view name, std::vector<std::string>* out) {
  const JsonValue value = *object.Find(name);
  out->clear();
  if (value.is_string()) {
    if (TextOf(value) != kAnyType) out->emplace_back(TextOf(value));
    return;
  }
  const JsonList list = ItemsOf(value);
  if (!value.is_array() || list.size() == 0) {
    return object.Complain(name, "must be an event type, a list of types, or \"*\" for any");
  }
  if (list.size() > kSelectorTypesMax) return object.Complain(name, "has more than 1000 types");
  for (const JsonValue type : list) {
    if (!type.is_string()) return object.Complain(name, "must hold event types, which are texts");
    out->emplace_back(TextOf(type));
  }
}

}  // namespace

void ReadFilters(const ObjectReader& object, std::string_view name, std::vector<Filter>* out) {
  const std::optional<JsonList> list = object.FindList(name);
  if (!list.has_value()) return;
  if (list->size() > kQueryFiltersMax) return object.Complain(name, "has more than 100 filters");
  out->clear();
  for (const JsonValue item : *list) {
    out->push_back(ReadFilter(item, object.ItemPath(name, out->size()), object.complaints()));
  }
}

void ReadSelectorFields(const ObjectReader& object, EventSelector* out) {
  if (object.Has("event")) ReadTypes(object, "event", &out->types);
  ReadFilters(object, "filters", &out->filters);
  object.ReadText("name", &out->name);
}

void ReadSelector(const ObjectReader& object, std::string_view name, EventSelector* out) {
  const std::optional<JsonValue> value = object.Find(name);
  if (!value.has_value()) return;
  *out = {};
  if (!value->is_object()) return ReadTypes(object, name, &out->types);
  const ObjectReader selector(*value, object.PathOf(name), kSelectorFields, object.complaints());
  ReadSelectorFields(selector, out);
}

void ReadScope(const ObjectReader& object, QueryScope* out) {
  object.ReadTime("from", &out->from);
  object.ReadTime("to", &out->to);
  object.ReadText("timezone", &out->timezone);
  ReadFilters(object, "filters", &out->filters);
  object.ReadCount("limit", &out->limit);
}

void ReadBreakdown(const ObjectReader& object, std::optional<Breakdown>* out) {
  const std::optional<JsonValue> value = object.Find("breakdown");
  if (!value.has_value()) return;
  const ObjectReader breakdown(*value, object.PathOf("breakdown"), kBreakdownFields,
                               object.complaints());
  out->emplace();
  breakdown.Require("field");
  breakdown.ReadText("field", &(*out)->field);
  breakdown.ReadCount("limit", &(*out)->limit);
}

void ReadSessionRules(const ObjectReader& object, SessionRules* out) {
  object.ReadDuration("timeout", &out->timeout);
  const std::optional<JsonValue> longest = object.Find("max_duration");
  if (longest.has_value() && longest->is_null()) {
    out->max_duration.reset();
  } else {
    object.ReadDuration("max_duration", &out->max_duration);
  }
  object.ReadFlags("split", kSplitNames, kSplitMembers, out);
}

}  // namespace v1
}  // namespace insightflow
