// Whether anybody still waits for an answer: what work asks that may take long.
//
//   for (const Cell& cell : cells) {
//     if (stop->Worked(1)) return {};
//     …
//   }
//
// Whoever is told to stop leaves its work half done: nobody looks at it. See AnalysisState::Watch.
// Who ends a query may do so for the memory that it takes, and is told here of what work takes for
// itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

// Serves one thread.
class Stop {
 public:
  // Steps of work between two questions. A step is a few cheap operations, at worst a cache miss or
  // two: so many take some hundred microseconds, and the question next to nothing of that.
  static constexpr std::size_t kStepsPerQuestion = 4'096;

  // `ended` outlives this; null: nobody asks for an end.
  void Watch(const std::function<bool()>* ended) {
    ended_ = ended;
    is_over_ = false;
    ask_at_ = ended == nullptr ? kNever : steps_ + kStepsPerQuestion;
  }
  // Counts work that was done or is about to be. True from when the query has ended.
  bool Worked(std::size_t steps) {
    steps_ += steps;
    return steps_ < ask_at_ ? is_over_ : Ask();
  }
  // Tells of memory that the work is about to take, and gives back later; asks at once when it is
  // much. True from when the query has ended.
  bool Takes(std::size_t bytes) {
    taken_ += bytes;
    return bytes < kMuch || ask_at_ == kNever ? is_over_ : Ask();
  }
  void Returns(std::size_t bytes) { taken_ -= bytes; }
  std::size_t taken() const { return taken_; }
  bool over() const { return is_over_; }
  void End() {
    is_over_ = true;
    ask_at_ = kNever;
  }
  // kCancelled once the query has ended.
  Status status() const {
    return is_over_ ? Status(StatusCode::kCancelled, "the query has ended") : Status::Ok();
  }
  std::uint64_t steps() const { return steps_; }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  static constexpr std::size_t kMuch = std::size_t{1} << 16;

  bool Ask() {
    ask_at_ = steps_ + kStepsPerQuestion;
    if ((*ended_)()) End();
    return is_over_;
  }

  const std::function<bool()>* ended_ = nullptr;
  std::uint64_t steps_ = 0;
  std::uint64_t ask_at_ = kNever;
  std::size_t taken_ = 0;
  bool is_over_ = false;
};

// Memory that work takes until the end of a block.
class Taken {
 public:
  Taken(std::size_t bytes, Stop* stop) : stop_(stop) { More(bytes); }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { stop_->Returns(bytes_); }
  // True from when the query has ended.
  bool More(std::size_t bytes) {
    bytes_ += bytes;
    return stop_->Takes(bytes);
  }

 private:
  Stop* const stop_;
  std::size_t bytes_ = 0;
};

// Sorts, unless the query ends. O(n log n).
template <typename Iterator, typename Less>
void SortUnlessOver(Iterator begin, Iterator end, const Less& less, Stop* stop) {
  constexpr std::ptrdiff_t kPiece = 4'096;
  const std::ptrdiff_t size = end - begin;
  for (std::ptrdiff_t at = 0; at < size; at += kPiece) {
    const std::ptrdiff_t piece = std::min(kPiece, size - at);
    if (stop->Worked(static_cast<std::size_t>(piece))) return;
    std::sort(begin + at, begin + at + piece, less);
  }
  for (std::ptrdiff_t width = kPiece; width < size; width *= 2) {
    for (std::ptrdiff_t at = 0; at + width < size; at += 2 * width) {
      const std::ptrdiff_t pair = std::min(2 * width, size - at);
      if (stop->Worked(static_cast<std::size_t>(pair))) return;
      std::inplace_merge(begin + at, begin + at + width, begin + at + pair, less);
    }
  }
}

// Puts the `limit` first ones at the begin, in order, unless the query ends; returns how many these
// are: `limit`, or all. O(n log limit).
template <typename Iterator, typename Less>
std::size_t PutFirst(Iterator begin, Iterator end, std::size_t limit, const Less& less,
                     Stop* stop) {
  const std::ptrdiff_t size =
      std::min(static_cast<std::ptrdiff_t>(limit), static_cast<std::ptrdiff_t>(end - begin));
  const auto behind = static_cast<std::size_t>(size);
  if (size == 0 || stop->Worked(behind)) return behind;
  const Iterator last = begin + size;
  std::make_heap(begin, last, less);
  for (Iterator at = last; at != end; ++at) {
    const bool comes_in = less(*at, *begin);
    // A heap's way down is a comparison a level.
    if (stop->Worked(comes_in ? 8 : 1)) return behind;
    if (!comes_in) continue;
    std::pop_heap(begin, last, less);
    std::iter_swap(at, last - 1);
    std::push_heap(begin, last, less);
  }
  if (!stop->Worked(behind)) std::sort_heap(begin, last, less);
  return behind;
}

}  // namespace v1
}  // namespace insightflow
