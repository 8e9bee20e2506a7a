// One filter of a query, compiled. Immutable: threads may share it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "insightflow/query.h"
#include "insightflow/status.h"
#include "lib/model/event_value.h"
#include "lib/model/field_ref.h"

namespace insightflow {
inline namespace v1 {

// As on the wire: "starts_with".
std::string_view FilterOpName(FilterOp op);

class Predicate {
 public:
  // kInvalidArgument: an unknown field, or values that the operator does not take.
  static Result<Predicate> Create(const Filter& filter);

  const FieldRef& field() const { return field_; }
  // O(size of the text × values), of kIn O(log values).
  bool Matches(const EventValue& value) const;

  friend bool operator==(const Predicate&, const Predicate&) = default;

 private:
  bool MatchesAny(const EventValue& value) const;
  bool Compares(const EventValue& value) const;

  FieldRef field_;
  FilterOp op_ = FilterOp::kEq;
  std::vector<FilterValue> values_;  // of kIn and kNotIn without the texts
  std::vector<std::string> texts_;   // of kIn and kNotIn, sorted
  bool wanted_ = true;               // of kExists
};

// The glob of FilterOp::kGlob; ? is one character of UTF-8. O(size of pattern × size of text).
bool MatchesGlob(std::string_view pattern, std::string_view text);

// -1, 0 or 1; exact also where a double cannot hold the integer.
int CompareNumbers(const EventValue& value, const FilterValue& number);

}  // namespace v1
}  // namespace insightflow
