#include "lib/model/packed_texts.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/base/hex_digits.h"
#include "lib/model/event_id_form.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kEntriesMin = 8;
constexpr std::size_t kDigitsMin = 4;
// Digits are packed in blocks of so many.
constexpr std::size_t kBlockDigits = 32;
// Texts up to this length are copied as if they had it, so that much lies behind them.
constexpr std::size_t kShort = 16;

constexpr std::size_t RoundUp(std::size_t digits) {
  return (digits + kBlockDigits - 1) / kBlockDigits * kBlockDigits;
}

bool IsDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Bytes that all texts begin with, up to `most`.
std::size_t CommonPrefix(const char* texts, std::size_t entries, std::size_t length,
                         std::size_t most) {
  for (std::size_t at = 0; at < most; ++at) {
    const char* text = texts + at;
    for (std::size_t i = 1; i < entries; ++i) {
      if (text[i * length] != *text) return at;
    }
  }
  return most;
}

// The ending that the first text allows, by what all texts begin with.
std::uint8_t EndingOf(std::string_view first, std::size_t prefix) {
  std::array<std::uint8_t, kPackedIdBytes> packed;
  if (first.size() >= kUuidBytes &&
      PackEventId(first.substr(first.size() - kUuidBytes), packed.data()) == EventIdForm::kUuid) {
    return prefix >= first.size() - kUuidBytes ? kPackedUuid : 0;
  }
  std::size_t digits = 0;
  while (digits < first.size() - prefix && IsDigit(first[first.size() - 1 - digits])) ++digits;
  const bool all = digits == first.size() - prefix;
  return all && digits >= kDigitsMin && digits <= kPackedDigitsMax
             ? static_cast<std::uint8_t>(digits)
             : 0;
}

// Copies a short text; 16 bytes may be read and written.
void CopyShort(const char* from, std::size_t size, char* to) {
  if (size <= kShort) {
    std::memcpy(to, from, kShort);
  } else {
    std::memcpy(to, from, size);
  }
}

// Packs the last `digits` of each text, all of them at once: that is faster than text by text.
bool PackDigits(const char* texts, std::size_t entries, std::size_t length, std::size_t digits,
                std::string* hex, std::string* packed) {
  const std::size_t even = digits + digits % 2;
  const std::size_t hex_bytes = entries * even;
  hex->assign(RoundUp(hex_bytes) + kShort, '0');
  const char* from = texts + length - digits;
  char* to = hex->data() + digits % 2;
  for (std::size_t i = 0; i < entries; ++i, from += length, to += even) {
    CopyShort(from, digits, to);
    to[digits] = '0';
  }
  std::fill(hex->begin() + static_cast<std::ptrdiff_t>(hex_bytes), hex->end(), '0');
  const std::size_t before = packed->size();
  packed->resize(before + RoundUp(hex_bytes) / 2);
  auto* bytes = reinterpret_cast<std::uint8_t*>(packed->data() + before);
  bool good = true;
  for (std::size_t at = 0; at < hex_bytes; at += kBlockDigits, bytes += kBlockDigits / 2) {
    good &= PackHex<kBlockDigits>(hex->data() + at, bytes);
  }
  packed->resize(good ? before + hex_bytes / 2 : before);
  return good;
}

// Unpacks all digits, with kShort bytes behind them.
void UnpackDigits(std::string_view packed, std::string* hex) {
  hex->resize(RoundUp(2 * packed.size()) + kShort);
  const auto* from = reinterpret_cast<const std::uint8_t*>(packed.data());
  char* to = hex->data();
  const std::size_t rest = packed.size() % (kBlockDigits / 2);
  for (std::size_t left = packed.size() - rest; left > 0; left -= kBlockDigits / 2) {
    UnpackHex<kBlockDigits>(from, to);
    from += kBlockDigits / 2;
    to += kBlockDigits;
  }
  std::array<std::uint8_t, kBlockDigits / 2> last = {};
  std::memcpy(last.data(), from, rest);
  if (rest != 0) UnpackHex<kBlockDigits>(last.data(), to);
}

bool PackUuids(const char* texts, std::size_t entries, std::size_t length, std::string* packed) {
  const std::size_t before = packed->size();
  packed->resize(before + entries * kPackedIdBytes);
  auto* to = reinterpret_cast<std::uint8_t*>(packed->data() + before);
  bool good = true;
  for (const char* from = texts + length - kUuidBytes; good && entries > 0; --entries) {
    good = PackEventId({from, kUuidBytes}, to) == EventIdForm::kUuid;
    from += length;
    to += kPackedIdBytes;
  }
  if (!good) packed->resize(before);
  return good;
}

}  // namespace

std::size_t EndingTextBytes(std::uint8_t ending) {
  return ending == kPackedUuid ? kUuidBytes : ending;
}

std::size_t EndingPackedBytes(std::uint8_t ending) {
  return ending == kPackedUuid ? kPackedIdBytes : (std::size_t{ending} + 1) / 2;
}

std::uint8_t PackTexts(std::size_t entries, std::size_t length, std::string* texts,
                       std::string* packed) {
  if (entries < kEntriesMin || length < kDigitsMin) return 0;
  const std::size_t begin = texts->size() - entries * length;
  const std::string_view first = std::string_view(*texts).substr(begin, length);
  const std::size_t most = std::min(length - kDigitsMin, kPackedPrefixMax);
  const std::size_t prefix = CommonPrefix(first.data(), entries, length, most);
  const std::uint8_t ending = EndingOf(first, prefix);
  if (ending == 0) return 0;
  texts->resize(texts->size() + kShort);
  const char* const all = texts->data() + begin;
  thread_local std::string hex;
  const bool good = ending == kPackedUuid ? PackUuids(all, entries, length, packed)
                                          : PackDigits(all, entries, length, ending, &hex, packed);
  texts->resize(begin + (good ? length - EndingTextBytes(ending) : entries * length));
  return good ? ending : 0;
}

bool UnpackTexts(std::string_view prefix, std::uint8_t ending, std::string_view packed,
                 std::string* texts) {
  const std::size_t text_bytes = EndingTextBytes(ending);
  const std::size_t packed_bytes = EndingPackedBytes(ending);
  const std::size_t entries = packed.size() / packed_bytes;
  const std::size_t size = entries * (prefix.size() + text_bytes);
  texts->resize(size + kShort);
  char* to = texts->data();
  const auto* from = reinterpret_cast<const std::uint8_t*>(packed.data());
  std::string head(prefix);
  head.resize(head.size() + kShort);
  bool good = true;
  if (ending == kPackedUuid) {
    for (std::size_t i = 0; i < entries; ++i, from += packed_bytes, to += text_bytes) {
      CopyShort(head.data(), prefix.size(), to);
      to += prefix.size();
      UnpackUuid(from, to);
    }
  } else {
    thread_local std::string hex;
    UnpackDigits(packed, &hex);
    const std::size_t odd = text_bytes % 2;
    const char* digits = hex.data();
    for (std::size_t i = 0; i < entries; ++i, digits += 2 * packed_bytes, to += text_bytes) {
      CopyShort(head.data(), prefix.size(), to);
      to += prefix.size();
      CopyShort(digits + odd, text_bytes, to);
      good &= odd == 0 || *digits == '0';
    }
  }
  texts->resize(size);
  return good;
}

}  // namespace v1
}  // namespace insightflow
