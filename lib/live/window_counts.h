// How often each id was seen in each of the newest kBuckets minutes or hours.
//
// A bucket has one count for each id, and lists the ids it holds, so that it expires at the cost of
// what was counted in it. A bit for each (id, bucket) with a count finds what an id that is given
// away leaves behind: every bit was set by an event, so this too is O(1) an event.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/coding.h"
#include "lib/live/count_column.h"
#include "lib/live/live_time.h"

namespace insightflow {
inline namespace v1 {

// `Count` must hold the events of one bucket.
template <typename Count, int kBuckets>
class WindowCounts {
 public:
  static_assert(kBuckets <= 64, "a bit a bucket");

  // The part of the buckets that a reader's window covers.
  struct Span {
    std::int64_t first = 0;  // buckets first … last
    std::int64_t last = -1;
    std::uint64_t slots = 0;                               // the same as bits
    std::uint64_t other = 0;                               // events without an id
    std::array<std::uint64_t, kBuckets> other_until = {};  // of the buckets first … first + i
  };

  void AddId() {
    sums_.Push(0);
    bits_.emplace_back();
  }

  // Counts events of an id, unless the bucket lies behind the window.
  void Add(std::int64_t bucket, std::uint32_t id, std::uint32_t events) {
    if (!Reach(bucket)) return;
    const std::size_t slot = SlotOf(bucket);
    Bucket& b = buckets_[slot];
    if (id >= b.counts.size()) b.counts.resize(sums_.capacity());
    const std::uint64_t bit = std::uint64_t{1} << slot;
    Bits& bits = bits_[id];
    if ((bits.listed & bit) == 0) {
      bits.listed |= bit;
      b.ids.push_back(id);
    }
    bits.counted |= bit;
    b.counts[id] += events;
    sums_.Add(id, events);
  }

  // Counts events that no id stands for.
  void AddOther(std::int64_t bucket, std::uint32_t events) {
    if (Reach(bucket)) buckets_[SlotOf(bucket)].other += events;
  }

  // Takes an event of an id back, unless its bucket lies behind the window by now. One that the id
  // does not have in its bucket happened before the id was given to its value: no id stands for it.
  void Take(std::int64_t bucket, std::uint32_t id) {
    if (!Holds(bucket)) return;
    Bucket& b = buckets_[SlotOf(bucket)];
    if (id >= b.counts.size() || b.counts[id] == 0) return TakeOther(bucket);
    --b.counts[id];
    sums_.Subtract(id, 1);
  }
  void TakeOther(std::int64_t bucket) {
    if (!Holds(bucket)) return;
    std::uint64_t& other = buckets_[SlotOf(bucket)].other;
    other -= std::min<std::uint64_t>(other, 1);
  }

  // To be called after the last Take, for the readers' sake. O(ids).
  void Tighten() {
    sums_.Tighten();
    expired_ = 0;
  }

  // Moves all of an id's events to `other`.
  void Release(std::uint32_t id) {
    for (std::uint64_t left = bits_[id].counted; left != 0; left &= left - 1) {
      Bucket& b = buckets_[std::countr_zero(left)];
      b.other += b.counts[id];
      b.counts[id] = 0;
    }
    bits_[id].counted = 0;
    sums_.Set(id, 0);
  }

  std::int64_t newest() const { return newest_; }

  // The window of kBuckets that ends with the reader's bucket.
  Span SpanAt(std::int64_t now) const {
    Span span;
    span.last = std::min(now, newest_);
    span.first = std::max<std::int64_t>({now - kBuckets + 1, newest_ - kBuckets + 1, 0});
    for (std::int64_t bucket = span.first; bucket <= span.last; ++bucket) {
      span.slots |= std::uint64_t{1} << SlotOf(bucket);
      span.other += buckets_[SlotOf(bucket)].other;
      span.other_until[bucket - span.first] = span.other;
    }
    return span;
  }

  // No id of a block of CountColumn::kBlock has more events in any span.
  std::uint64_t BoundOf(std::size_t block) const { return sums_.BoundOf(block); }

  // An id's events in the window that ends with the newest bucket.
  std::uint64_t Sum(std::uint32_t id) const { return sums_[id]; }
  // An id's events in a span.
  std::uint64_t Sum(std::uint32_t id, const Span& span) const {
    const std::uint64_t out = bits_[id].counted & ~span.slots;
    if (out == 0) return sums_[id];
    const std::uint64_t in = bits_[id].counted & span.slots;
    return std::popcount(in) < std::popcount(out) ? SumOf(id, in) : sums_[id] - SumOf(id, out);
  }

  // Events without an id in the part of a span that ends with `bucket`.
  static std::uint64_t OtherUntil(std::int64_t bucket, const Span& span) {
    if (bucket < span.first || span.last < span.first) return 0;
    return span.other_until[std::min(bucket, span.last) - span.first];
  }

  void Save(std::string* out) const;
  // Needs AddId for every id first.
  bool Load(ByteReader* in);

  std::size_t bytes() const {
    std::size_t bytes = sums_.bytes() + bits_.capacity() * sizeof(Bits);
    for (const Bucket& b : buckets_) {
      bytes += b.counts.capacity() * sizeof(Count) + b.ids.capacity() * sizeof(std::uint32_t);
    }
    return bytes;
  }

 private:
  struct Bucket {
    std::uint64_t other = 0;
    std::vector<Count> counts;       // by id; as long as an id of the bucket needed
    std::vector<std::uint32_t> ids;  // whose count may be above 0, each once
  };
  struct Bits {
    std::uint64_t counted = 0;  // buckets in which the id has a count
    std::uint64_t listed = 0;   // buckets that list the id
  };

  static std::size_t SlotOf(std::int64_t bucket) {
    return static_cast<std::size_t>(bucket) % kBuckets;
  }

  bool Holds(std::int64_t bucket) const { return bucket <= newest_ && newest_ - bucket < kBuckets; }

  // Whether the bucket is in the window, which moves on when the bucket is its newest.
  bool Reach(std::int64_t bucket) {
    if (bucket > newest_) MoveTo(bucket);
    return newest_ - bucket < kBuckets;
  }

  void MoveTo(std::int64_t bucket) {
    const std::int64_t steps = std::min<std::int64_t>(bucket - newest_, kBuckets);
    for (std::int64_t i = 0; i < steps; ++i) Expire(SlotOf(bucket - i));
    newest_ = bucket;
    // Loose bounds only cost readers time: tighten them when as much has expired as that takes.
    if (expired_ > sums_.size()) Tighten();
  }

  void Expire(std::size_t slot) {
    const std::uint64_t keep = ~(std::uint64_t{1} << slot);
    Bucket& b = buckets_[slot];
    for (const std::uint32_t id : b.ids) {
      sums_.Subtract(id, b.counts[id]);
      b.counts[id] = 0;
      bits_[id].counted &= keep;
      bits_[id].listed &= keep;
    }
    expired_ += b.ids.size();
    b.ids.clear();
    b.other = 0;
  }

  std::uint64_t SumOf(std::uint32_t id, std::uint64_t slots) const {
    std::uint64_t sum = 0;
    for (; slots != 0; slots &= slots - 1) sum += buckets_[std::countr_zero(slots)].counts[id];
    return sum;
  }

  std::int64_t newest_ = -1;
  std::size_t expired_ = 0;  // ids in buckets that went since the bounds were tight
  CountColumn sums_;         // by id, over all buckets
  std::vector<Bits> bits_;   // by id
  std::array<Bucket, kBuckets> buckets_;
};

template <typename Count, int kBuckets>
void WindowCounts<Count, kBuckets>::Save(std::string* out) const {
  PutVarint(out, static_cast<std::uint64_t>(newest_ + 1));
  std::vector<std::uint32_t> ids;
  for (int back = 0; back < kBuckets && back <= newest_; ++back) {
    const std::size_t slot = SlotOf(newest_ - back);
    const Bucket& b = buckets_[slot];
    ids.clear();
    const auto take = [&](std::uint32_t id) {
      if (b.counts[id] != 0) ids.push_back(id);
    };
    // Where many are listed, a walk over all counts is less work than sorting.
    if (b.ids.size() > b.counts.size() / 16) {
      for (std::uint32_t id = 0; id < b.counts.size(); ++id) take(id);
    } else {
      for (const std::uint32_t id : b.ids) take(id);
      std::sort(ids.begin(), ids.end());
    }
    PutVarint(out, b.other);
    PutVarint(out, ids.size());
    std::uint32_t next = 0;
    for (const std::uint32_t id : ids) {
      PutVarint(out, id - next);
      PutVarint(out, b.counts[id] - 1);
      next = id + 1;
    }
  }
}

template <typename Count, int kBuckets>
bool WindowCounts<Count, kBuckets>::Load(ByteReader* in) {
  std::uint64_t after_newest;
  if (!in->GetVarint(&after_newest) || after_newest > LiveTime::kSecondMax + 1) return false;
  newest_ = static_cast<std::int64_t>(after_newest) - 1;
  for (int back = 0; back < kBuckets && back <= newest_; ++back) {
    const std::size_t slot = SlotOf(newest_ - back);
    Bucket& b = buckets_[slot];
    std::uint64_t size;
    if (!in->GetVarint(&b.other) || !in->GetVarint(&size) || size > sums_.size()) return false;
    std::uint64_t next = 0;
    for (std::uint64_t i = 0; i < size; ++i, ++next) {
      std::uint64_t skip, rest;
      if (!in->GetVarint(&skip) || skip >= sums_.size() - next) return false;
      if (!in->GetVarint(&rest) || rest >= static_cast<Count>(-1)) return false;
      next += skip;
      if (b.counts.size() <= next) b.counts.resize(sums_.size());
      b.counts[next] = static_cast<Count>(rest + 1);
      b.ids.push_back(static_cast<std::uint32_t>(next));
      sums_.Add(next, rest + 1);
      bits_[next].counted |= std::uint64_t{1} << slot;
      bits_[next].listed |= std::uint64_t{1} << slot;
    }
  }
  return true;
}

}  // namespace v1
}  // namespace insightflow
