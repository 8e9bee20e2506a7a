// What random tests read from their environment: INSIGHTFLOW_SEED repeats a run that is printed,
// INSIGHTFLOW_CASES sets how many cases it takes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace insightflow::testing {

inline std::uint64_t RandomSeed(std::uint64_t usual = std::random_device{}()) {
  const char* given = std::getenv("INSIGHTFLOW_SEED");
  const std::uint64_t seed =
      given != nullptr && *given != '\0' ? std::strtoull(given, nullptr, 10) : usual;
  std::cout << "INSIGHTFLOW_SEED=" << seed << std::endl;  // seen even when the test crashes
  return seed;
}

// Random cases, or kills. Under a sanitizer a quarter of the usual: it asks whether each way
// through the code is sound. The plain build, which is ten times as fast, takes them all.
inline int RandomCases(int usual) {
  const char* given = std::getenv("INSIGHTFLOW_CASES");
  if (given != nullptr && *given != '\0') return std::atoi(given);
#ifdef INSIGHTFLOW_SANITIZED
  return std::max(1, usual / 4);
#else
  return usual;
#endif
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  std::int64_t Below(std::int64_t bound) { return Between(0, bound - 1); }
  bool OneIn(std::int64_t n) { return Below(n) == 0; }
  template <typename List>
  const typename List::value_type& Of(const List& list) {
    return list[static_cast<std::size_t>(Below(static_cast<std::int64_t>(list.size())))];
  }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace insightflow::testing
