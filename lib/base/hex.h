// Hexadecimal digits, of either case.
#pragma once

namespace insightflow {
inline namespace v1 {

// 0 to 15; -1 when `c` is not a digit.
inline int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace v1
}  // namespace insightflow
