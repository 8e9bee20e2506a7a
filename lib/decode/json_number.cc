#include "lib/decode/json_number.h"

#include <absl/strings/charconv.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <system_error>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t kInt64Max = std::numeric_limits<std::int64_t>::max();

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Eight digits at once, first in pairs, then in fours. Source: Daniel Lemire, "Quickly parsing
// eight digits" (2018).
bool ParseEightDigits(const char* digits, std::uint64_t* value) {
  std::uint64_t word;
  std::memcpy(&word, digits, sizeof word);
  const std::uint64_t low = word - 0x3030303030303030;
  if (((low | (word + 0x4646464646464646)) & 0x8080808080808080) != 0) return false;
  const std::uint64_t pairs = (low * 10) + (low >> 8);
  constexpr std::uint64_t kMask = 0x000000ff000000ff;
  *value =
      ((pairs & kMask) * 0x000f424000000064 + ((pairs >> 16) & kMask) * 0x0000271000000001) >> 32 &
      0xffffffff;
  return true;
}

// The end of the digits that begin at `i`.
std::size_t SkipDigits(std::string_view text, std::size_t i) {
  while (i < text.size() && IsDigit(text[i])) ++i;
  return i;
}

// Too small is as good as zero; only too large is lost.
bool FitsDouble(std::string_view token) {
  double value = 0;
  const auto result = absl::from_chars(token.data(), token.data() + token.size(), value);
  return result.ec != std::errc::result_out_of_range || std::abs(value) < 1;
}

// The part after the integer: a fraction, an exponent, both.
JsonNumber::Kind JudgeReal(std::string_view token, std::size_t i) {
  bool exponent = false;
  if (token[i] == '.') {
    const std::size_t end = SkipDigits(token, i + 1);
    if (end == i + 1) return JsonNumber::Kind::kNone;
    i = end;
  }
  if (i < token.size() && (token[i] | 0x20) == 'e') {
    exponent = true;
    ++i;
    if (i < token.size() && (token[i] == '+' || token[i] == '-')) ++i;
    const std::size_t end = SkipDigits(token, i);
    if (end == i) return JsonNumber::Kind::kNone;
    i = end;
  }
  if (i != token.size()) return JsonNumber::Kind::kNone;
  constexpr std::size_t kSurelyFits = 300;  // digits without an exponent
  if ((exponent || token.size() > kSurelyFits) && !FitsDouble(token)) {
    return JsonNumber::Kind::kBigReal;
  }
  return JsonNumber::Kind::kReal;
}

}  // namespace

JsonNumber ParseJsonNumber(std::string_view token) {
  JsonNumber number;
  std::size_t i = 0;
  if (!token.empty() && token[0] == '-') {
    number.negative = true;
    i = 1;
  }
  const std::size_t begin = i;
  constexpr std::size_t kSafeDigits = 18;
  const std::size_t safe_end = std::min(token.size(), begin + kSafeDigits);
  for (; i < safe_end && IsDigit(token[i]); ++i) {
    number.magnitude = number.magnitude * 10 + static_cast<std::uint64_t>(token[i] - '0');
  }
  bool overflow = false;
  for (; i < token.size() && IsDigit(token[i]); ++i) {
    const auto digit = static_cast<std::uint64_t>(token[i] - '0');
    overflow |= __builtin_mul_overflow(number.magnitude, 10, &number.magnitude);
    overflow |= __builtin_add_overflow(number.magnitude, digit, &number.magnitude);
  }
  if (i == begin || (token[begin] == '0' && i - begin > 1)) return {};
  if (i == token.size()) {
    number.kind = overflow ? JsonNumber::Kind::kBigInteger : JsonNumber::Kind::kInteger;
  } else {
    number.kind = JudgeReal(token, i);
  }
  return number;
}

bool ParseDigits(std::string_view text, std::uint64_t* value) {
  constexpr std::size_t kSafeDigits = 18;
  if (text.empty() || text.size() > kSafeDigits) return false;
  const char* c = text.data();
  const char* const end = c + text.size();
  std::uint64_t sum = 0;
  if (*c == '0') {
    *value = 0;
    return text.size() == 1;
  }
  for (; end - c >= 8; c += 8) {
    std::uint64_t eight;
    if (!ParseEightDigits(c, &eight)) return false;
    sum = sum * 100'000'000 + eight;
  }
  for (; c != end; ++c) {
    if (!IsDigit(*c)) return false;
    sum = sum * 10 + static_cast<std::uint64_t>(*c - '0');
  }
  *value = sum;
  return true;
}

double JsonNumberValue(std::string_view token) {
  double value = 0;
  absl::from_chars(token.data(), token.data() + token.size(), value);
  return value;
}

std::optional<std::int64_t> AsInt64(const JsonNumber& number) {
  if (number.kind != JsonNumber::Kind::kInteger) return std::nullopt;
  if (number.magnitude > kInt64Max + (number.negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(number.negative ? 0 - number.magnitude : number.magnitude);
}

std::optional<std::int32_t> RoundToInt32(const JsonNumber& number, std::string_view token) {
  using Limits = std::numeric_limits<std::int32_t>;
  double value = 0;
  if (number.kind == JsonNumber::Kind::kReal) {
    value = std::round(JsonNumberValue(token));
  } else if (const auto integer = AsInt64(number)) {
    value = static_cast<double>(*integer);
  } else {
    return std::nullopt;
  }
  if (!(value >= Limits::min() && value <= Limits::max())) return std::nullopt;
  return static_cast<std::int32_t>(value);
}

std::optional<std::int64_t> FloorToInt64(const JsonNumber& number, std::string_view token) {
  if (number.kind != JsonNumber::Kind::kReal) return AsInt64(number);
  const double value = std::floor(JsonNumberValue(token));
  if (!(value >= -0x1p63 && value < 0x1p63)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::uint64_t> AsUint64(const JsonNumber& number, std::string_view token) {
  if (number.kind == JsonNumber::Kind::kInteger) {
    if (number.negative && number.magnitude != 0) return std::nullopt;
    return number.magnitude;
  }
  if (number.kind != JsonNumber::Kind::kReal) return std::nullopt;
  const double value = JsonNumberValue(token);
  if (!(value >= 0 && value < 0x1p64) || value != std::floor(value)) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

}  // namespace v1
}  // namespace insightflow
