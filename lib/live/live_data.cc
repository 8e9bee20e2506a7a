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

// Counts the rows of [begin, end) whose type is of a kind, one after the other.
void CountRows(const EventBatch& batch, std::size_t begin, std::size_t end, TypeKind kind,
               const BatchCodes& codes, const DictColumn& column, HotValues* values) {
  const DictColumn& types = batch.column(Field::kEventType);
  for (std::size_t row = begin; row < end; ++row) {
    const std::uint32_t code = column.CodeAt(row);
    if (code == 0 || codes.types[types.CodeAt(row)].kind != kind) continue;
    values->Count(column.Entry(code), LiveTime::OfEvent(batch.time_ms[row], batch.received_ms));
  }
}

// False, and nothing is counted, when some value could take the place of another one: then the
// order of rows decides.
bool CountSums(const DictColumn& column, const std::vector<CodeTally::Sum>& sums,
               std::vector<HotValues::Ref>* refs, HotValues* values) {
  if (!values->HasRoom(sums.size())) return false;
  for (const CodeTally::Sum& sum : sums) {
    HotValues::Ref& ref = (*refs)[sum.code];
    if (values->CountAgain(ref, sum.time, sum.events)) continue;
    ref = values->Count(column.Entry(sum.code), sum.time, sum.events);
  }
  return true;
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
  const DictColumn& types = batch.column(Field::kEventType);
  for (std::uint32_t code = 0; code <= types.entries(); ++code) {
    codes->types[code].kind = KindOfType(types.Entry(code));
  }
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

void LiveData::ApplyToUsers(const EventBatch& batch, std::size_t begin, std::size_t end,
                            std::uint64_t first_sequence, BatchCodes* codes, BatchTally* tally) {
  tally->types.Reset(codes->types.size());
  tally->pages.Reset(codes->pages.size());
  tally->elements.Reset(codes->elements.size());
  tally->moves.clear();
  tally->view_events = tally->purchase_events = 0;
  tally->users_viewed = tally->users_purchased = 0;
  for (std::size_t row = begin; row < end; ++row) {
    const LiveTime time = LiveTime::OfEvent(batch.time_ms[row], batch.received_ms);
    const std::uint32_t type = batch.column(Field::kEventType).CodeAt(row);
    const TypeKind kind = codes->types[type].kind;
    tally->types.Add(time, type);
    if (kind == TypeKind::kView) {
      ++tally->view_events;
      const std::uint32_t page = batch.column(Field::kPageUrl).CodeAt(row);
      if (page != 0) tally->pages.Add(time, page);
    } else if (kind == TypeKind::kClick) {
      const std::uint32_t element = batch.column(Field::kElement).CodeAt(row);
      if (element != 0) tally->elements.Add(time, element);
    } else if (kind == TypeKind::kPurchase) {
      ++tally->purchase_events;
    }
    ApplyToUser(batch, row, first_sequence + row, kind, time.second, codes, tally);
  }
}

void LiveData::ApplyToCounts(const EventBatch& batch, std::size_t begin, std::size_t end,
                             std::uint64_t first_sequence, BatchCodes* codes, BatchTally* tally) {
  CountTypes(batch.column(Field::kEventType), tally->types.Finish(), codes);
  const DictColumn& pages = batch.column(Field::kPageUrl);
  if (!CountSums(pages, tally->pages.Finish(), &codes->pages, &pages_)) {
    CountRows(batch, begin, end, TypeKind::kView, *codes, pages, &pages_);
  }
  const DictColumn& elements = batch.column(Field::kElement);
  if (!CountSums(elements, tally->elements.Finish(), &codes->elements, &elements_)) {
    CountRows(batch, begin, end, TypeKind::kClick, *codes, elements, &elements_);
  }
  for (const BatchTally::Move& move : tally->moves) online_.Move(move.from, move.to);
  counters_.view_events += tally->view_events;
  counters_.purchase_events += tally->purchase_events;
  counters_.users_viewed += tally->users_viewed;
  counters_.users_purchased += tally->users_purchased;
  counters_.users = users_.size();
  if (end > begin) counters_.applied = first_sequence + end - 1;
}

void LiveData::SkipTo(std::uint64_t sequence) {
  if (sequence <= counters_.applied) return;
  recent_.Push(sequence, 0);
  counters_.applied = sequence;
}

void LiveData::CountTypes(const DictColumn& column, const std::vector<CodeTally::Sum>& sums,
                          BatchCodes* codes) {
  for (const CodeTally::Sum& sum : sums) {
    std::uint32_t& number = codes->types[sum.code].number;
    if (number == HashIndex::kNone) number = types_.Resolve(column.Entry(sum.code));
    types_.Count(number, sum.events);
    seconds_.Add(sum.time.second, number, sum.events);
    minutes_.Add(sum.time.minute, number, sum.events);
    hours_.Add(sum.time.hour, number, sum.events);
  }
}

std::uint32_t LiveData::UserOf(const EventBatch& batch, std::size_t row, BatchCodes* codes) {
  const DictColumn& column = batch.column(Field::kUserId);
  const std::uint32_t code = column.CodeAt(row);
  BatchCodes::User& user = codes->users[code];
  if (user.number == UserTable::kNone) {
    user.number = users_.Find(user.hash, column.Entry(code));
    // Once a user found no room none is added, though an erasure makes some: the profile would lack
    // what the user did before.
    if (user.number == UserTable::kNone && overflow_.events == 0) {
      user.number = users_.Insert(user.hash, column.Entry(code));
    }
    if (user.number == UserTable::kNone) user.number = kNoRoom;
  }
  return user.number;
}

void LiveData::ApplyToUser(const EventBatch& batch, std::size_t row, std::uint64_t sequence,
                           TypeKind kind, std::int64_t second, BatchCodes* codes,
                           BatchTally* tally) {
  const std::uint32_t number = UserOf(batch, row, codes);
  if (number == kNoRoom) {
    ++overflow_.events;
    overflow_.last_sequence = sequence;
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
  if (kind == TypeKind::kView && user.views++ == 0) ++tally->users_viewed;
  if (kind == TypeKind::kClick) ++users_.acts(number).clicks;
  if (kind == TypeKind::kPurchase && users_.acts(number).purchases++ == 0) {
    ++tally->users_purchased;
  }
  if (second > user.last_live_second) {
    tally->moves.push_back({user.last_live_second, second});
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
