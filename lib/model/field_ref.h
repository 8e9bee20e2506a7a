// What a query calls a field: a member of the event's wire form, or a path into extra_data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

struct FieldRef {
  enum class Kind : std::uint8_t {
    kText,
    kEventId,
    kTimestamp,
    kPositionX,
    kPositionY,
    kClientSeq,
    kExtra,
  };
  Kind kind = Kind::kText;
  Field field = Field::kUserId;   // of kText
  std::vector<std::string> path;  // of kExtra: at least one key

  friend bool operator==(const FieldRef&, const FieldRef&) = default;
};

// "page_url", "timestamp", "extra_data.plan.tier". kInvalidArgument, with what is allowed, for
// anything else.
Result<FieldRef> ParseFieldRef(std::string_view name);
std::string FieldRefName(const FieldRef& ref);

// Whether values can be numbers.
constexpr bool MayBeNumber(FieldRef::Kind kind) {
  return kind != FieldRef::Kind::kText && kind != FieldRef::Kind::kEventId;
}

}  // namespace v1
}  // namespace insightflow
