#include "lib/decode/csv.h"

#include <algorithm>

#include "lib/decode/decoder.h"

namespace insightflow {
inline namespace v1 {
namespace {

// How often the bytes of a text are read again, on average, to find the lines behind stray quotes.
constexpr std::size_t kReadAgainFactor = 16;

}  // namespace

void CsvRecordReader::Read(std::string_view text) {
  cells_.clear();
  unquoted_count_ = 0;
  lines_ = 1;
  well_formed_ = true;
  std::size_t at = 0;
  for (;;) {
    if (at < text.size() && text[at] == '"') {
      ReadQuoted(text, &at);
    } else {
      const std::size_t end = std::min(text.find_first_of(",\n", at), text.size());
      cells_.push_back(text.substr(at, end - at));
      at = end;
    }
    if (at < text.size() && text[at] == ',') {
      ++at;
      continue;
    }
    break;
  }
  const bool bare = !cells_.back().empty() && cells_.back().end() == text.begin() + at;
  if (bare && cells_.back().back() == '\r') cells_.back().remove_suffix(1);
  size_ = std::min(at + 1, text.size());
}

// Ends before the comma or newline after the cell.
void CsvRecordReader::ReadQuoted(std::string_view text, std::size_t* at) {
  const std::size_t begin = ++*at;
  std::string* doubled = nullptr;
  std::size_t copied = begin;
  for (;;) {
    const std::size_t quote = text.find('"', *at);
    if (quote == std::string_view::npos) {
      well_formed_ = false;
      cells_.push_back(text.substr(begin));
      lines_ += static_cast<std::size_t>(std::count(text.begin() + begin, text.end(), '\n'));
      *at = text.size();
      return;
    }
    *at = quote + 1;
    if (*at >= text.size() || text[*at] != '"') break;
    if (doubled == nullptr) {
      if (unquoted_count_ == unquoted_.size()) unquoted_.emplace_back();
      doubled = &unquoted_[unquoted_count_++];
      doubled->clear();
    }
    doubled->append(text.substr(copied, *at - copied));
    copied = ++*at;
  }
  const std::size_t end = *at - 1;
  lines_ += static_cast<std::size_t>(std::count(text.begin() + begin, text.begin() + end, '\n'));
  if (doubled != nullptr) doubled->append(text.substr(copied, end - copied));
  cells_.push_back(doubled != nullptr ? *doubled : text.substr(begin, end - begin));
  const std::size_t next = std::min(text.find_first_of(",\n", *at), text.size());
  const std::string_view after = text.substr(*at, next - *at);
  if (!after.empty() && !(after == "\r" && (next == text.size() || text[next] == '\n'))) {
    well_formed_ = false;
  }
  *at = next;
}

CsvRecords::CsvRecords(std::string_view text, std::uint64_t first_line, CsvRecordReader* reader)
    : rest_(text),
      reader_(reader),
      read_again_(kReadAgainFactor * text.size()),
      next_line_(first_line) {}

bool CsvRecords::Next() {
  if (rest_.empty()) return false;
  reader_->Read(rest_);
  const std::size_t line_size = std::min(rest_.find('\n'), rest_.size() - 1) + 1;
  const std::size_t again = reader_->well_formed() ? 0 : reader_->size() - line_size;
  const bool whole = reader_->well_formed() || again > read_again_;
  if (!whole) read_again_ -= again;
  const std::size_t size = whole ? reader_->size() : line_size;
  record_ = rest_.substr(0, size);
  rest_.remove_prefix(size);
  if (record_.ends_with('\n')) record_.remove_suffix(1);
  if (record_.ends_with('\r')) record_.remove_suffix(1);
  line_ = next_line_;
  next_line_ += whole ? reader_->lines() : 1;
  return true;
}

std::size_t FindCsvRecordsEnd(std::string_view text) {
  enum class State { kCellStart, kPlain, kQuoted, kAfterQuote };
  State state = State::kCellStart;
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (state == State::kQuoted) {
      i = text.find('"', i);
      if (i == std::string_view::npos) break;
      state = State::kAfterQuote;
    } else if (c == '\n') {
      end = i + 1;
      state = State::kCellStart;
    } else if (c == ',') {
      state = State::kCellStart;
    } else if (c == '"' && state != State::kPlain) {
      state = State::kQuoted;
    } else {
      state = State::kPlain;
    }
  }
  return end;
}

}  // namespace v1
}  // namespace insightflow
