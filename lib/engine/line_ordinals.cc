#include "lib/engine/line_ordinals.h"

#include <algorithm>
#include <utility>

namespace insightflow {
inline namespace v1 {

void LineOrdinals::Apply(std::span<const std::uint64_t> lines, EventBatch* batch) {
  for (std::size_t row = 0; row < batch->rows; ++row) {
    if ((batch->flags[row] & kLineKey) == 0) continue;
    batch->flags[row] &= static_cast<std::uint8_t>(~kLineKey);
    const std::uint64_t stretch = (lines[row] - 1) / stretch_lines_;
    if (stretch != stretch_) seen_.clear();
    stretch_ = stretch;
    Hash128& key = batch->keys[row];
    const auto [count, is_first] = seen_.try_emplace(key.low, 0);
    if (is_first) count->second = Before(lines[row]);
    const std::uint64_t identity[] = {key.low, key.high, source_, stretch, count->second++};
    key = HashBytes128({reinterpret_cast<const char*>(identity), sizeof identity}, seed_);
  }
}

// How many equal lines other parts had. Lines come in ascending order.
std::uint32_t LineOrdinals::Before(std::uint64_t line) {
  while (next_repeated_ < repeated_.size() && repeated_[next_repeated_].line < line) {
    ++next_repeated_;
  }
  const bool known = next_repeated_ < repeated_.size() && repeated_[next_repeated_].line == line;
  return known ? repeated_[next_repeated_].before : 0;
}

void LineOrdinals::Restart(std::vector<RepeatedLine> repeated) {
  stretch_ = 0;
  seen_ = {};
  repeated_ = std::move(repeated);
  next_repeated_ = 0;
}

FilePart RepeatedLines::Next(std::string_view text, std::uint64_t first_line) {
  lines_.clear();
  seen_in_part_.clear();
  ReadLines(text, first_line);
  seen_in_part_.reserve(lines_.size());
  FilePart part;
  part.first_line = first_line;
  // The set is far larger than a cache, and lines are all over it.
  constexpr std::size_t kAhead = 16;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (i + kAhead < lines_.size()) seen_.prefetch(lines_[i + kAhead].hash);
    Count(lines_[i], &part.repeated);
  }
  return part;
}

void RepeatedLines::ReadLines(std::string_view text, std::uint64_t first_line) {
  if (format_ == ImportFormat::kCsv) {
    const std::size_t header_end = text.find('\n');
    if (header_end == std::string_view::npos) return;
    CsvRecords records(text.substr(header_end + 1), first_line + 1, &csv_);
    while (records.Next()) Add(records.record(), records.line());
    return;
  }
  if (first_line == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::uint64_t number = first_line; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    Add(line, number);
  }
}

void RepeatedLines::Add(std::string_view line, std::uint64_t number) {
  if (!line.empty()) lines_.push_back({HashBytes(line, ProcessSeed()), number});
}

void RepeatedLines::Count(const Line& line, std::vector<RepeatedLine>* repeated) {
  const std::uint64_t stretch = (line.number - 1) / stretch_lines_;
  if (stretch != stretch_) {
    seen_.clear();
    counts_.clear();
  }
  stretch_ = stretch;
  const bool is_first_here = seen_in_part_.insert(line.hash).second;
  if (seen_.insert(line.hash).second) return;
  std::uint32_t& count = counts_.try_emplace(line.hash, 1).first->second;
  if (is_first_here) repeated->push_back({line.number, count});
  ++count;
}

}  // namespace v1
}  // namespace insightflow
