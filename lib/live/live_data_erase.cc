// How live numbers forget a user: what each event added is taken back where it still counts. The
// windows stay at the newest time that they have seen.
#include <algorithm>

#include "lib/live/live_data.h"

namespace insightflow {
inline namespace v1 {
namespace {

std::vector<HotValues::Ref> RefsOf(const DictColumn& dictionary, const HotValues& values) {
  std::vector<HotValues::Ref> refs(std::size_t{dictionary.entries()} + 1);
  for (std::uint32_t code = 1; code <= dictionary.entries(); ++code) {
    const std::string_view value = dictionary.Entry(code);
    refs[code] = values.Find(values.HashOf(value), value);
  }
  return refs;
}

void Lower(std::uint64_t* count, std::uint64_t by) { *count -= std::min(*count, by); }

}  // namespace

void LiveData::Erase(const LiveErasure& erasure, std::uint64_t number) {
  if (number <= counters_.erasures) return;
  counters_.erasures = number;
  const std::uint64_t hash = HashOf(erasure.user_id());
  const std::uint32_t user = users_.Find(hash, erasure.user_id());
  if (user != UserTable::kNone) {
    EraseProfile(user);
  } else {
    Lower(&overflow_.events, erasure.events());
    if (overflow_.events == 0) overflow_.last_sequence = 0;
  }
  TakeBack(erasure);
  pages_.Settle();
  elements_.Settle();
  types_.RemoveUnused([this](std::uint32_t from, std::uint32_t to) {
    seconds_.Move(from, to);
    minutes_.Move(from, to);
    hours_.Move(from, to);
  });
}

void LiveData::EraseProfile(std::uint32_t number) {
  const UserRecord& user = users_.at(number);
  if (user.views > 0) --counters_.users_viewed;
  if (users_.acts(number).purchases > 0) --counters_.users_purchased;
  online_.Remove(user.last_live_second);
  recent_.Unlink(user.last_sequence);
  users_.Remove(number, hash_seed_);
  counters_.users = users_.size();
}

void LiveData::TakeBack(const LiveErasure& erasure) {
  const DictColumn& names = erasure.types();
  std::vector<BatchCodes::Type> types(std::size_t{names.entries()} + 1);
  for (std::uint32_t code = 0; code <= names.entries(); ++code) {
    types[code] = {types_.NumberOf(names.Entry(code)), KindOfType(names.Entry(code))};
  }
  const std::vector<HotValues::Ref> pages = RefsOf(erasure.pages(), pages_);
  const std::vector<HotValues::Ref> elements = RefsOf(erasure.elements(), elements_);
  for (const LiveErasure::Counted& event : erasure.counted()) {
    const LiveTime time = LiveTime::FromSecond(event.second);
    const BatchCodes::Type& type = types[event.type];
    types_.Take(type.number);
    seconds_.Take(time.second, type.number);
    minutes_.Take(time.minute, type.number);
    hours_.Take(time.hour, type.number);
    if (type.kind == TypeKind::kView) Lower(&counters_.view_events, 1);
    if (type.kind == TypeKind::kPurchase) Lower(&counters_.purchase_events, 1);
    if (event.value == 0) continue;
    if (type.kind == TypeKind::kView) {
      pages_.Take(pages[event.value], time);
    } else {
      elements_.Take(elements[event.value], time);
    }
  }
}

}  // namespace v1
}  // namespace insightflow
