#include "lib/live/hot_values.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {

HotValues::HotValues(std::size_t max, std::size_t value_bytes_max, std::uint64_t hash_seed)
    : max_(std::min<std::size_t>(max, HashIndex::kNone - 1)),
      value_bytes_max_(value_bytes_max),
      hash_seed_(hash_seed) {}

std::uint64_t HotValues::HashOf(std::string_view value) const {
  return HashBytes(value, hash_seed_);
}

HotValues::Ref HotValues::Count(std::string_view value, const LiveTime& time,
                                std::uint32_t events) {
  if (max_ == 0) {
    other_ += events;
    minutes_.AddOther(time.minute, events);
    hours_.AddOther(time.hour, events);
    return {};
  }
  const std::uint64_t hash = HashOf(value);
  std::uint32_t id = IdOf(hash, value);
  if (id == HashIndex::kNone) {
    id = held() < max_ ? AddPlace(value, hash) : Replace(value, hash);
  }
  CountAt(id, time, events);
  return {id, places_[id].generation};
}

std::uint32_t HotValues::PushPlace() {
  places_.emplace_back();
  counts_.Push(0);
  errors_.Push(0);
  minutes_.AddId();
  hours_.AddId();
  return static_cast<std::uint32_t>(places_.size() - 1);
}

std::uint32_t HotValues::AddPlace(std::string_view value, std::uint64_t hash) {
  std::uint32_t id;
  if (free_.empty()) {
    id = PushPlace();
  } else {
    std::pop_heap(free_.begin(), free_.end(), std::greater<>());
    id = free_.back();
    free_.pop_back();
  }
  places_[id].value.assign(value);
  index_.Insert(hash, id);
  // A place that another value gave up: this one may have been without a place before.
  errors_.Set(id, std::min(lost_max_, other_));
  counts_.Set(id, errors_[id]);
  places_[id].lost_until = minutes_.newest();
  return id;
}

void HotValues::FreePlace(std::uint32_t id) {
  Place& place = places_[id];
  index_.Erase(HashOf(place.value), id);
  minutes_.Release(id);
  hours_.Release(id);
  counts_.Subtract(id, counts_[id]);
  errors_.Subtract(id, errors_[id]);
  std::string().swap(place.value);
  ++place.generation;
  free_.push_back(id);
  std::push_heap(free_.begin(), free_.end(), std::greater<>());
}

void HotValues::Take(Ref ref, const LiveTime& time) {
  heap_.clear();
  if (!Holds(ref)) {
    other_ -= std::min<std::uint64_t>(other_, 1);
    minutes_.TakeOther(time.minute);
    hours_.TakeOther(time.hour);
    return;
  }
  counts_.Subtract(ref.id, 1);
  minutes_.Take(time.minute, ref.id);
  hours_.Take(time.hour, ref.id);
  if (counts_[ref.id] == errors_[ref.id]) FreePlace(ref.id);
}

void HotValues::Settle() {
  if (other_ == 0 && lost_max_ != 0) {  // all is exact again
    lost_max_ = 0;
    for (std::uint32_t id = 0; id < places_.size(); ++id) {
      counts_.Subtract(id, errors_[id]);
      errors_.Subtract(id, errors_[id]);
    }
  }
  counts_.Tighten();
  errors_.Tighten();
  minutes_.Tighten();
  hours_.Tighten();
}

std::uint32_t HotValues::Replace(std::string_view value, std::uint64_t hash) {
  const std::uint32_t id = LeastCounted();
  Place& place = places_[id];
  index_.Erase(HashOf(place.value), id);
  index_.Insert(hash, id);
  minutes_.Release(id);
  hours_.Release(id);
  other_ += counts_[id] - errors_[id];
  // What was there may all have been the new value's, and so may what any value lost before: no
  // error is ever above lost_max_.
  lost_max_ = std::max(lost_max_, counts_[id]);
  errors_.Set(id, lost_max_);
  counts_.Set(id, lost_max_);
  place.value.assign(value);
  place.lost_until = minutes_.newest();
  ++place.generation;
  return id;
}

std::uint32_t HotValues::LeastCounted() {
  const auto later = [](const HeapEntry& a, const HeapEntry& b) {
    return std::tie(a.count, a.id) > std::tie(b.count, b.id);
  };
  if (heap_.empty()) {
    heap_.reserve(counts_.size());
    for (std::uint32_t id = 0; id < counts_.size(); ++id) heap_.push_back({counts_[id], id});
    std::make_heap(heap_.begin(), heap_.end(), later);
  }
  while (heap_.front().count != counts_[heap_.front().id]) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.back().count = counts_[heap_.back().id];
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  return heap_.front().id;
}

