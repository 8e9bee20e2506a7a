// Text that spreadsheets take for a formula is exported with an apostrophe in front, and imported
// without it. Text that has apostrophes before such a character gets one more, so that taking one
// off is always right.
#pragma once

#include <string_view>

namespace insightflow {
inline namespace v1 {

// Any number of apostrophes, then = + - @, tab or CR.
inline bool LooksLikeFormula(std::string_view text) {
  const std::size_t at = text.find_first_not_of('\'');
  return at != std::string_view::npos &&
         std::string_view("=+-@\t\r").find(text[at]) != std::string_view::npos;
}

inline std::string_view WithoutFormulaMark(std::string_view cell) {
  const bool marked = cell.starts_with('\'') && LooksLikeFormula(cell);
  return marked ? cell.substr(1) : cell;
}

}  // namespace v1
}  // namespace insightflow
