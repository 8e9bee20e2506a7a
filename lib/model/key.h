// The dedupe key of an event that carries an id: decoders set it, readers of the log rebuild it.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {

inline Hash128 EventIdKey(std::string_view event_id, std::uint64_t hash_seed) {
  return HashBytes128(event_id, hash_seed);
}

}  // namespace v1
}  // namespace insightflow
