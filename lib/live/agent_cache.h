// Remembers what agents were classified as: a batch names many, and classifying one takes a
// microsecond. A fixed table; an agent that falls on another's place pushes it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/hash.h"
#include "lib/model/user_agent.h"

namespace insightflow {
inline namespace v1 {

class AgentCache {
 public:
  explicit AgentCache(std::uint64_t hash_seed) : hash_seed_(hash_seed), entries_(kEntries) {}

  // The same as ClassifyAgent: 128 bits of a seeded hash stand for the text.
  Agent Classify(std::string_view user_agent) {
    const Hash128 hash = HashBytes128(user_agent, hash_seed_);
    Entry& entry = entries_[hash.low % kEntries];
    if (entry.agent.device == Device::kUnknown || entry.hash != hash) {
      entry = {hash, ClassifyAgent(user_agent)};
    }
    return entry.agent;
  }

  std::size_t bytes() const { return entries_.size() * sizeof(Entry); }

 private:
  static constexpr std::size_t kEntries = 512;
  struct Entry {
    Hash128 hash;
    Agent agent;
  };

  std::uint64_t hash_seed_;
  std::vector<Entry> entries_;
};

}  // namespace v1
}  // namespace insightflow
