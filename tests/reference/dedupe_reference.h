// The naive twin of the dedupe window: every key with the time it was first seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "lib/base/hash.h"

namespace insightflow::testing {

class DedupeReference {
 public:
  // When the key was last taken as fresh.
  std::optional<std::int64_t> SeenAt(const Hash128& key) const {
    const auto found = seen_.find(key);
    if (found == seen_.end()) return std::nullopt;
    return found->second;
  }
  void Forget(const Hash128& key) { seen_.erase(key); }
  void Remember(const Hash128& key, std::int64_t now_ms) { seen_[key] = now_ms; }

 private:
  struct Hasher {
    std::size_t operator()(const Hash128& key) const { return key.low * 31 + key.high; }
  };
  std::unordered_map<Hash128, std::int64_t, Hasher> seen_;
};

}  // namespace insightflow::testing
