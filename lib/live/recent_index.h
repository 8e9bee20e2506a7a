// Which events of the log belong to the same user, for the newest `max` events: each keeps the
// distance to its user's event before, 4 bytes whoever the users are.
//
//   sequence   …  7  8  9 10 11        user A: 11 → 9 → 7
//   distance   …  0  0  2  2  2        user B: 10 → 8
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/piece_writer.h"

namespace insightflow {
inline namespace v1 {

class RecentIndex {
 public:
  explicit RecentIndex(std::size_t max);

  // Adds an event after the last one; `previous` is its user's event before, 0 when none.
  void Push(std::uint64_t sequence, std::uint64_t previous);
  // The first sequence that it holds.
  std::uint64_t begin() const;
  // The event before a held one, by the same user; 0 when there is none. May lie before begin(), or
  // at some other place before begin() when the true one is too far away to tell.
  std::uint64_t Previous(std::uint64_t sequence) const;

  // Makes every held event of the chain that ends with `last` one without an event before.
  // O(chain).
  void Unlink(std::uint64_t last);

  void Save(PieceWriter* to) const;
  bool Load(std::uint64_t applied, ByteReader* in);
  std::size_t bytes() const { return distances_.capacity() * sizeof(std::uint32_t); }

 private:
  std::size_t SlotOf(std::uint64_t sequence) const {
    return (sequence - first_) % distances_.size();
  }
  void Grow();

  std::size_t max_;
  std::uint64_t first_ = 0;  // the first sequence ever pushed
  std::uint64_t next_ = 0;
  // Grows up to `max_` before any event has to give way, so growth never moves one.
  std::vector<std::uint32_t> distances_;
};

}  // namespace v1
}  // namespace insightflow
