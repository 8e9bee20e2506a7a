// User profiles by id: a record of fixed size for each of the first `max` users of the log.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/piece_writer.h"
#include "lib/base/short_text.h"
#include "lib/live/hash_index.h"
#include "lib/model/user_agent.h"

namespace insightflow {
inline namespace v1 {

// What nearly every event changes, and a short id: one cache line, so that finding a user and
// counting its event cost one miss.
struct alignas(64) UserRecord {
  std::string_view Id() const {
    if (id_size <= kInline) return {text, id_size};
    const char* kept;
    std::memcpy(static_cast<void*>(&kept), text, sizeof kept);
    return {kept, id_size};
  }

  static constexpr std::size_t kInline = 13;

  std::int64_t last_live_second = -1;
  std::uint64_t last_sequence = 0;
  std::uint64_t events = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::uint64_t views = 0;
  std::uint8_t id_size = 0;
  Agent agent = {};         // the latest in the log
  char text[kInline] = {};  // the id; a longer one lies in the table's text: where
};
static_assert(sizeof(UserRecord) == 64, "one cache line");

// What fewer events change.
struct UserActs {
  std::uint64_t clicks = 0;
  std::uint64_t purchases = 0;
};

// Records and ids stay where they are as the table grows: readers of a number need no lock against
// that beyond the one that the owner holds.
class UserTable {
 public:
  static constexpr std::uint32_t kNone = HashIndex::kNone;

  explicit UserTable(std::size_t max);

  // The hash is the caller's, the same for the same id.
  std::uint32_t Find(std::uint64_t hash, std::string_view id) const {
    return index_.Find(hash, [&](std::uint32_t number) { return EqualBytes(at(number).Id(), id); });
  }
  // Adds a user who is not in the table. kNone when it is full, or `id` is no id by its length.
  std::uint32_t Insert(std::uint64_t hash, std::string_view id);

  // Removes a user, whose number goes to the last one. `hash_seed` as in Load.
  void Remove(std::uint32_t number, std::uint64_t hash_seed);

  // To find many users, call the steps for all of them one after the other, so that their cache
  // misses overlap.
  void PrefetchSlot(std::uint64_t hash) const { index_.Prefetch(hash); }
  std::uint32_t PrefetchRecord(std::uint64_t hash) const {
    const std::uint32_t guess = index_.Guess(hash);
    if (guess != kNone) __builtin_prefetch(&at(guess), 1);
    return guess;
  }
  void PrefetchText(std::uint32_t guess) const {
    if (guess == kNone) return;
    if (at(guess).id_size > UserRecord::kInline) __builtin_prefetch(at(guess).Id().data());
    __builtin_prefetch(&acts(guess), 1);
  }

  std::size_t size() const { return size_; }
  UserRecord& at(std::uint32_t number) {
    return chunks_[number / kChunk]->records[number % kChunk];
  }
  const UserRecord& at(std::uint32_t number) const {
    return chunks_[number / kChunk]->records[number % kChunk];
  }
  UserActs& acts(std::uint32_t number) { return chunks_[number / kChunk]->acts[number % kChunk]; }
  const UserActs& acts(std::uint32_t number) const {
    return chunks_[number / kChunk]->acts[number % kChunk];
  }

  // `applied`: the last sequence of the log that the table has seen.
  void Save(std::uint64_t applied, PieceWriter* to) const;
  bool Load(std::uint64_t applied, std::uint64_t hash_seed, ByteReader* in);
  std::size_t bytes() const;

 private:
  static constexpr std::size_t kChunk = 512;
  static constexpr std::size_t kTextChunk = 16 * 1024;
  struct Chunk {
    std::array<UserRecord, kChunk> records;
    std::array<UserActs, kChunk> acts;
  };

  const char* KeepText(std::string_view text);

  std::size_t max_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::unique_ptr<char[]>> text_;
  std::size_t text_used_ = kTextChunk;  // of the last chunk
  HashIndex index_;
};

}  // namespace v1
}  // namespace insightflow