template <typename BoundOf, typename CountOf, typename ErrorOf>
std::vector<RankedCount> HotValues::Largest(std::size_t limit, BoundOf bound_of, CountOf count_of,
                                            ErrorOf error_of) const {
  struct Candidate {
    std::uint64_t count;
    std::uint32_t id;
  };
  const auto before = [this](const Candidate& a, const Candidate& b) {
    return a.count != b.count ? a.count > b.count : places_[a.id].value < places_[b.id].value;
  };
  if (limit == 0) return {};
  std::vector<Candidate> best;  // a heap with the last of them in front
  best.reserve(std::min(limit, places_.size()));
  const auto offer = [&](std::uint32_t id) {
    const Candidate candidate{count_of(id), id};
    if (candidate.count == 0) return;
    if (best.size() == limit) {
      if (!before(candidate, best.front())) return;
      std::pop_heap(best.begin(), best.end(), before);
      best.pop_back();
    }
    best.push_back(candidate);
    std::push_heap(best.begin(), best.end(), before);
  };
  for (std::size_t block = 0; block < counts_.blocks(); ++block) {
    if (best.size() == limit && bound_of(block) < best.front().count) continue;
    const std::size_t begin = block * CountColumn::kBlock;
    const std::size_t end = std::min(begin + CountColumn::kBlock, places_.size());
    for (std::size_t id = begin; id < end; ++id) offer(static_cast<std::uint32_t>(id));
  }
  std::sort_heap(best.begin(), best.end(), before);
  std::vector<RankedCount> rows;
  rows.reserve(best.size());
  for (const Candidate& c : best) rows.push_back({places_[c.id].value, c.count, error_of(c.id)});
  return rows;
}

template <typename Counts, typename BucketOf>
Ranking HotValues::TopOf(const Counts& counts, std::int64_t now, std::size_t limit,
                         BucketOf bucket_of) const {
  const auto span = counts.SpanAt(now);
  const auto error_of = [&](std::uint32_t id) -> std::uint64_t {
    if (span.other == 0 || errors_[id] == 0) return 0;
    return std::min(errors_[id], Counts::OtherUntil(bucket_of(places_[id].lost_until), span));
  };
  const auto count_of = [&](std::uint32_t id) -> std::uint64_t {
    const std::uint64_t held = counts.Sum(id, span);
    return held == 0 ? 0 : held + error_of(id);
  };
  const auto bound_of = [&](std::size_t block) {
    return counts.BoundOf(block) + std::min(errors_.BoundOf(block), span.other);
  };
  return {Largest(limit, bound_of, count_of, error_of), span.other, span.other == 0};
}

Ranking HotValues::Top(Window window, std::size_t limit, const LiveTime& now) const {
  if (window == Window::kHour) {
    return TopOf(minutes_, now.minute, limit, [](std::int64_t minute) { return minute; });
  }
  if (window == Window::kDay) {
    return TopOf(hours_, now.hour, limit, [](std::int64_t minute) { return minute / 60; });
  }
  const auto bound_of = [this](std::size_t block) { return counts_.BoundOf(block); };
  const auto count_of = [this](std::uint32_t id) { return counts_[id]; };
  const auto error_of = [this](std::uint32_t id) { return errors_[id]; };
  return {Largest(limit, bound_of, count_of, error_of), other_, other_ == 0};
}

void HotValues::Save(std::string* out) const {
  PutVarint(out, places_.size());
  for (std::uint32_t id = 0; id < places_.size(); ++id) {
    const Place& place = places_[id];
    PutBytes(out, place.value);
    if (place.value.empty()) continue;
    PutVarint(out, counts_[id] - errors_[id]);
    PutVarint(out, errors_[id]);
    if (errors_[id] != 0) PutVarint(out, static_cast<std::uint64_t>(place.lost_until));
  }
  PutVarint(out, other_);
  PutVarint(out, lost_max_);
  minutes_.Save(out);
  hours_.Save(out);
}

bool HotValues::LoadPlaces(int version, ByteReader* in) {
  std::uint64_t size;
  if (!in->GetVarint(&size) || size > max_) return false;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::string_view value;
    std::uint64_t held, error;
    if (!in->GetBytes(&value) || value.size() > value_bytes_max_) return false;
    if (value.empty() && version == 1) return false;
    const std::uint32_t id = PushPlace();
    if (value.empty()) {
      free_.push_back(id);  // rising, which is a heap
      continue;
    }
    if (!in->GetVarint(&held) || held == 0 || !in->GetVarint(&error)) return false;
    const std::uint64_t hash = HashOf(value);
    if (IdOf(hash, value) != HashIndex::kNone) return false;
    places_[id].value.assign(value);
    index_.Insert(hash, id);
    counts_.Set(id, held + error);
    errors_.Set(id, error);
    if (error == 0) continue;
    std::uint64_t lost_until;
    if (!in->GetVarint(&lost_until) || lost_until > LiveTime::kSecondMax) return false;
    places_[id].lost_until = static_cast<std::int64_t>(lost_until);
  }
  return true;
}

bool HotValues::Load(int version, ByteReader* in) {
  if (!LoadPlaces(version, in) || !in->GetVarint(&other_)) return false;
  if (version > 1) {
    if (!in->GetVarint(&lost_max_)) return false;
  } else if (other_ != 0) {
    // In version 1 every place is taken, and the last value that went had no more than the least.
    for (std::uint32_t id = 0; id < places_.size(); ++id) {
      lost_max_ = id == 0 ? counts_[id] : std::min(lost_max_, counts_[id]);
    }
  }
  if (!minutes_.Load(in) || !hours_.Load(in)) return false;
  return std::all_of(free_.begin(), free_.end(), [this](std::uint32_t id) {
    return minutes_.Sum(id) == 0 && hours_.Sum(id) == 0;
  });
}

std::size_t HotValues::bytes() const {
  std::size_t bytes = places_.capacity() * sizeof(Place) + counts_.bytes() + errors_.bytes() +
                      heap_.capacity() * sizeof(HeapEntry) + index_.bytes() + minutes_.bytes() +
                      hours_.bytes() + free_.capacity() * sizeof(std::uint32_t);
  for (const Place& place : places_) bytes += place.value.capacity();
  return bytes;
}

}  // namespace v1
}  // namespace insightflow
