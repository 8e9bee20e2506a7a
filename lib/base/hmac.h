// A keyed hash for what must not be turned back: HMAC (RFC 2104) with SHA-256, from libsodium.
// Tables use lib/base/hash.h, which is faster and can be.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

using HmacDigest = std::array<std::uint8_t, 32>;

// Many messages under one key. Thread-safe.
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key) : key_(key) {}
  HmacDigest Of(std::string_view message) const;

 private:
  const std::string key_;
};

}  // namespace v1
}  // namespace insightflow
