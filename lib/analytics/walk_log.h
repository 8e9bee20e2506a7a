// Walks of sessions, kept at two bytes a step until it is known which values an answer shows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/analytics/stop.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {

inline constexpr int kWalkDepthMax = 20;  // on either side of the anchor
inline constexpr std::size_t kWalkStepsMax = 2 * kWalkDepthMax + 1;

struct Walk {
  bool of_new_user = false;  // not the user of the walk before
  bool ends = false;         // the session ends after the last step
  int first_depth = 0;       // of codes[0]; 0 is the anchor
  std::span<const std::uint32_t> codes;
};

class WalkLog {
 public:
  // Codes are below 2^31.
  void Append(const Walk& walk);
  // Takes what `other` has, which is empty afterwards.
  void Merge(WalkLog* other);
  // Steps take a word, those with codes from 2^15 on two; and each walk one more.
  std::size_t words() const { return words_; }
  // Memory, at most, while walks of so many more steps come.
  std::size_t bytes(std::size_t more) const {
    const std::size_t chunks = 1 + more * 3 / kChunkWords;  // a walk of one step takes three words
    return (chunks_.size() + chunks) * kChunkWords * sizeof(std::uint16_t) +
           BytesWith(chunks_, chunks);
  }

  // Calls visit(walk) for each walk, in their order, unless the query ends.
  template <typename Visit>
  void ForEach(const Visit& visit, Stop* stop) const {
    std::array<std::uint32_t, kWalkStepsMax> codes;
    for (const std::vector<std::uint16_t>& chunk : chunks_) {
      if (stop->Worked(chunk.size())) return;
      const std::uint16_t* at = chunk.data();
      const std::uint16_t* const end = at + chunk.size();
      while (at != end) {
        const std::uint16_t head = *at++;
        const std::size_t steps = head & kStepsMask;
        for (std::size_t i = 0; i < steps; ++i) {
          std::uint32_t code = *at++;
          if (code >= kLong) code = (code - kLong) << 16 | *at++;
          codes[i] = code;
        }
        visit(Walk{(head & kNewUser) != 0,
                   (head & kEnds) != 0,
                   -static_cast<int>(head >> kBeforeShift & kStepsMask),
                   {codes.data(), steps}});
      }
    }
  }

 private:
  static constexpr std::size_t kChunkWords = 1 << 16;
  static constexpr std::uint32_t kLong = 1 << 15;
  static constexpr std::uint32_t kStepsMask = 63;
  static constexpr int kBeforeShift = 6;
  static constexpr std::uint32_t kEnds = 1 << 12;
  static constexpr std::uint32_t kNewUser = 1 << 13;

  std::vector<std::vector<std::uint16_t>> chunks_;  // no walk lies in two
  std::size_t words_ = 0;
};

}  // namespace v1
}  // namespace insightflow
