// How many users were last seen in each of the newest seconds, so that "who is online" is a sum
// over seconds and never a walk over users.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace insightflow {
inline namespace v1 {

class OnlineRing {
 public:
  // Moves a user from the second it was last seen in (-1: new) to a later one.
  void Move(std::int64_t from, std::int64_t to);
  // Takes out a user who was last seen in a second.
  void Remove(std::int64_t second);
  // Users last seen in the `count` seconds that end with `now`; at most kReach of them.
  std::uint64_t Count(std::int64_t now, std::int64_t count) const;

  // The newest second that it was told of, -1 when none, and what makes it so again in a new ring.
  std::int64_t newest() const { return newest_; }
  void AdvanceTo(std::int64_t second);

  static constexpr std::int64_t kReach = 2048;

 private:
  bool Holds(std::int64_t second) const {
    return second >= 0 && second <= newest_ && newest_ - second < kReach;
  }
  static std::size_t SlotOf(std::int64_t second) {
    return static_cast<std::size_t>(second) % kReach;
  }

  std::int64_t newest_ = -1;
  std::array<std::uint32_t, kReach> users_ = {};
};

}  // namespace v1
}  // namespace insightflow
