#include "lib/model/predicate.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace insightflow {
inline namespace v1 {
namespace {

bool IsText(const FilterValue& value) { return std::holds_alternative<std::string>(value); }
bool IsBool(const FilterValue& value) { return std::holds_alternative<bool>(value); }
bool IsNan(const FilterValue& value) {
  const auto* const real = std::get_if<double>(&value);
  return real != nullptr && std::isnan(*real);
}
bool IsNumber(const FilterValue& value) { return !IsText(value) && !IsBool(value); }

Status CheckValues(const Filter& filter) {
  const auto& values = filter.values;
  const std::string what =
      "the filter " + std::string(FilterOpName(filter.op)) + " on " + filter.field + " takes ";
  if (std::any_of(values.begin(), values.end(), IsNan)) return InvalidArgument(what + "numbers");
  switch (filter.op) {
    case FilterOp::kIn:
    case FilterOp::kNotIn:
      if (values.empty()) return InvalidArgument(what + "at least one value");
      return Status::Ok();
    case FilterOp::kExists:
      if (values.empty() || (values.size() == 1 && IsBool(values[0]))) return Status::Ok();
      return InvalidArgument(what + "no value, or true or false");
    case FilterOp::kContains:
    case FilterOp::kStartsWith:
    case FilterOp::kGlob:
      if (values.size() == 1 && IsText(values[0])) return Status::Ok();
      return InvalidArgument(what + "one text");
    case FilterOp::kGt:
    case FilterOp::kGte:
    case FilterOp::kLt:
    case FilterOp::kLte:
      if (values.size() == 1 && !IsBool(values[0])) return Status::Ok();
      return InvalidArgument(what + "one number or text");
    case FilterOp::kEq:
    case FilterOp::kNe:
      if (values.size() == 1) return Status::Ok();
      return InvalidArgument(what + "one value");
  }
  return InvalidArgument("unknown filter operator");
}

template <typename T>
int Order(const T& a, const T& b) {
  if (a < b) return -1;
  return b < a ? 1 : 0;
}

// Of an integer and a real that may lie beyond all integers.
int OrderMixed(std::int64_t integer, double real) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (real >= kLimit) return -1;
  if (real < -kLimit) return 1;
  const double floor = std::floor(real);
  const int whole = Order(integer, static_cast<std::int64_t>(floor));
  return whole != 0 || floor == real ? whole : -1;
}

bool Equals(const EventValue& value, const FilterValue& wanted) {
  switch (value.kind) {
    case EventValue::Kind::kText:
      return IsText(wanted) && value.text == std::get<std::string>(wanted);
    case EventValue::Kind::kBool:
      return IsBool(wanted) && (value.integer != 0) == std::get<bool>(wanted);
    case EventValue::Kind::kInteger:
    case EventValue::Kind::kReal: return IsNumber(wanted) && CompareNumbers(value, wanted) == 0;
    case EventValue::Kind::kAbsent:
    case EventValue::Kind::kOther: return false;
  }
  return false;
}

std::size_t CharacterBytes(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) ++size;
  return size;
}

}  // namespace

std::string_view FilterOpName(FilterOp op) {
  switch (op) {
    case FilterOp::kEq: return "eq";
    case FilterOp::kNe: return "ne";
    case FilterOp::kIn: return "in";
    case FilterOp::kNotIn: return "not_in";
    case FilterOp::kContains: return "contains";
    case FilterOp::kStartsWith: return "starts_with";
    case FilterOp::kGlob: return "glob";
    case FilterOp::kGt: return "gt";
    case FilterOp::kGte: return "gte";
    case FilterOp::kLt: return "lt";
    case FilterOp::kLte: return "lte";
    case FilterOp::kExists: return "exists";
  }
  return "";
}

int CompareNumbers(const EventValue& value, const FilterValue& number) {
  if (const auto* integer = std::get_if<std::int64_t>(&number)) {
    if (value.kind == EventValue::Kind::kInteger) return Order(value.integer, *integer);
    return -OrderMixed(*integer, value.real);
  }
  const double real = std::get<double>(number);
  if (value.kind == EventValue::Kind::kInteger) return OrderMixed(value.integer, real);
  return Order(value.real, real);
}

// The classic walk with one point to come back to: the last star.
bool MatchesGlob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    const bool any = p < pattern.size() && pattern[p] == '?';
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (any) {
      ++p;
      t += CharacterBytes(text.substr(t));
    } else if (p < pattern.size() && pattern[p + (escaped ? 1 : 0)] == text[t]) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<Predicate> Predicate::Create(const Filter& filter) {
  Result<FieldRef> field = ParseFieldRef(filter.field);
  if (!field.ok()) return field.status();
  if (Status status = CheckValues(filter); !status.ok()) return status;
  Predicate predicate;
  predicate.field_ = std::move(*field);
  predicate.op_ = filter.op;
  if (filter.op == FilterOp::kExists) {
    predicate.wanted_ = filter.values.empty() || std::get<bool>(filter.values[0]);
    return predicate;
  }
  const bool is_list = filter.op == FilterOp::kIn || filter.op == FilterOp::kNotIn;
  for (const FilterValue& value : filter.values) {
    if (is_list && IsText(value)) {
      predicate.texts_.push_back(std::get<std::string>(value));
    } else {
      predicate.values_.push_back(value);
    }
  }
  std::sort(predicate.texts_.begin(), predicate.texts_.end());
  return predicate;
}

bool Predicate::MatchesAny(const EventValue& value) const {
  if (value.kind == EventValue::Kind::kText) {
    return std::binary_search(texts_.begin(), texts_.end(), value.text, std::less<>());
  }
  return std::any_of(values_.begin(), values_.end(),
                     [&](const FilterValue& wanted) { return Equals(value, wanted); });
}

bool Predicate::Compares(const EventValue& value) const {
  const FilterValue& bound = values_[0];
  int order = 0;
  if (IsText(bound)) {
    if (value.kind != EventValue::Kind::kText) return false;
    order = Order<std::string_view>(value.text, std::get<std::string>(bound));
  } else {
    if (!value.is_number()) return false;
    order = CompareNumbers(value, bound);
  }
  switch (op_) {
    case FilterOp::kGt: return order > 0;
    case FilterOp::kGte: return order >= 0;
    case FilterOp::kLt: return order < 0;
    default: return order <= 0;
  }
}

bool Predicate::Matches(const EventValue& value) const {
  const bool is_text = value.kind == EventValue::Kind::kText;
  const auto text = [&]() -> const std::string& { return std::get<std::string>(values_[0]); };
  switch (op_) {
    case FilterOp::kEq: return Equals(value, values_[0]);
    case FilterOp::kNe: return !Equals(value, values_[0]);
    case FilterOp::kIn: return MatchesAny(value);
    case FilterOp::kNotIn: return !MatchesAny(value);
    case FilterOp::kContains: return is_text && value.text.find(text()) != std::string_view::npos;
    case FilterOp::kStartsWith: return is_text && value.text.starts_with(text());
    case FilterOp::kGlob: return is_text && MatchesGlob(text(), value.text);
    case FilterOp::kGt:
    case FilterOp::kGte:
    case FilterOp::kLt:
    case FilterOp::kLte: return Compares(value);
    case FilterOp::kExists: return (value.kind != EventValue::Kind::kAbsent) == wanted_;
  }
  return false;
}

}  // namespace v1
}  // namespace insightflow
