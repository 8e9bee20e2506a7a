// A file cut into parts of whole records, for a server that takes bodies of a limited size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/importer.h"

namespace insightflow::server {

inline constexpr std::size_t kPartBytes = std::size_t{4} << 20;

struct ImportPart {
  std::string body;  // of CSV with the file's header in front
  // The body's first line in the file. The header of a later part stands in for lines before it.
  std::uint64_t first_line = 1;
};

// The parts depend on the bytes alone, not on how they are read. A record that is longer than a
// part is cut. Memory is about two parts.
class PartCutter {
 public:
  explicit PartCutter(ImportFormat format, std::size_t part_bytes = kPartBytes)
      : csv_(format == ImportFormat::kCsv), part_bytes_(part_bytes) {}

  // False when there are no more; the first is there even if it is empty. Errors of `read`.
  Result<bool> Next(const Importer::ReadFunction& read, ImportPart* part);

 private:
  std::size_t CutPoint() const;
  void KeepHeader();

  const bool csv_;
  const std::size_t part_bytes_;
  std::string buffer_;
  std::string header_;  // of CSV, with its line end
  bool ended_ = false;
  bool has_begun_ = false;
  std::uint64_t lines_ = 0;
};

// The bytes of the whole CSV records that `text` begins with, at most up to `records`; 0: not even
// one is whole. A record ends with its newline; newlines in quotes do not end one.
std::size_t WholeCsvRecords(std::string_view text, std::size_t records = SIZE_MAX);

}  // namespace insightflow::server
