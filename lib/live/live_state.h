// The live follower's state: rings of seconds, minutes and hours, totals, online users, rankings,
// user profiles and the index behind quick timelines. A pure function of the log and its erasures:
// the same entries and erasures in the same order give the same state, whatever was saved and
// loaded in between.
//
// Thread safety: one thread applies and erases; any thread reads. Readers wait at most for sums
// over at most 1,000 rows, those of users for the rows themselves, or for an erasure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/live.h"
#include "insightflow/options.h"
#include "insightflow/status.h"
#include "lib/base/piece_writer.h"
#include "lib/live/live_erasure.h"
#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

class LiveState {
 public:
  LiveState(const LiveLimits& limits, std::uint64_t hash_seed);
  ~LiveState();
  LiveState(const LiveState&) = delete;
  LiveState& operator=(const LiveState&) = delete;

  // Applies one log entry; sequences go up, and those left out are of erased events.
  // batch.received_ms never goes back. A batch up to 1,000 rows appears at once; readers may see a
  // larger one in parts. A user's profile and timeline may show it a moment before the counts do.
  void Apply(const EventBatch& batch, std::uint64_t first_sequence);
  // Up to this sequence there is nothing more to apply: for erased events at the end.
  void SkipTo(std::uint64_t sequence);
  // The last sequence applied; 0 when none.
  std::uint64_t applied_sequence() const;

  // Takes back what a user's events added, at once for all readers: from then on every answer is
  // that of a log without them, for every reader whose clock is not behind the newest event's.
  // Where a bound was reached, numbers stay within what they promise: rankings bracket the truth,
  // and the users and types that found no room before get none now. `erasure` has all events of the
  // user up to applied_sequence(), but none that was erased before. Nothing happens unless `number`
  // is above erasures_applied(). O(events of the user): about 30 ms for a million.
  void Erase(const LiveErasure& erasure, std::uint64_t number);
  // The number of the last erasure, which is saved with the state; 0 when none.
  std::uint64_t erasures_applied() const;

  // All of these take the time of the question; they do not change the state.
  OnlineUsers Online(std::int64_t now_ms) const;
  EventTotals Totals() const;
  EventRates Rates(std::int64_t now_ms) const;
  Conversion ConversionRate() const;
  Ranking HotPages(Window window, std::size_t limit, std::int64_t now_ms) const;
  Ranking HotElements(Window window, std::size_t limit, std::int64_t now_ms) const;
  Dashboard GetDashboard(std::size_t hot_pages_limit, std::int64_t now_ms) const;
  std::optional<UserProfile> User(std::string_view user_id, std::int64_t now_ms) const;

  // The sequences of a user's events, newest in the log first, as far back as the index reaches.
  struct RecentEvents {
    std::vector<std::uint64_t> sequences;
    // Every event of the user with sequence >= complete_from is listed (1: all there are). For a
    // user without a profile it lies behind the newest event of such users.
    std::uint64_t complete_from = 1;
  };
  RecentEvents Recent(std::string_view user_id, std::size_t limit) const;

  // Memory in use, about; users held; events of users and types that did not fit.
  std::size_t bytes() const;
  std::uint64_t users() const;
  std::uint64_t users_overflow_events() const;
  std::uint64_t types_overflow_events() const;

  // The whole state as bytes, and back, for the applying thread: handed out in pieces, or appended.
  // Errors: those of `take`. Load replaces the state.
  // kDataLoss when the bytes are not a state of this version or one before, these limits
  // and this seed: then the state is empty (the engine replays the log).
  Status Save(const TakePiece& take) const;
  void Save(std::string* out) const;
  Status Load(std::string_view in);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace insightflow
