#include "lib/model/number_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::int64_t kPlainMax = 40;
// Past it all exponents are one; a number that has a value is far from it.
constexpr std::int64_t kExponentMax = 1'000'000'000;

// 0.digits × 10^point, of digits that neither begin nor end with 0; none of zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t point = 0;
};

std::int64_t ExponentOf(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  for (const char c : text) exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
  return negative ? -exponent : exponent;
}

Decimal Parse(std::string_view number) {
  Decimal decimal;
  decimal.negative = number.starts_with('-');
  if (decimal.negative) number.remove_prefix(1);
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, e);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  decimal.digits = mantissa.substr(0, point);
  if (point < mantissa.size()) decimal.digits += mantissa.substr(point + 1);
  decimal.point = static_cast<std::int64_t>(point);
  if (e < number.size()) decimal.point += ExponentOf(number.substr(e + 1));
  const std::size_t first = std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size());
  decimal.digits.erase(0, first);
  decimal.point -= static_cast<std::int64_t>(first);
  decimal.digits.resize(decimal.digits.find_last_not_of('0') + 1);
  return decimal;
}

// Without sign and exponent.
std::string Plain(const Decimal& decimal) {
  const auto count = static_cast<std::int64_t>(decimal.digits.size());
  if (decimal.point <= 0) {
    return "0." + std::string(static_cast<std::size_t>(-decimal.point), '0') + decimal.digits;
  }
  if (decimal.point >= count) {
    return decimal.digits + std::string(static_cast<std::size_t>(decimal.point - count), '0');
  }
  const auto point = static_cast<std::size_t>(decimal.point);
  return decimal.digits.substr(0, point) + "." + decimal.digits.substr(point);
}

std::int64_t PlainSize(const Decimal& decimal) {
  const auto count = static_cast<std::int64_t>(decimal.digits.size());
  if (decimal.point <= 0) return 2 - decimal.point + count;
  return decimal.point >= count ? decimal.point : count + 1;
}

std::string_view Spell(const Decimal& decimal, std::string* scratch) {
  if (decimal.digits.empty()) return "0";
  std::string text = decimal.negative ? "-" : "";
  if (PlainSize(decimal) <= kPlainMax) {
    text += Plain(decimal);
  } else {
    text += decimal.digits.substr(0, 1);
    if (decimal.digits.size() > 1) text += "." + decimal.digits.substr(1);
    text += "e" + std::to_string(decimal.point - 1);
  }
  *scratch = std::move(text);
  return *scratch;
}

}  // namespace

// One pass over what is mostly a few characters: this is asked of every row.
std::string_view OneSpelling(std::string_view number, std::string* scratch) {
  bool has_point = false;
  for (const char c : number) {
    if (c == 'e' || c == 'E') return Spell(Parse(number), scratch);
    has_point |= c == '.';
  }
  std::string_view plain = number;
  if (has_point) {
    while (plain.back() == '0') plain.remove_suffix(1);
    if (plain.back() == '.') plain.remove_suffix(1);
  }
  if (plain == "-0") return "0";
  const std::size_t sign = plain.starts_with('-') ? 1 : 0;
  return plain.size() - sign > std::size_t{kPlainMax} ? Spell(Parse(number), scratch) : plain;
}

}  // namespace v1
}  // namespace insightflow
