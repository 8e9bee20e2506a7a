#include "server/app/parts.h"

#include <algorithm>

namespace insightflow::server {

std::size_t WholeCsvRecords(std::string_view text, std::size_t records) {
  enum class At { kCellStart, kPlain, kQuoted, kQuote } at = At::kCellStart;
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size() && records > 0; ++i) {
    const char c = text[i];
    if (at == At::kQuoted) {
      if (c == '"') at = At::kQuote;
    } else if (c == '"' && at != At::kPlain) {
      at = At::kQuoted;  // opens a cell, or is the second of a doubled one
    } else if (c == '\n') {
      at = At::kCellStart;
      end = i + 1;
      --records;
    } else {
      at = c == ',' ? At::kCellStart : At::kPlain;
    }
  }
  return end;
}

std::size_t PartCutter::CutPoint() const {
  if (buffer_.size() <= part_bytes_ && ended_) return buffer_.size();
  const std::string_view most = std::string_view(buffer_).substr(0, part_bytes_);
  const std::size_t records = csv_ ? WholeCsvRecords(most) : 0;
  if (records > 0) return records;
  const std::size_t newline = most.rfind('\n');
  return newline == std::string_view::npos ? most.size() : newline + 1;
}

void PartCutter::KeepHeader() {
  const std::string_view most = std::string_view(buffer_).substr(0, part_bytes_);
  header_ = most.substr(0, WholeCsvRecords(most, 1));
}

Result<bool> PartCutter::Next(const Importer::ReadFunction& read, ImportPart* part) {
  while (!ended_ && buffer_.size() <= part_bytes_) {
    const std::size_t size = buffer_.size();
    buffer_.resize(2 * part_bytes_);
    const Result<std::size_t> got = read(buffer_.data() + size, buffer_.size() - size);
    buffer_.resize(size + (got.ok() ? *got : 0));
    if (!got.ok()) return got.status();
    ended_ = *got == 0;
  }
  if (buffer_.empty() && has_begun_) return false;
  if (csv_ && !has_begun_) KeepHeader();
  const std::size_t size = CutPoint();
  const bool repeats_header = csv_ && has_begun_;
  part->body = repeats_header ? header_ : "";
  part->body.append(buffer_, 0, size);
  has_begun_ = true;
  const auto newlines = [](std::string_view text) {
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  };
  part->first_line = 1 + lines_ - (repeats_header ? newlines(header_) : 0);
  lines_ += newlines(std::string_view(buffer_).substr(0, size));
  buffer_.erase(0, size);
  return true;
}

}  // namespace insightflow::server
