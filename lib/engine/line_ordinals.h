// The identity of an import's line: its content and its ordinal among equal lines of the file, so
// that a file that is repeated, renamed or appended to adds only what is new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "insightflow/importer.h"
#include "lib/decode/csv.h"
#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

// Memory is bounded: ordinals start again after so many lines, and the number of such a stretch is
// part of the identity. Since stretches end at fixed lines of the file, this changes no result.
inline constexpr std::uint64_t kStretchLines = std::uint64_t{16} << 20;

// Not thread-safe; batches come in the order of the file.
class LineOrdinals {
 public:
  // `source` keeps equal lines of several machines apart.
  LineOrdinals(std::string_view source, std::uint64_t hash_seed,
               std::uint64_t stretch_lines = kStretchLines)
      : source_(HashBytes(source, hash_seed)), seed_(hash_seed), stretch_lines_(stretch_lines) {}

  // Turns the line hashes of rows with kLineKey into their keys and clears the flag. `lines`: that
  // of each row in the file, from 1.
  void Apply(std::span<const std::uint64_t> lines, EventBatch* batch);
  // The next batch begins a file, or a part of one that has `repeated`.
  void Restart(std::vector<RepeatedLine> repeated);

 private:
  std::uint32_t Before(std::uint64_t line);

  const std::uint64_t source_;
  const std::uint64_t seed_;
  const std::uint64_t stretch_lines_;
  std::uint64_t stretch_ = 0;
  // By 64 bits of the line's hash: two lines that share them share a count, which leaves their
  // identities distinct and stable all the same.
  absl::flat_hash_map<std::uint64_t, std::uint32_t> seen_;
  std::vector<RepeatedLine> repeated_;
  std::size_t next_repeated_ = 0;
};

// The other end of Restart: which lines of a part the file had before, told from the text alone, as
// what sends a file elsewhere has neither the store nor its hash seed. Lines that turn out to have
// an id, or to be bad, are counted too, which does no harm: equal lines fare equally. That two
// lines of a file share 64 bits of hash, and one counts twice, has odds of 1 in 100,000 for 16 M
// lines. Not thread-safe.
class RepeatedLines {
 public:
  explicit RepeatedLines(ImportFormat format, std::uint64_t stretch_lines = kStretchLines)
      : format_(format), stretch_lines_(stretch_lines) {}

  // As FileParts::Next. Forgets what lies in earlier stretches, as LineOrdinals does.
  FilePart Next(std::string_view text, std::uint64_t first_line);

 private:
  struct Line {
    std::uint64_t hash = 0;
    std::uint64_t number = 0;
  };

  void ReadLines(std::string_view text, std::uint64_t first_line);
  void Add(std::string_view line, std::uint64_t number);
  void Count(const Line& line, std::vector<RepeatedLine>* repeated);

  const ImportFormat format_;
  const std::uint64_t stretch_lines_;
  std::uint64_t stretch_ = 0;
  // Lines by their hashes: a set, since most lines of most files are there once.
  absl::flat_hash_set<std::uint64_t> seen_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> counts_;  // of those seen more than once
  absl::flat_hash_set<std::uint64_t> seen_in_part_;
  std::vector<Line> lines_;  // of the part
  CsvRecordReader csv_;
};

}  // namespace v1
}  // namespace insightflow
