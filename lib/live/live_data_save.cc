// The stored form of live numbers: magic, version, the limits and seed they were counted under, the
// parts, and a checksum of all that. What follows from the users is not stored but counted again.
// Version 1 knew no erasures.
#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/live/live_data.h"
#include "lib/live/live_time.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint32_t kMagic = 0x564c4649;  // "IFLV"
constexpr std::uint8_t kVersion = 2;
constexpr std::uint64_t kChecksumSeed = kMagic;

}  // namespace

void LiveData::SaveLimits(std::string* out) const {
  PutVarint(out, limits_.event_types_max);
  PutVarint(out, limits_.pages_max);
  PutVarint(out, limits_.elements_max);
  PutVarint(out, limits_.users_max);
  PutVarint(out, limits_.recent_events_max);
  PutFixed(out, hash_seed_);
}

Status LiveData::Save(const TakePiece& take) const {
  PieceWriter writer(kChecksumSeed, take);
  std::string* const out = writer.out();
  PutFixed(out, kMagic);
  PutFixed(out, kVersion);
  SaveLimits(out);
  PutVarint(out, counters_.applied);
  PutVarint(out, counters_.erasures);
  PutVarint(out, counters_.view_events);
  PutVarint(out, counters_.purchase_events);
  PutVarint(out, overflow_.events);
  PutVarint(out, overflow_.last_sequence);
  PutVarint(out, static_cast<std::uint64_t>(online_.newest() + 1));
  types_.Save(out);
  seconds_.Save(out);
  minutes_.Save(out);
  hours_.Save(out);
  pages_.Save(out);
  elements_.Save(out);
  users_.Save(counters_.applied, &writer);
  recent_.Save(&writer);
  return writer.Finish();
}

Status LiveData::Load(std::string_view in) {
  std::uint64_t checksum;
  if (in.size() < sizeof checksum) return DataLoss("saved live numbers are cut off");
  const std::string_view body = in.substr(0, in.size() - sizeof checksum);
  ByteReader tail(in.substr(body.size()));
  if (!tail.GetFixed(&checksum) || checksum != HashBytes(body, kChecksumSeed)) {
    return DataLoss("the checksum of the saved live numbers does not match");
  }
  ByteReader reader(body);
  int version = 0;
  if (Status status = LoadHeader(&reader, &version); !status.ok()) return status;
  if (!LoadBody(version, &reader) || !reader.empty()) {
    return DataLoss("saved live numbers do not follow their format");
  }
  DeriveFromUsers();
  return Status::Ok();
}

Status LiveData::LoadHeader(ByteReader* in, int* version) const {
  std::uint32_t magic = 0;
  std::uint8_t stored = 0;
  std::string expected;
  SaveLimits(&expected);
  std::string_view limits;
  const bool read =
      in->GetFixed(&magic) && in->GetFixed(&stored) && in->GetRaw(expected.size(), &limits);
  *version = stored;
  if (!read || magic != kMagic || stored == 0 || stored > kVersion || limits != expected) {
    return DataLoss("saved live numbers are of another version, or of other limits");
  }
  return Status::Ok();
}

bool LiveData::LoadCounters(int version, ByteReader* in) {
  if (!in->GetVarint(&counters_.applied) || counters_.applied == UINT64_MAX) return false;
  if (version > 1 && !in->GetVarint(&counters_.erasures)) return false;
  if (!in->GetVarint(&counters_.view_events) || !in->GetVarint(&counters_.purchase_events) ||
      !in->GetVarint(&overflow_.events) || !in->GetVarint(&overflow_.last_sequence) ||
      overflow_.last_sequence > counters_.applied) {
    return false;
  }
  if (version == 1) return true;
  std::uint64_t after_newest;
  if (!in->GetVarint(&after_newest) || after_newest > LiveTime::kSecondMax + 1) return false;
  online_.AdvanceTo(static_cast<std::int64_t>(after_newest) - 1);
  return true;
}

bool LiveData::LoadBody(int version, ByteReader* in) {
  return LoadCounters(version, in) && types_.Load(version, in) &&
         seconds_.Load(in, types_.size()) && minutes_.Load(in, types_.size()) &&
         hours_.Load(in, types_.size()) && pages_.Load(version, in) &&
         elements_.Load(version, in) && users_.Load(counters_.applied, hash_seed_, in) &&
         recent_.Load(counters_.applied, in);
}

void LiveData::DeriveFromUsers() {
  counters_.users = users_.size();
  for (std::uint32_t i = 0; i < users_.size(); ++i) {
    const UserRecord& user = users_.at(i);
    online_.Move(-1, user.last_live_second);
    counters_.users_viewed += user.views > 0 ? 1 : 0;
    counters_.users_purchased += users_.acts(i).purchases > 0 ? 1 : 0;
  }
}

}  // namespace v1
}  // namespace insightflow
