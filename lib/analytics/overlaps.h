// Who was counted under several values: what it takes to count the users of values that an answer
// puts together, as "__other__" does, without keeping users.
//
// The users of a group are the sum over its values, less those counted twice. A user under one
// value is never counted twice, so only users of several matter; and of them it is enough to know
// how many have each set of values, which are few where values are few. Past a bound the sets are
// given up and the sum is a bound from above.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace insightflow {
inline namespace v1 {

class Overlaps {
 public:
  // Keys of all different sets together. Whether they are too many depends on the users alone, not
  // on how they were spread over the objects that were merged.
  static constexpr std::size_t kKeysMax = 200'000;

  // The values, all different, under which one user was counted; sorts them.
  void Add(std::vector<std::uint64_t>* keys);
  // Takes what `other` has, which is empty afterwards. The users of the two are different.
  void Merge(Overlaps* other);
  // False when there were too many sets.
  bool complete() const { return complete_; }
  // With so many more sets.
  std::size_t bytes(std::size_t more) const;

  // Calls visit(keys, users) for each set.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [keys, users] : sets_) visit(std::span<const std::uint64_t>(keys), users);
  }
  // The users that a sum over the keys with in_group(key) counts too often.
  template <typename InGroup>
  std::uint64_t CountedTwice(const InGroup& in_group) const {
    std::uint64_t twice = 0;
    ForEach([&](std::span<const std::uint64_t> keys, std::uint64_t users) {
      std::uint64_t hits = 0;
      for (const std::uint64_t key : keys) hits += in_group(key) ? 1 : 0;
      if (hits > 1) twice += (hits - 1) * users;
    });
    return twice;
  }

 private:
  void Count(std::vector<std::uint64_t> keys, std::uint64_t users);

  absl::flat_hash_map<std::vector<std::uint64_t>, std::uint64_t> sets_;
  std::size_t keys_ = 0;
  bool complete_ = true;
};

}  // namespace v1
}  // namespace insightflow
