// SHA-256 (FIPS 180-4) and its keyed form, HMAC (RFC 2104): for what must not be turned back.
// Tables use lib/base/hash.h, which is faster and can be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace insightflow {
inline namespace v1 {

using Sha256Digest = std::array<std::uint8_t, 32>;

// One message, in any number of pieces. A copy goes on from where the original stands.
class Sha256 {
 public:
  void Update(std::string_view bytes);
  // Call once, at the message's end.
  Sha256Digest Finish();

 private:
  static constexpr std::size_t kBlockBytes = 64;

  void Compress(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, kBlockBytes> block_ = {};
  std::size_t block_size_ = 0;
  std::uint64_t total_bytes_ = 0;
};

// Many messages under one key, which is taken in once.
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  Sha256Digest Of(std::string_view message) const;

 private:
  Sha256 inner_;
  Sha256 outer_;
};

}  // namespace v1
}  // namespace insightflow
