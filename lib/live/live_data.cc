#include "lib/live/live_data.h"

#include <algorithm>
#include <array>

#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/live/live_time.h"

namespace insightflow {
inline namespace v1 {
namespace {

// A user for whom there is no room, in BatchCodes.
constexpr std::uint32_t kNoRoom = UserTable::kNone - 1;

void CountValue(const DictColumn& column, std::size_t row, const LiveTime& time,
                std::vector<HotValues::Ref>* refs, HotValues* values) {
  const std::uint32_t code = column.CodeAt(row);
  if (code == 0) return;
  HotValues::Ref& ref = (*refs)[code];
  if (!values->CountAgain(ref, time)) ref = values->Count(column.Entry(code), time);
}

// Calls found(code, hash) for every entry of a column after its record was fetched from memory,
// many at a time.
template <typename Table, typename HashOf, typename Found>
void FindEntries(const DictColumn& column, const Table& table, HashOf hash_of, Found found) {
  constexpr std::uint32_t kBlock = 64;  // cache misses under way at a time
  std::array<std::uint64_t, kBlock> hashes;
  std::array<std::uint32_t, kBlock> guesses;
  for (std::uint32_t begin = 1; begin <= column.entries(); begin += kBlock) {
    const std::uint32_t size = std::min(kBlock, column.entries() - begin + 1);
    for (std::uint32_t i = 0; i < size; ++i) {
      hashes[i] = hash_of(column.Entry(begin + i));
      table.PrefetchSlot(hashes[i]);
    }
    for (std::uint32_t i = 0; i < size; ++i) guesses[i] = table.PrefetchRecord(hashes[i]);
    for (std::uint32_t i = 0; i < size; ++i) table.PrefetchText(guesses[i]);
    for (std::uint32_t i = 0; i < size; ++i) found(begin + i, hashes[i]);
  }
}

void ResolveValues(const DictColumn& column, const HotValues& values,
                   std::vector<HotValues::Ref>* refs) {
  FindEntries(
      column, values, [&](std::string_view value) { return values.HashOf(value); },
      [&](std::uint32_t code, std::uint64_t hash) {
        (*refs)[code] = values.Find(hash, column.Entry(code));
      });
}

template <typename T>
void Refill(const DictColumn& column, std::vector<T>* values) {
  values->assign(std::size_t{column.entries()} + 1, T());
}

}  // namespace

void BatchCodes::Reset(const EventBatch& batch) {
  Refill(batch.column(Field::kEventType), &types);
  Refill(batch.column(Field::kUserId), &users);
  Refill(batch.column(Field::kPageUrl), &pages);
  Refill(batch.column(Field::kElement), &elements);
  Refill(batch.column(Field::kUserAgent), &agents);
}

// Rings are powers of two and a little longer than the 60 s, 60 min and 25 h of the answers, so
// that a reader whose clock is a moment behind the newest event misses nothing.
LiveData::LiveData(const LiveLimits& limits, std::uint64_t hash_seed)
    : limits_(limits),
      hash_seed_(hash_seed),
      types_(limits.event_types_max, hash_seed),
      seconds_(128),
      minutes_(64),
      hours_(32),
      pages_(limits.pages_max, kPageUrlBytesMax, hash_seed),
      elements_(limits.elements_max, kElementBytesMax, hash_seed),
      users_(limits.users_max),
      recent_(limits.recent_events_max),
      agents_(hash_seed) {}

std::uint64_t LiveData::HashOf(std::string_view user_id) const {
  return HashBytes(user_id, hash_seed_);
}

void LiveData::Resolve(const EventBatch& batch, BatchCodes* codes) {
  codes->Reset(batch);
  const DictColumn& users = batch.column(Field::kUserId);
  FindEntries(
      users, users_, [this](std::string_view id) { return HashOf(id); },
      [&](std::uint32_t code, std::uint64_t hash) {
        codes->users[code] = {hash, users_.Find(hash, users.Entry(code))};
      });
  ResolveValues(batch.column(Field::kPageUrl), pages_, &codes->pages);
  ResolveValues(batch.column(Field::kElement), elements_, &codes->elements);
  const DictColumn& agents = batch.column(Field::kUserAgent);
  for (std::uint32_t code = 1; code <= agents.entries(); ++code) {
    codes->agents[code] = agents_.Classify(agents.Entry(code));
  }
}

void LiveData::Apply(const EventBatch& batch, std::size_t begin, std::size_t end,
                     std::uint64_t first_sequence, BatchCodes* codes) {
  for (std::size_t row = begin; row < end; ++row) {
    ApplyRow(batch, row, first_sequence + row, codes);
  }
  if (end > begin) counters_.applied = first_sequence + end - 1;
}

void LiveData::SkipTo(std::uint64_t sequence) {
  if (sequence <= counters_.applied) return;
  recent_.Push(sequence, 0);
  counters_.applied = sequence;
}

BatchCodes::Type LiveData::TypeOf(const EventBatch& batch, std::size_t row, BatchCodes* codes) {
  const DictColumn& column = batch.column(Field::kEventType);
  const std::uint32_t code = column.CodeAt(row);
  BatchCodes::Type& type = codes->types[code];
  if (type.number == HashIndex::kNone) {
    type = {types_.Resolve(column.Entry(code)), KindOfType(column.Entry(code))};
  }
  return type;
}

void LiveData::ApplyRow(const EventBatch& batch, std::size_t row, std::uint64_t sequence,
                        BatchCodes* codes) {
  const LiveTime time = LiveTime::OfEvent(batch.time_ms[row], batch.received_ms);
  const BatchCodes::Type type = TypeOf(batch, row, codes);
  types_.Count(type.number);
  seconds_.Add(time.second, type.number);
  minutes_.Add(time.minute, type.number);
  hours_.Add(time.hour, type.number);
  if (type.kind == TypeKind::kView) {
    ++counters_.view_events;
    CountValue(batch.column(Field::kPageUrl), row, time, &codes->pages, &pages_);
  } else if (type.kind == TypeKind::kClick) {
    CountValue(batch.column(Field::kElement), row, time, &codes->elements, &elements_);
  } else if (type.kind == TypeKind::kPurchase) {
    ++counters_.purchase_events;
  }
  ApplyUser(batch, row, sequence, type.kind, time.second, codes);
}

std::uint32_t LiveData::UserOf(const EventBatch& batch, std::size_t row, BatchCodes* codes) {
  const DictColumn& column = batch.column(Field::kUserId);
  const std::uint32_t code = column.CodeAt(row);
  BatchCodes::User& user = codes->users[code];
  if (user.number == UserTable::kNone) {
    user.number = users_.Find(user.hash, column.Entry(code));
    // Once a user found no room none is added, though an erasure makes some: the profile would lack
    // what the user did before.
    if (user.number == UserTable::kNone && counters_.overflow_events == 0) {
      user.number = users_.Insert(user.hash, column.Entry(code));
    }
    if (user.number == UserTable::kNone) user.number = kNoRoom;
  }
  return user.number;
}

void LiveData::ApplyUser(const EventBatch& batch, std::size_t row, std::uint64_t sequence,
                         TypeKind kind, std::int64_t second, BatchCodes* codes) {
  const std::uint32_t number = UserOf(batch, row, codes);
  if (number == kNoRoom) {
    ++counters_.overflow_events;
    counters_.overflow_last_sequence = sequence;
    recent_.Push(sequence, 0);
    return;
  }
  UserRecord& user = users_.at(number);
  recent_.Push(sequence, user.last_sequence);
  user.last_sequence = sequence;
  const std::int64_t time_ms = batch.time_ms[row];
  user.first_ms = user.events == 0 ? time_ms : std::min(user.first_ms, time_ms);
  user.last_ms = user.events == 0 ? time_ms : std::max(user.last_ms, time_ms);
  ++user.events;
  if (kind == TypeKind::kView && user.views++ == 0) ++counters_.users_viewed;
  if (kind == TypeKind::kClick) ++users_.acts(number).clicks;
  if (kind == TypeKind::kPurchase && users_.acts(number).purchases++ == 0) {
    ++counters_.users_purchased;
  }
  if (second > user.last_live_second) {
    online_.Move(user.last_live_second, second);
    user.last_live_second = second;
  }
  const std::uint32_t agent = batch.column(Field::kUserAgent).CodeAt(row);
  if (agent != 0) user.agent = codes->agents[agent];
}

std::size_t LiveData::bytes() const {
  return sizeof *this + types_.bytes() + seconds_.bytes() + minutes_.bytes() + hours_.bytes() +
         pages_.bytes() + elements_.bytes() + users_.bytes() + recent_.bytes() + agents_.bytes();
}

}  // namespace v1
}  // namespace insightflow
