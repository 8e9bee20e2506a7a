// Numbers as JSON spells them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace insightflow {
inline namespace v1 {

struct JsonNumber {
  enum class Kind : std::uint8_t {
    kNone,        // not a JSON number
    kInteger,     // no fraction, no exponent, |value| < 2^64
    kBigInteger,  // an integer of 2^64 and more
    kReal,        // with a fraction or an exponent
    kBigReal,     // beyond the range of a double
  };
  Kind kind = Kind::kNone;
  bool negative = false;
  std::uint64_t magnitude = 0;  // of an integer
};

// Judges a whole token. O(size).
JsonNumber ParseJsonNumber(std::string_view token);

// The value of 1 to 18 digits without a leading zero; false for any other text.
bool ParseDigits(std::string_view text, std::uint64_t* value);

// The value of a token of kind kInteger or kReal, correctly rounded.
double JsonNumberValue(std::string_view token);

// An integer in the range of int64.
std::optional<std::int64_t> AsInt64(const JsonNumber& number);

// The nearest int32 (halves away from zero), the greatest int64 that is not above, the same uint64
// (integral reals too). nullopt: out of range.
std::optional<std::int32_t> RoundToInt32(const JsonNumber& number, std::string_view token);
std::optional<std::int64_t> FloorToInt64(const JsonNumber& number, std::string_view token);
std::optional<std::uint64_t> AsUint64(const JsonNumber& number, std::string_view token);

}  // namespace v1
}  // namespace insightflow
