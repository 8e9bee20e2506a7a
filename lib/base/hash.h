// Hashing: XXH3, always with a seed that the store keeps, so that crafted input cannot aim at a
// table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace insightflow {
inline namespace v1 {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
};

std::uint64_t HashBytes(std::string_view bytes, std::uint64_t seed);

// HashBytes of all pieces together.
class HashStream {
 public:
  explicit HashStream(std::uint64_t seed);
  ~HashStream();
  void Add(std::string_view piece);
  std::uint64_t Sum() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

// Drawn once a process: for tables that live in memory only.
std::uint64_t ProcessSeed();
Hash128 HashBytes128(std::string_view bytes, std::uint64_t seed);

}  // namespace v1
}  // namespace insightflow
