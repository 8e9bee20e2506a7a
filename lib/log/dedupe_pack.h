// A table of the dedupe window without the slots that hold nothing, for the file that it is saved
// in: what is left is the count of each bucket, the generation of each slot in as many bits as it
// takes, and the key's bits. Format: docs/formats.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/log/dedupe_state.h"
#include "lib/log/dedupe_table.h"

namespace insightflow {
inline namespace v1 {

// A table is packed in parts of so many buckets, the last one of what is left.
inline constexpr std::size_t kPackedBuckets = 4'096;

// What a part begins with: how many live slots it has.
using PackedCount = std::uint32_t;

// Not thread-safe: each thread has one of its own.
class DedupePacker {
 public:
  // Of the window's generations; `compact`: the form of the table's slots.
  DedupePacker(const DedupeState& state, bool compact);

  // Replaces `*out` by the part of these buckets. Slots of dead generations are left out.
  // O(buckets).
  void Pack(std::span<const char> buckets, std::string* out);

  // How many bytes follow the count in a part of so many buckets.
  std::uint64_t BytesAfterCount(std::size_t buckets, PackedCount slots) const;

  // Writes the live slots to `buckets`, which are all zeros, from each one's first slot on. `part`:
  // what follows the count, BytesAfterCount long. False when no Pack made it; some slots may be
  // written then. O(buckets).
  bool Unpack(std::string_view part, PackedCount slots, std::span<char> buckets);

 private:
  template <typename Form>
  void PackSlots(std::span<const char> buckets, std::string* out);
  template <typename Form>
  bool UnpackSlots(std::string_view part, PackedCount slots, std::span<char> buckets);
  void PutGenerations(std::string* out) const;
  bool GetGenerations(std::string_view packed, PackedCount slots);

  const bool compact_;
  const std::size_t generations_alive_;
  const unsigned generation_bits_;
  LiveCodes live_ = {};
  std::array<std::uint8_t, 256> generation_of_ = {};  // by code, from the oldest one, 0
  std::array<std::uint8_t, 256> code_of_ = {};        // by generation
  std::vector<std::uint8_t> generations_;             // of the slots of a part
  std::string slots_;
};

}  // namespace v1
}  // namespace insightflow
