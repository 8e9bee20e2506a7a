// Which texts are alike but for the values of their digits: a table that finds the plan of a short
// text at once. A cache beside a slower way: without SSE2 it finds nothing.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <vector>

#include "lib/base/hash.h"
#include "lib/base/short_text.h"

namespace insightflow {
inline namespace v1 {

// What to do with a text of a known layout.
struct TextPlan {
  static constexpr std::size_t kNumbersMax = 4;
  struct Number {
    std::uint8_t begin = 0;
    std::uint8_t digits = 0;
  };
  std::uint32_t shape = 0;  // 0: there is no plan, else the shape's index + 1
  std::uint32_t count = 0;
  std::array<Number, kNumbersMax> numbers;
};

class TextLayouts {
 public:
  // Bytes of a text that has a layout. kBytesMax may be read from its begin on.
  static constexpr std::size_t kBytesMin = 16;
  static constexpr std::size_t kBytesMax = 64;

  void Clear();
  bool full() const { return full_; }
  // The plan of the text's layout. With shape 0 the caller may set it; the next Find may move
  // plans.
  TextPlan* Find(const char* text, std::size_t size);

 private:
  // As many as stay in the near cache.
  static constexpr std::size_t kLayoutsMax = 512;

#if defined(__SSE2__)
  // The text with a 0 in place of every digit, in four words that may lie over each other.
  struct Words {
    __m128i at[4];
  };
  struct Layout {
    Words words;
    std::uint32_t size = 0;
    TextPlan plan;
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t layout = 0;  // 0: free, else its index + 1
  };
  static __m128i Load(const char* text);
  static Words Mask(const char* text, std::size_t size);
  static bool AreSame(const Words& a, const Words& b);
  std::uint32_t HashOf(const Words& words, std::size_t size) const;

  std::array<Slot, 2 * kLayoutsMax> table_;
  std::vector<Layout> layouts_;
  std::uint64_t seed_ = ProcessSeed();
#endif
  bool full_ = false;  // there was no room for a layout
  TextPlan none_;
};

#if defined(__SSE2__)

inline __m128i TextLayouts::Load(const char* text) {
  __m128i word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

inline TextLayouts::Words TextLayouts::Mask(const char* text, std::size_t size) {
  const std::size_t last = size - sizeof(__m128i);
  const std::size_t second = std::min(sizeof(__m128i), last);
  Words words = {{Load(text), Load(text + second), Load(text + last - second), Load(text + last)}};
  for (__m128i& word : words.at) {
    const __m128i value = _mm_sub_epi8(word, _mm_set1_epi8('0'));
    const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
    word = _mm_sub_epi8(word, _mm_and_si128(value, is_digit));
  }
  return words;
}

inline bool TextLayouts::AreSame(const Words& a, const Words& b) {
  __m128i same = _mm_cmpeq_epi8(a.at[0], b.at[0]);
  for (std::size_t i = 1; i < std::size(a.at); ++i) {
    same = _mm_and_si128(same, _mm_cmpeq_epi8(a.at[i], b.at[i]));
  }
  return _mm_movemask_epi8(same) == 0xffff;
}

// Source: Yann Collet, XXH3: the halves of each word, with a secret mixed in, are multiplied.
inline std::uint32_t TextLayouts::HashOf(const Words& words, std::size_t size) const {
  constexpr std::array<std::uint64_t, 4> kSecret = {0xa0761d6478bd642f, 0xe7037ed1a0b428db,
                                                    0x8ebc6af09c88c6e3, 0x589965cc75374cc3};
  __m128i sum = _mm_setzero_si128();
  for (std::size_t i = 0; i < std::size(words.at); ++i) {
    const __m128i secret = _mm_set1_epi64x(static_cast<std::int64_t>(kSecret[i] ^ seed_));
    const __m128i mixed = _mm_xor_si128(words.at[i], secret);
    sum = _mm_add_epi64(sum, _mm_mul_epu32(mixed, _mm_srli_epi64(mixed, 32)));
    sum = _mm_add_epi64(sum, _mm_shuffle_epi32(words.at[i], 0x4e));
  }
  const auto low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(sum));
  const auto high = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(sum, sum)));
  return static_cast<std::uint32_t>(
      internal::MultiplyFold(low ^ kSecret[0], high ^ seed_ ^ size << 32));
}

inline void TextLayouts::Clear() {
  table_ = {};
  layouts_.clear();
  full_ = false;
}

inline TextPlan* TextLayouts::Find(const char* text, std::size_t size) {
  const Words words = Mask(text, size);
  const std::uint32_t hash = HashOf(words, size);
  for (std::size_t at = hash % table_.size();; at = (at + 1) % table_.size()) {
    Slot& slot = table_[at];
    if (slot.layout == 0) {
      if (layouts_.size() == kLayoutsMax) {
        full_ = true;
        none_.shape = 0;
        return &none_;
      }
      layouts_.push_back({words, static_cast<std::uint32_t>(size), TextPlan()});
      slot = {hash, static_cast<std::uint32_t>(layouts_.size())};
      return &layouts_.back().plan;
    }
    Layout& layout = layouts_[slot.layout - 1];
    if (slot.hash == hash && layout.size == size && AreSame(layout.words, words)) {
      return &layout.plan;
    }
  }
}

#else

inline void TextLayouts::Clear() {}
inline TextPlan* TextLayouts::Find(const char*, std::size_t) {
  none_.shape = 0;
  return &none_;
}

#endif

}  // namespace v1
}  // namespace insightflow
