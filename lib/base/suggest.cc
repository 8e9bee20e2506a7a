#include "lib/base/suggest.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "lib/base/utf8.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kWordMax = 64;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Letters to add, drop or change, whatever their case; two letters that changed places are one
// slip.
std::size_t Slips(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kWordMax + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        row[j] = std::min(row[j], rows[(i + 1) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string ListOf(std::span<const std::string_view> names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) list += i + 1 == names.size() ? " or " : ", ";
    list += names[i];
  }
  return list;
}

std::string_view Nearest(std::string_view word, std::span<const std::string_view> names) {
  std::string_view nearest;
  if (word.empty() || word.size() > kWordMax) return nearest;
  std::size_t fewest = kWordMax;
  for (const std::string_view name : names) {
    if (name.empty() || name.size() > kWordMax) continue;
    // A name that goes on where the word ends is near, however much is missing.
    const bool begins = word.size() >= 2 && (name.starts_with(word) || word.starts_with(name));
    const std::size_t slips = begins ? 1 : Slips(word, name);
    const std::size_t allowed = std::min(word.size(), name.size()) < 4 ? 1 : 2;
    if (slips > allowed || slips >= fewest) continue;
    fewest = slips;
    nearest = name;
  }
  return nearest;
}

std::string Shown(std::string_view word) {
  const std::string_view cut = CutUtf8(word, kWordMax);
  std::string text;
  for (const char c : cut) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text + (cut.size() < word.size() ? "…" : "");
}

std::string Quoted(std::string_view word) { return "\"" + Shown(word) + "\""; }

std::string Allowed(std::string_view word, std::span<const std::string_view> names) {
  std::string text = ListOf(names);
  const std::string_view nearest = Nearest(word, names);
  if (!nearest.empty()) text.append("; did you mean ").append(nearest).append("?");
  return text;
}

std::string UnknownName(std::string_view word, std::span<const std::string_view> names) {
  return Quoted(word) + " is not known: " + Allowed(word, names);
}

}  // namespace v1
}  // namespace insightflow
