// What a file looks like, from its first lines.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "insightflow/importer.h"
#include "lib/decode/access_log.h"
#include "lib/decode/csv.h"
#include "lib/decode/json_decoder.h"
#include "lib/decode/wire_key.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kLinesRead = 10;

std::string_view FirstLine(std::string_view text) { return text.substr(0, text.find('\n')); }

// A header that names fields of events, or records of as many cells as it has.
bool LooksLikeCsv(std::string_view text) {
  CsvRecordReader reader;
  reader.Read(text);
  const std::vector<std::string_view>& cells = reader.cells();
  const std::size_t columns = cells.size();
  if (!reader.well_formed() || columns < 2) return false;
  const auto names_field = [](auto cell) { return FindWireKey(cell) != WireKey::kUnknown; };
  if (std::any_of(cells.begin(), cells.end(), names_field)) return true;
  text.remove_prefix(reader.size());
  std::size_t alike = 0;
  while (alike < kLinesRead && !text.empty()) {
    reader.Read(text);
    const bool whole = text.substr(0, reader.size()).ends_with('\n');
    if (!reader.well_formed() || cells.size() != columns) return !whole && alike > 0;
    text.remove_prefix(reader.size());
    ++alike;
  }
  return alike > 0;
}

}  // namespace

std::optional<ImportFormat> Importer::GuessFormat(std::string_view start) {
  start = WithoutByteOrderMark(start);
  bool is_log = false;
  std::string_view rest = start;
  for (std::size_t lines = 0; lines < kLinesRead && !rest.empty(); ++lines) {
    const std::string_view line = FirstLine(rest);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] == '{') return ImportFormat::kNdjson;
    AccessLogLine parsed;
    is_log = is_log || ParseAccessLogLine(line, &parsed);
  }
  if (is_log) return ImportFormat::kCombined;
  if (LooksLikeCsv(start)) return ImportFormat::kCsv;
  return std::nullopt;
}

}  // namespace v1
}  // namespace insightflow
