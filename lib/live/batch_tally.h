// What some rows of a batch add to the counts, summed up while readers of these need not wait yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "lib/live/live_time.h"

namespace insightflow {
inline namespace v1 {

// Sums up the events of each code over rows that follow each other within one unit of time. Sums
// come in the order in which the rows brought their codes: what is new is added in that order.
class CodeTally {
 public:
  struct Sum {
    LiveTime time;
    std::uint32_t code = 0;
    std::uint32_t events = 0;
  };

  // `unit`: rows of the same one are summed up.
  explicit CodeTally(std::int64_t LiveTime::*unit) : unit_(unit) {}

  // Codes are below `codes`.
  void Reset(std::size_t codes) {
    sums_.clear();
    if (events_.size() < codes) events_.resize(codes);
  }
  void Add(const LiveTime& time, std::uint32_t code) {
    if (time.*unit_ != time_.*unit_) {
      Finish();
      time_ = time;
    }
    if (events_[code]++ == 0) codes_.push_back(code);
  }
  const std::vector<Sum>& Finish() {
    for (const std::uint32_t code : codes_) {
      sums_.push_back({time_, code, std::exchange(events_[code], 0)});
    }
    codes_.clear();
    return sums_;
  }

 private:
  std::int64_t LiveTime::*const unit_;
  LiveTime time_;                      // of the rows under way
  std::vector<std::uint32_t> events_;  // of the rows under way, by code
  std::vector<std::uint32_t> codes_;   // that have some
  std::vector<Sum> sums_;
};

struct BatchTally {
  struct Move {  // of a user who is online, between seconds
    std::int64_t from;
    std::int64_t to;
  };

  CodeTally types{&LiveTime::second};
  CodeTally pages{&LiveTime::minute};
  CodeTally elements{&LiveTime::minute};
  std::vector<Move> moves;
  std::uint64_t view_events = 0;
  std::uint64_t purchase_events = 0;
  std::uint64_t users_viewed = 0;
  std::uint64_t users_purchased = 0;
};

}  // namespace v1
}  // namespace insightflow
