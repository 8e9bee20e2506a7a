// Aligned columns for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace insightflow {
inline namespace v1 {

// The columns that a text takes on a terminal: two for a wide character (East Asian, emoji), none
// for a combining one. O(bytes).
std::size_t DisplayWidth(std::string_view text);

// `text` with control characters and those that change the direction of text as escapes, so that
// stored text cannot steer a terminal; cut to `width_max` columns, the last then "…".
std::string DisplayText(std::string_view text, std::size_t width_max);

//   TextTable table({{"page"}, {"views", TextTable::kRight}});
//   table.Add({"/home", "12"});
//   table.Write(&out);
class TextTable {
 public:
  enum Align { kLeft, kRight };
  struct Column {
    std::string title = {};
    Align align = kLeft;
  };

  explicit TextTable(std::vector<Column> columns);

  // One cell a column, of any text; what is wide is cut.
  void Add(const std::vector<std::string>& cells);
  std::size_t rows() const { return rows_.size(); }

  // Appends the titles and rows, each a line.
  void Write(std::string* out) const;

 private:
  void WriteRow(const std::vector<std::string>& cells, std::string* out) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace v1
}  // namespace insightflow
