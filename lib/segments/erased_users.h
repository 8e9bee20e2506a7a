// Users whose events up to some sequence are erased, though segments may hold them for a while yet:
// what is read goes through here, so that nobody sees them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "insightflow/status.h"
#include "lib/segments/segment_reader.h"

namespace insightflow {
inline namespace v1 {

// The events of a user up to a sequence count as never there. Users are told apart by the hash of
// their id, which segments are sorted by; the id itself is for those who look their events up.
struct Erasure {
  std::uint64_t number = 0;  // rises from 1 in the order of erasures
  std::uint64_t user_hash = 0;
  std::uint64_t last_sequence = 0;
  std::string user_id;

  friend bool operator==(const Erasure&, const Erasure&) = default;
};

// Immutable: threads may share it.
class ErasedUsers {
 public:
  ErasedUsers() = default;
  explicit ErasedUsers(const std::vector<Erasure>& erasures);

  bool empty() const { return users_.empty(); }
  // Events of the user up to this sequence are erased; 0: none is. O(log users).
  std::uint64_t LastErased(std::uint64_t user_hash) const;

  // Whether a segment, or a block of it, may hold erased rows.
  bool MayTouch(const SegmentMeta& meta) const;
  bool MayTouch(const SegmentMeta& meta, std::uint32_t block) const;
  // The same of a segment of which nothing else is known.
  bool MayTouchFrom(std::uint64_t min_sequence) const {
    return MayTouch(min_sequence, 0, UINT64_MAX);
  }

  // As reader.ReadBlock, without the erased rows. `erased` may be null.
  static Status ReadBlock(const ErasedUsers* erased, const SegmentReader& reader,
                          std::uint32_t block, ColumnSet columns, ChunkSource* source,
                          ReadScratch* scratch, SegmentBlock* out);

  // The rows of a segment that are left, and what their meta would say.
  struct Left {
    std::uint32_t rows = 0;
    std::uint64_t min_sequence = UINT64_MAX;
    std::uint64_t max_sequence = 0;
    std::int64_t min_time_ms = INT64_MAX;
    std::int64_t max_time_ms = INT64_MIN;
  };
  static Result<Left> WhatIsLeft(const ErasedUsers* erased, const SegmentReader& reader,
                                 ChunkSource* source);

 private:
  struct User {
    std::uint64_t hash = 0;
    std::uint64_t last_sequence = 0;
  };
  bool MayTouch(std::uint64_t min_sequence, std::uint64_t first_hash,
                std::uint64_t last_hash) const;
  void RemoveFrom(SegmentBlock* block) const;

  std::vector<User> users_;  // by hash, each once
};

}  // namespace v1
}  // namespace insightflow
