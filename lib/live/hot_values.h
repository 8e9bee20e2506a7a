// The most frequent values of one kind (pages, elements): of all time, of the last hour and of the
// last day.
//
// Exact while there are at most `max` distinct values. Then Space-Saving: a new value takes the
// place of the one with the least count and inherits that count as its error. The windows count
// only what happened while a value had its place; what it may have had before is bounded by its
// error and by what the window lost, so that every answer brackets the truth.
//
// Events can be taken back. A value that has none left gives up its place. Where it is not known
// whether an event was held or came before its value did, a held one goes: the bracket of the value
// keeps the truth either way. Counts that fall no longer bound what values without a place had, so
// that bound is kept apart.
// Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in
// Data Streams" (2005).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/live.h"
#include "lib/base/coding.h"
#include "lib/base/short_text.h"
#include "lib/live/count_column.h"
#include "lib/live/hash_index.h"
#include "lib/live/live_time.h"
#include "lib/live/window_counts.h"

namespace insightflow {
inline namespace v1 {

class HotValues {
 public:
  // A value's place, for as long as the value holds it.
  struct Ref {
    std::uint32_t id = HashIndex::kNone;
    std::uint32_t generation = 0;
  };

  HotValues(std::size_t max, std::size_t value_bytes_max, std::uint64_t hash_seed);

  // The place of a value, if it has one. Changes nothing. To find many values, call the steps for
  // all of them one after the other, so that their cache misses overlap.
  std::uint64_t HashOf(std::string_view value) const;
  void PrefetchSlot(std::uint64_t hash) const { index_.Prefetch(hash); }
  std::uint32_t PrefetchRecord(std::uint64_t hash) const {
    const std::uint32_t guess = index_.Guess(hash);
    if (guess != HashIndex::kNone) __builtin_prefetch(&places_[guess]);
    return guess;
  }
  void PrefetchText(std::uint32_t guess) const {
    if (guess != HashIndex::kNone) __builtin_prefetch(places_[guess].value.data());
  }
  Ref Find(std::uint64_t hash, std::string_view value) const {
    const std::uint32_t id = IdOf(hash, value);
    return id == HashIndex::kNone ? Ref() : Ref{id, places_[id].generation};
  }

  // Whether so many new values would find a place without taking that of another one. Until then
  // the order of events only matters where values are new.
  bool HasRoom(std::size_t values) const { return values <= max_ - held(); }

  // Counts events of a value. O(1) while the value is held; O(log max) amortised when it takes
  // another's place.
  Ref Count(std::string_view value, const LiveTime& time, std::uint32_t events = 1);
  // The same for a value that was counted before. False, and nothing is counted, when the value has
  // lost its place since.
  bool CountAgain(Ref ref, const LiveTime& time, std::uint32_t events = 1) {
    if (!Holds(ref)) return false;
    CountAt(ref.id, time, events);
    return true;
  }

  // Takes an event back that Count counted for the value of `ref`; for one without a place when the
  // reference is none, or stale. O(1) amortised.
  void Take(Ref ref, const LiveTime& time);
  // To be called after the last Take. O(max).
  void Settle();

  // O(max + limit log limit).
  Ranking Top(Window window, std::size_t limit, const LiveTime& now) const;

  void Save(std::string* out) const;
  bool Load(int version, ByteReader* in);
  std::size_t bytes() const;

 private:
  struct Place {
    std::string value;
    std::int64_t lost_until = -1;  // the newest minute in which the value may have been missed
    std::uint32_t generation = 0;
  };
  struct HeapEntry {
    std::uint64_t count = 0;
    std::uint32_t id = 0;
  };

  void CountAt(std::uint32_t id, const LiveTime& time, std::uint32_t events) {
    counts_.Add(id, events);
    minutes_.Add(time.minute, id, events);
    hours_.Add(time.hour, id, events);
  }
  std::size_t held() const { return places_.size() - free_.size(); }
  bool Holds(Ref ref) const {
    return ref.id != HashIndex::kNone && places_[ref.id].generation == ref.generation;
  }
  std::uint32_t PushPlace();
  bool LoadPlaces(int version, ByteReader* in);
  std::uint32_t AddPlace(std::string_view value, std::uint64_t hash);
  void FreePlace(std::uint32_t id);
  std::uint32_t Replace(std::string_view value, std::uint64_t hash);
  std::uint32_t LeastCounted();
  std::uint32_t IdOf(std::uint64_t hash, std::string_view value) const {
    return index_.Find(hash,
                       [&](std::uint32_t id) { return EqualBytes(places_[id].value, value); });
  }

  // The ids with the largest counts, in order; those with 0 are left out. `bound_of(block)` is at
  // least as large as any count of the block.
  template <typename BoundOf, typename CountOf, typename ErrorOf>
  std::vector<RankedCount> Largest(std::size_t limit, BoundOf bound_of, CountOf count_of,
                                   ErrorOf error_of) const;
  // `bucket_of(minute)` is the bucket of `counts` that the minute belongs to.
  template <typename Counts, typename BucketOf>
  Ranking TopOf(const Counts& counts, std::int64_t now, std::size_t limit,
                BucketOf bucket_of) const;

  std::size_t max_;
  std::size_t value_bytes_max_;
  std::uint64_t hash_seed_;
  std::vector<Place> places_;   // by id
  CountColumn counts_;          // by id, of all time, `error` included
  CountColumn errors_;          // by id
  std::uint64_t other_ = 0;     // events of all time that no place holds
  std::uint64_t lost_max_ = 0;  // no value without a place has more of them
  HashIndex index_;
  WindowCounts<std::uint32_t, 60> minutes_;
  WindowCounts<std::uint64_t, 25> hours_;
  // A heap of all ids by (count, id), made when the first value must go. Its counts lag behind,
  // which only ever makes an id look smaller than it is; LeastCounted puts them right on its way.
  // Take makes counts fall, and drops the heap.
  std::vector<HeapEntry> heap_;
  std::vector<std::uint32_t> free_;  // ids without a value: a heap with the least in front
};

}  // namespace v1
}  // namespace insightflow
