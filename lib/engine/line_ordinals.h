// The identity of an import's line: its content and its ordinal among equal lines of the file, so
// that a file that is repeated, renamed or appended to adds only what is new.
#pragma once

#include <cstdint>
#include <string_view>

#include <absl/container/flat_hash_map.h>

#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

// Memory is bounded: ordinals start again after every kLinesMax lines, and the number of such a
// stretch is part of the identity. Since stretches end at fixed places of the file, this changes no
// result. Not thread-safe; batches come in the order of the file.
class LineOrdinals {
 public:
  static constexpr std::uint64_t kLinesMax = std::uint64_t{16} << 20;

  // `source` keeps equal lines of several machines apart.
  LineOrdinals(std::string_view source, std::uint64_t hash_seed,
               std::uint64_t lines_max = kLinesMax)
      : source_(HashBytes(source, hash_seed)), seed_(hash_seed), lines_max_(lines_max) {}

  // Turns the line hashes of rows with kLineKey into their keys and clears the flag.
  void Apply(EventBatch* batch);
  // The next batch begins a file.
  void NextFile();

 private:
  const std::uint64_t source_;
  const std::uint64_t seed_;
  const std::uint64_t lines_max_;
  std::uint64_t lines_ = 0;
  // By 64 bits of the line's hash: two lines that share them share a count, which leaves their
  // identities distinct and stable all the same.
  absl::flat_hash_map<std::uint64_t, std::uint32_t> seen_;
};

}  // namespace v1
}  // namespace insightflow
