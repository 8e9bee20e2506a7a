// All live numbers of one log, without locks: how rows or an erasure change them, and their stored
// form.
//
// They are of two kinds, which have readers of their own: users with their profiles and events, and
// counts. A batch changes first the one, then the other, so that whoever reads counts waits for
// sums only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/options.h"
#include "insightflow/status.h"
#include "lib/base/piece_writer.h"
#include "lib/live/agent_cache.h"
#include "lib/live/batch_tally.h"
#include "lib/live/count_ring.h"
#include "lib/live/hot_values.h"
#include "lib/live/live_erasure.h"
#include "lib/live/online_ring.h"
#include "lib/live/recent_index.h"
#include "lib/live/type_table.h"
#include "lib/live/user_table.h"
#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

// What the dictionary codes of a batch stand for here: each is looked up once a batch. What is not
// known yet is added when a row needs it, because the order of rows decides what is kept.
struct BatchCodes {
  struct Type {
    std::uint32_t number = HashIndex::kNone;  // given when the type is counted
    TypeKind kind = TypeKind::kOther;
  };
  struct User {
    std::uint64_t hash = 0;
    std::uint32_t number = HashIndex::kNone;
  };
  std::vector<Type> types;
  std::vector<User> users;
  std::vector<HotValues::Ref> pages;
  std::vector<HotValues::Ref> elements;
  std::vector<Agent> agents;

  void Reset(const EventBatch& batch);
};

class LiveData {
 public:
  LiveData(const LiveLimits& limits, std::uint64_t hash_seed);

  // Looks a batch's texts up. Changes nothing that readers see, so that it needs no lock.
  void Resolve(const EventBatch& batch, BatchCodes* codes);
  // Applies rows [begin, end) of a batch whose codes were resolved to the users, and sums up what
  // they add to the counts. Row 0 is `first_sequence`.
  void ApplyToUsers(const EventBatch& batch, std::size_t begin, std::size_t end,
                    std::uint64_t first_sequence, BatchCodes* codes, BatchTally* tally);
  // To follow, with the same rows.
  void ApplyToCounts(const EventBatch& batch, std::size_t begin, std::size_t end,
                     std::uint64_t first_sequence, BatchCodes* codes, BatchTally* tally);

  // Takes back what a user's events added. Nothing happens unless `number` is above that of the
  // last erasure.
  void Erase(const LiveErasure& erasure, std::uint64_t number);

  void SkipTo(std::uint64_t sequence);

  // Hands out the stored form. Errors: those of `take`.
  Status Save(const TakePiece& take) const;
  // Into fresh data. kDataLoss: then the data is of no use.
  Status Load(std::string_view in);

  std::size_t bytes() const;
  std::uint64_t HashOf(std::string_view user_id) const;

  // Read by answers about users.
  const UserTable& users() const { return users_; }
  const RecentIndex& recent() const { return recent_; }
  struct Overflow {                   // users without a profile
    std::uint64_t events = 0;         // of theirs
    std::uint64_t last_sequence = 0;  // the newest of these
  };
  const Overflow& overflow() const { return overflow_; }

  // Read by answers from counts.
  const TypeTable& types() const { return types_; }
  const CountRing& seconds() const { return seconds_; }
  const CountRing& minutes() const { return minutes_; }
  const CountRing& hours() const { return hours_; }
  const HotValues& pages() const { return pages_; }
  const HotValues& elements() const { return elements_; }
  const OnlineRing& online() const { return online_; }
  struct Counters {
    std::uint64_t applied = 0;   // the last sequence
    std::uint64_t erasures = 0;  // the number of the last erasure
    std::uint64_t users = 0;     // with a profile
    std::uint64_t view_events = 0;
    std::uint64_t purchase_events = 0;
    std::uint64_t users_viewed = 0;
    std::uint64_t users_purchased = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  std::uint32_t UserOf(const EventBatch& batch, std::size_t row, BatchCodes* codes);
  void ApplyToUser(const EventBatch& batch, std::size_t row, std::uint64_t sequence, TypeKind kind,
                   std::int64_t second, BatchCodes* codes, BatchTally* tally);
  void CountTypes(const DictColumn& column, const std::vector<CodeTally::Sum>& sums,
                  BatchCodes* codes);
  void EraseProfile(std::uint32_t number);
  void TakeBack(const LiveErasure& erasure);
  void SaveLimits(std::string* out) const;
  Status LoadHeader(ByteReader* in, int* version) const;
  bool LoadCounters(int version, ByteReader* in);
  bool LoadBody(int version, ByteReader* in);
  void DeriveFromUsers();

  LiveLimits limits_;
  std::uint64_t hash_seed_;
  TypeTable types_;
  CountRing seconds_;
  CountRing minutes_;
  CountRing hours_;
  HotValues pages_;
  HotValues elements_;
  OnlineRing online_;
  Counters counters_;
  UserTable users_;
  RecentIndex recent_;
  Overflow overflow_;
  AgentCache agents_;
};

}  // namespace v1
}  // namespace insightflow
