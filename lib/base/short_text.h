// Hashing, comparing and copying of texts that are mostly short: names, ids, paths. Inline, and
// without calls for up to 16 bytes, because an event has a dozen of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace insightflow {
inline namespace v1 {
namespace internal {

template <typename Word>
Word LoadAt(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

inline std::uint64_t MultiplyFold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace internal

// For tables that live in memory only, with a seed that no sender can know (ProcessSeed). Source:
// Wang Yi, wyhash (final version 4), in its short form: two words a multiplication.
inline std::uint64_t ShortTextHash(std::string_view text, std::uint64_t seed) {
  using internal::LoadAt;
  using internal::MultiplyFold;
  constexpr std::uint64_t kFirst = 0xa0761d6478bd642f;
  constexpr std::uint64_t kSecond = 0xe7037ed1a0b428db;
  const char* begin = text.data();
  const char* const end = begin + text.size();
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  seed ^= kFirst;
  if (text.size() >= 8) {
    for (; end - begin > 16; begin += 16) {
      seed = MultiplyFold(LoadAt<std::uint64_t>(begin) ^ kSecond,
                          LoadAt<std::uint64_t>(begin + 8) ^ seed);
    }
    a = LoadAt<std::uint64_t>(text.size() > 16 ? end - 16 : begin);
    b = LoadAt<std::uint64_t>(end - 8);
  } else if (text.size() >= 4) {
    a = LoadAt<std::uint32_t>(begin);
    b = LoadAt<std::uint32_t>(end - 4);
  } else if (!text.empty()) {
    a = static_cast<std::uint64_t>(static_cast<unsigned char>(begin[0])) << 16 |
        static_cast<std::uint64_t>(static_cast<unsigned char>(begin[text.size() / 2])) << 8 |
        static_cast<unsigned char>(end[-1]);
  }
  return MultiplyFold(kSecond ^ text.size(), MultiplyFold(a ^ kSecond, b ^ seed));
}

// Whether `size` bytes are the same.
inline bool SameBytes(const char* a, const char* b, std::size_t size) {
  using internal::LoadAt;
  if (size > 16) return std::memcmp(a, b, size) == 0;
  const auto differ = [&]<typename Word>(Word) {
    const std::size_t tail = size - sizeof(Word);
    return (LoadAt<Word>(a) ^ LoadAt<Word>(b)) | (LoadAt<Word>(a + tail) ^ LoadAt<Word>(b + tail));
  };
  if (size >= 8) return differ(std::uint64_t{}) == 0;
  if (size >= 4) return differ(std::uint32_t{}) == 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// The same as a == b.
inline bool EqualBytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && SameBytes(a.data(), b.data(), a.size());
}

// Whether one of two characters occurs. Eight bytes at once: a byte is 0 where it is the character,
// and only subtracting 1 from such a byte, or from one that a lower such byte borrows from, turns
// its top bit on while it was off.
inline bool HasEither(std::string_view text, char a, char b) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t all_a = kOnes * static_cast<unsigned char>(a);
  const std::uint64_t all_b = kOnes * static_cast<unsigned char>(b);
  const auto zeros = [&](std::uint64_t word) { return (word - kOnes) & ~word; };
  const auto found = [&](const char* bytes) {
    const auto word = internal::LoadAt<std::uint64_t>(bytes);
    return zeros(word ^ all_a) | zeros(word ^ all_b);
  };
  const char* begin = text.data();
  const char* const end = begin + text.size();
  std::uint64_t hits = 0;
  if (text.size() < 8) {
    for (; begin != end; ++begin) hits |= *begin == a || *begin == b ? 1u << 7 : 0;
    return hits != 0;
  }
  for (; end - begin > 8; begin += 8) hits |= found(begin);
  return ((hits | found(end - 8)) & kOnes << 7) != 0;
}

// Copies bytes that do not overlap with where they go.
inline void CopyBytes(char* to, const char* from, std::size_t size) {
  using internal::LoadAt;
  const auto copy = [&]<typename Word>(Word) {
    const Word head = LoadAt<Word>(from);
    const Word tail = LoadAt<Word>(from + size - sizeof(Word));
    std::memcpy(to, &head, sizeof head);
    std::memcpy(to + size - sizeof tail, &tail, sizeof tail);
  };
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    copy(std::uint64_t{});
  } else if (size >= 4) {
    copy(std::uint32_t{});
  } else {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  }
}

}  // namespace v1
}  // namespace insightflow
