#include "lib/base/hash.h"

#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace insightflow {
inline namespace v1 {

std::uint64_t HashBytes(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct HashStream::State {
  XXH3_state_t xxh;
};

HashStream::HashStream(std::uint64_t seed) : state_(std::make_unique<State>()) {
  XXH3_64bits_reset_withSeed(&state_->xxh, seed);
}

HashStream::~HashStream() = default;

void HashStream::Add(std::string_view piece) {
  XXH3_64bits_update(&state_->xxh, piece.data(), piece.size());
}

std::uint64_t HashStream::Sum() const { return XXH3_64bits_digest(&state_->xxh); }

std::uint64_t ProcessSeed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  return seed;
}

Hash128 HashBytes128(std::string_view bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

}  // namespace v1
}  // namespace insightflow
