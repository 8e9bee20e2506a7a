// Whether what a filter asks of its field can ever be: a comparison that no event passes, or every
// one, is a mistake that an empty answer would hide.
//
// Fields of the event have values of one kind: texts, or whole numbers. Properties may have any.
// The empty text and numbers out of a field's range are left alone: they are of the right kind, and
// an erased user's id leaves an empty text in stored funnels.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "insightflow/query.h"

namespace insightflow {
inline namespace v1 {

struct FilterMistake {
  std::string_view member;  // of the filter on the wire: "op" or "value"
  std::string what;         // and what is allowed
};

// Of a filter whose field is not known only what holds for every field. O(values).
std::optional<FilterMistake> FindFilterMistake(const Filter& filter);

}  // namespace v1
}  // namespace insightflow
