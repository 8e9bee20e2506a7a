#include "lib/base/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace insightflow {
inline namespace v1 {
namespace {

// The first 32 bits of the fractions of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

template <typename T>
T LoadBigEndian(const std::uint8_t* bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8 | bytes[i]);
  return value;
}

template <typename T>
void StoreBigEndian(T value, std::uint8_t* bytes) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  }
}

}  // namespace

void Sha256::Compress(const std::uint8_t* block) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = LoadBigEndian<std::uint32_t>(block + 4 * t);
  for (std::size_t t = 16; t < w.size(); ++t) {
    const std::uint32_t a = w[t - 15];
    const std::uint32_t b = w[t - 2];
    w[t] = w[t - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[t - 7] +
           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t t = 0; t < w.size(); ++t) {
    const std::uint32_t sum = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                              ((e & f) ^ (~e & g)) + kRoundConstants[t] + w[t];
    const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = d + sum;
    d = c;
    c = b;
    b = a;
    a = sum + (std::rotr(b, 2) ^ std::rotr(b, 13) ^ std::rotr(b, 22)) + majority;
  }
  const std::array<std::uint32_t, 8> mixed = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state_.size(); ++i) state_[i] += mixed[i];
}

void Sha256::Update(std::string_view bytes) {
  total_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t take = std::min(bytes.size(), kBlockBytes - block_size_);
    std::memcpy(block_.data() + block_size_, bytes.data(), take);
    bytes.remove_prefix(take);
    block_size_ += take;
    if (block_size_ < kBlockBytes) return;
    Compress(block_.data());
    block_size_ = 0;
  }
}

// The message is followed by a one bit, zeros up to a whole block, and its length in bits.
Sha256Digest Sha256::Finish() {
  std::array<std::uint8_t, sizeof(std::uint64_t)> bits;
  StoreBigEndian(total_bytes_ * 8, bits.data());
  constexpr std::size_t kLengthAt = kBlockBytes - bits.size();
  constexpr std::array<char, kBlockBytes> kPadding = {'\x80'};
  const std::size_t zeros_from = block_size_ < kLengthAt ? kLengthAt : kBlockBytes + kLengthAt;
  Update({kPadding.data(), zeros_from - block_size_});
  Update({reinterpret_cast<const char*>(bits.data()), bits.size()});
  Sha256Digest digest;
  for (std::size_t i = 0; i < state_.size(); ++i) {
    StoreBigEndian(state_[i], digest.data() + i * sizeof(std::uint32_t));
  }
  return digest;
}

HmacSha256::HmacSha256(std::string_view key) {
  constexpr char kInnerPad = 0x36;
  constexpr char kOuterPad = 0x5c;
  std::array<char, 64> block = {};
  if (key.size() <= block.size()) {
    std::copy(key.begin(), key.end(), block.begin());
  } else {
    Sha256 hash;
    hash.Update(key);
    const Sha256Digest digest = hash.Finish();
    std::memcpy(block.data(), digest.data(), digest.size());
  }
  for (char& c : block) c = static_cast<char>(c ^ kInnerPad);
  inner_.Update({block.data(), block.size()});
  for (char& c : block) c = static_cast<char>(c ^ kInnerPad ^ kOuterPad);
  outer_.Update({block.data(), block.size()});
}

Sha256Digest HmacSha256::Of(std::string_view message) const {
  Sha256 inner = inner_;
  inner.Update(message);
  const Sha256Digest digest = inner.Finish();
  Sha256 outer = outer_;
  outer.Update({reinterpret_cast<const char*>(digest.data()), digest.size()});
  return outer.Finish();
}

}  // namespace v1
}  // namespace insightflow
