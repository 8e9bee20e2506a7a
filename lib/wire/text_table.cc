#include "lib/wire/text_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kCellWidthMax = 60;

struct Range {
  char32_t first;
  char32_t last;
};

// The blocks of wide characters of Unicode 15, without the single ones between them.
constexpr std::array<Range, 14> kWide = {{{0x1100, 0x115f},
                                          {0x231a, 0x231b},
                                          {0x2e80, 0x303e},
                                          {0x3041, 0x33ff},
                                          {0x3400, 0x4dbf},
                                          {0x4e00, 0x9fff},
                                          {0xa000, 0xa4cf},
                                          {0xac00, 0xd7a3},
                                          {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f},
                                          {0xff00, 0xff60},
                                          {0xffe0, 0xffe6},
                                          {0x1f300, 0x1faff},
                                          {0x20000, 0x3fffd}}};
constexpr std::array<Range, 8> kZeroWidth = {{{0x300, 0x36f},
                                              {0x483, 0x489},
                                              {0x591, 0x5bd},
                                              {0x64b, 0x65f},
                                              {0x200b, 0x200d},
                                              {0x20d0, 0x20ff},
                                              {0xfe00, 0xfe0f},
                                              {0xfe20, 0xfe2f}}};
// C0, DEL and C1; marks, embeddings and isolates of direction; line and paragraph separators.
constexpr std::array<Range, 6> kSteering = {{{0, 0x1f},
                                             {0x7f, 0x9f},
                                             {0x200e, 0x200f},
                                             {0x2028, 0x202e},
                                             {0x2066, 0x2069},
                                             {0xfeff, 0xfeff}}};

template <std::size_t kCount>
bool IsIn(char32_t code, const std::array<Range, kCount>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& r) { return code >= r.first && code <= r.last; });
}

// The character that `text` begins with, which is valid UTF-8, and its bytes.
std::pair<char32_t, std::size_t> FirstCharacter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (size == 1 || text.size() < size) return {lead, 1};
  char32_t code = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  return {code, size};
}

std::size_t WidthOf(char32_t code) {
  if (code < 0x300) return 1;
  return IsIn(code, kZeroWidth) ? 0 : IsIn(code, kWide) ? 2 : 1;
}

std::string EscapeOf(char32_t code) {
  switch (code) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
  }
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), code < 0x100 ? "\\x%02x" : "\\u%04x",
                static_cast<unsigned>(code));
  return text.data();
}

void Pad(std::size_t count, std::string* out) { out->append(count, ' '); }

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [code, size] = FirstCharacter(text);
    width += WidthOf(code);
    text.remove_prefix(size);
  }
  return width;
}

std::string DisplayText(std::string_view text, std::size_t width_max) {
  std::string shown;
  std::size_t width = 0;
  std::size_t fits = 0;  // the bytes shown that leave a column for the mark of a cut
  while (!text.empty()) {
    const auto [code, size] = FirstCharacter(text);
    const std::string piece =
        IsIn(code, kSteering) ? EscapeOf(code) : std::string(text.substr(0, size));
    width += DisplayWidth(piece);
    if (width > width_max) return shown.substr(0, fits) + "…";
    shown += piece;
    if (width < width_max) fits = shown.size();
    text.remove_prefix(size);
  }
  return shown;
}

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (Column& column : columns_) {
    column.title = DisplayText(column.title, kCellWidthMax);
    widths_.push_back(DisplayWidth(column.title));
  }
}

void TextTable::Add(const std::vector<std::string>& cells) {
  std::vector<std::string>& row = rows_.emplace_back();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    row.push_back(i < cells.size() ? DisplayText(cells[i], kCellWidthMax) : std::string());
    widths_[i] = std::max(widths_[i], DisplayWidth(row.back()));
  }
}

void TextTable::WriteRow(const std::vector<std::string>& cells, std::string* out) const {
  const std::size_t begin = out->size();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t padding = widths_[i] - DisplayWidth(cells[i]);
    if (i > 0) Pad(2, out);
    if (columns_[i].align == kRight) Pad(padding, out);
    out->append(cells[i]);
    if (columns_[i].align == kLeft) Pad(padding, out);
  }
  const std::size_t last = out->find_last_not_of(' ');
  out->resize(last == std::string::npos || last < begin ? begin : last + 1);
  out->push_back('\n');
}

void TextTable::Write(std::string* out) const {
  std::vector<std::string> titles;
  titles.reserve(columns_.size());
  for (const Column& column : columns_) titles.push_back(column.title);
  WriteRow(titles, out);
  for (const std::vector<std::string>& row : rows_) WriteRow(row, out);
}

}  // namespace v1
}  // namespace insightflow
