// Where a text has digits: a bit a byte, found 16 bytes at a time.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace insightflow {
inline namespace v1 {

class DigitMarks {
 public:
  static constexpr std::size_t kBlock = 64;

  // Marks the digits of `text`. False when it has one of the bytes 1 … `other`. With `slack`,
  // kBlock bytes behind it may be read, and are judged as it is.
  bool Mark(std::string_view text, std::uint8_t other, bool slack) {
    const std::size_t whole = text.size() / kBlock;
    if (words_.size() < whole + 2) words_.resize(whole + 2);
    bool found = false;
    const char* from = text.data();
    for (std::size_t word = 0; word < whole; ++word, from += kBlock) {
      words_[word] = MarkBlock(from, other, &found);
    }
    std::array<char, kBlock> last;
    if (!slack) {
      last = {};
      if (text.size() % kBlock != 0) std::memcpy(last.data(), from, text.size() % kBlock);
      from = last.data();
    }
    words_[whole] = MarkBlock(from, other, &found);
    return !found;
  }

  // The first digit in [at, end), or `end`; the same for other bytes.
  std::size_t NextDigit(std::size_t at, std::size_t end) const { return Next(at, end, 0); }
  std::size_t NextOther(std::size_t at, std::size_t end) const { return Next(at, end, ~0ull); }

 private:
#if defined(__SSE2__)
  static __m128i AtMost(__m128i bytes, int most) {
    return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(static_cast<char>(most))), bytes);
  }

  static std::uint64_t MarkBlock(const char* from, std::uint8_t other, bool* found) {
    std::uint64_t marks = 0;
    __m128i others = _mm_setzero_si128();
    for (int part = 0; part < 4; ++part) {
      __m128i bytes;
      std::memcpy(&bytes, from + 16 * part, sizeof bytes);
      const __m128i digits = AtMost(_mm_sub_epi8(bytes, _mm_set1_epi8('0')), 9);
      const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(digits));
      marks |= std::uint64_t{mask} << (16 * part);
      others = _mm_or_si128(others, AtMost(_mm_sub_epi8(bytes, _mm_set1_epi8(1)), other - 1));
    }
    *found |= _mm_movemask_epi8(others) != 0;
    return marks;
  }
#else
  static std::uint64_t MarkBlock(const char* from, std::uint8_t other, bool* found) {
    std::uint64_t marks = 0;
    for (int i = 0; i < 64; ++i) {
      const auto byte = static_cast<std::uint8_t>(from[i]);
      marks |= std::uint64_t{static_cast<std::uint8_t>(byte - '0') < 10} << i;
      *found |= static_cast<std::uint8_t>(byte - 1) < other;
    }
    return marks;
  }
#endif

  std::size_t Next(std::size_t at, std::size_t end, std::uint64_t invert) const {
    constexpr std::size_t kStep = 56;  // bits that an unaligned word has at least, in whole bytes
    for (; at < end; at += kStep) {
      std::uint64_t word;
      std::memcpy(&word, reinterpret_cast<const char*>(words_.data()) + at / 8, sizeof word);
      word = (word ^ invert) >> (at % 8) & ((std::uint64_t{1} << kStep) - 1);
      if (word == 0) continue;
      at += static_cast<std::size_t>(std::countr_zero(word));
      break;
    }
    return at < end ? at : end;
  }

  std::vector<std::uint64_t> words_;
};

}  // namespace v1
}  // namespace insightflow
