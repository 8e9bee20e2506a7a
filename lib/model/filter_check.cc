#include "lib/model/filter_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <variant>

#include "lib/base/suggest.h"
#include "lib/base/utf8.h"
#include "lib/model/field_ref.h"
#include "lib/model/predicate.h"
#include "lib/model/query_check.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::string_view, 9> kOpsOfNumbers = {"eq",  "ne", "in",  "not_in", "gt",
                                                           "gte", "lt", "lte", "exists"};

bool IsText(const FilterValue& value) { return std::holds_alternative<std::string>(value); }
bool IsBool(const FilterValue& value) { return std::holds_alternative<bool>(value); }
bool IsWhole(const FilterValue& value) {
  const auto* const real = std::get_if<double>(&value);
  return real != nullptr ? std::floor(*real) == *real : std::holds_alternative<std::int64_t>(value);
}

bool TakesList(FilterOp op) { return op == FilterOp::kIn || op == FilterOp::kNotIn; }
bool IsOfTexts(FilterOp op) {
  return op == FilterOp::kContains || op == FilterOp::kStartsWith || op == FilterOp::kGlob;
}
bool Orders(FilterOp op) {
  return op == FilterOp::kGt || op == FilterOp::kGte || op == FilterOp::kLt || op == FilterOp::kLte;
}

// What no operator takes.
std::string MistakeOfValue(const FilterValue& value) {
  const auto* const text = std::get_if<std::string>(&value);
  if (text != nullptr && !IsUtf8(*text)) return "is not UTF-8";
  const auto* const real = std::get_if<double>(&value);
  if (real != nullptr && !std::isfinite(*real)) return "must be a finite number";
  return {};
}

// What the operator does not take, whatever the field.
std::string MistakeOfOp(const Filter& filter) {
  const auto& values = filter.values;
  if (TakesList(filter.op)) {
    if (values.empty()) return "needs at least one value";
    return values.size() <= kFilterValuesMax
               ? ""
               : "at most " + std::to_string(kFilterValuesMax) + " are allowed";
  }
  if (filter.op == FilterOp::kExists) {
    const bool good = values.empty() || (values.size() == 1 && IsBool(values[0]));
    return good ? "" : "must be true, false or absent with exists";
  }
  if (values.size() != 1) return "must be one value; in and not_in take a list";
  if (IsOfTexts(filter.op) && !IsText(values[0])) {
    return "must be a text with contains, starts_with and glob";
  }
  if (Orders(filter.op) && IsBool(values[0])) {
    return "must be a number or a text with gt, gte, lt and lte";
  }
  return {};
}

// What the field never is.
std::string MistakeOfField(const Filter& filter, FieldRef::Kind kind) {
  const auto& values = filter.values;
  const std::string must = TakesList(filter.op) ? "must hold " : "must be ";
  const bool one = !TakesList(filter.op);
  if (!MayBeNumber(kind)) {
    if (std::all_of(values.begin(), values.end(), IsText)) return {};
    return must + (one ? "a text: " : "texts only: ") + filter.field +
           " is never a number or a boolean";
  }
  const auto is_number = [](const FilterValue& v) { return !IsText(v) && !IsBool(v); };
  if (!std::all_of(values.begin(), values.end(), is_number)) {
    if (kind == FieldRef::Kind::kTimestamp) {
      return must + (one ? "a time" : "times only") +
             ": milliseconds since 1970, or, in JSON, ISO 8601 with a zone";
    }
    return must + (one ? "a number: " : "numbers only: ") + filter.field +
           " is never a text or a boolean";
  }
  if (Orders(filter.op) || std::all_of(values.begin(), values.end(), IsWhole)) return {};
  return must + (one ? "a whole number: " : "whole numbers only: ") + filter.field +
         " has no fractions";
}

}  // namespace

std::optional<FilterMistake> FindFilterMistake(const Filter& filter) {
  const Result<FieldRef> field = ParseFieldRef(filter.field);
  const FieldRef::Kind kind = field.ok() ? field->kind : FieldRef::Kind::kExtra;
  const bool any_kind = kind == FieldRef::Kind::kExtra;
  if (!any_kind && MayBeNumber(kind) && IsOfTexts(filter.op)) {
    return FilterMistake{"op", std::string(FilterOpName(filter.op)) + " goes with texts, and " +
                                   filter.field + " is a number: " + ListOf(kOpsOfNumbers)};
  }
  std::string what = MistakeOfOp(filter);
  for (const FilterValue& value : filter.values) {
    if (what.empty()) what = MistakeOfValue(value);
  }
  if (what.empty() && !any_kind && filter.op != FilterOp::kExists) {
    what = MistakeOfField(filter, kind);
  }
  if (what.empty()) return std::nullopt;
  return FilterMistake{"value", std::move(what)};
}

}  // namespace v1
}  // namespace insightflow
