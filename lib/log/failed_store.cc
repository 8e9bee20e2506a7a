#include "lib/log/failed_store.h"

#include <algorithm>
#include <memory>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/log/log_entry.h"
#include "lib/log/user_mention.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr char kCountersKey[] = "failed";
constexpr std::size_t kRawBytesMax = 4096;

// Cuts at a character boundary of UTF-8.
std::string_view CutText(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && end + 4 > bytes_max && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

std::string EncodeFailed(const RejectedEvent& event, std::int64_t received_ms) {
  std::string value;
  PutFixed(&value, kVersion);
  PutFixed(&value, received_ms);
  PutFixed(&value, static_cast<std::uint8_t>(event.why.code));
  PutBytes(&value, CutText(event.why.field, kRawBytesMax));
  PutBytes(&value, CutText(event.why.message, kRawBytesMax));
  PutBytes(&value, CutText(event.raw, kRawBytesMax));
  PutFixed(&value, HashBytes(value, kVersion));
  return value;
}

Status DecodeFailed(std::string_view key, std::string_view value, FailedEvent* event) {
  if (key.size() != 8) return DataLoss("a key of a rejected event is not 8 bytes long");
  event->id = LoadBigEndian64(key.data());
  Status damaged = DataLoss("rejected event " + std::to_string(event->id) + " is damaged");
  if (value.size() < 8) return damaged;
  const std::string_view body = value.substr(0, value.size() - 8);
  std::uint64_t checksum = 0;
  ByteReader tail(value.substr(body.size()));
  tail.GetFixed(&checksum);
  if (checksum != HashBytes(body, kVersion)) return damaged;
  ByteReader in(body);
  std::uint8_t version = 0;
  std::uint8_t code = 0;
  std::int64_t received_ms = 0;
  std::string_view field;
  std::string_view message;
  std::string_view raw;
  if (!in.GetFixed(&version) || version != kVersion || !in.GetFixed(&received_ms) ||
      !in.GetFixed(&code) || !in.GetBytes(&field) || !in.GetBytes(&message) || !in.GetBytes(&raw)) {
    return damaged;
  }
  event->received = FromMillis(received_ms);
  event->code = static_cast<RejectCode>(code);
  event->field = field;
  event->message = message;
  event->event = raw;
  return Status::Ok();
}

bool Mentions(std::string_view key, std::string_view value, std::string_view user_id) {
  FailedEvent event;
  // What cannot be read may still show the id.
  const bool read = DecodeFailed(key, value, &event).ok();
  return MentionsUser(read ? std::string_view(event.event) : value, user_id);
}

}  // namespace

Status FailedStore::Open() {
  std::string value;
  const auto status =
      store_->db().Get(rocksdb::ReadOptions(), store_->family(Family::kMeta), kCountersKey, &value);
  if (!status.ok() && !status.IsNotFound()) {
    return FromRocks(status, "cannot read the counters of rejected events");
  }
  if (status.ok()) {
    ByteReader in(value);
    if (!in.GetFixed(&stored_.first_id) || !in.GetFixed(&stored_.next_id) ||
        !in.GetFixed(&stored_.bytes) || !in.GetFixed(&stored_.dropped) ||
        (!in.empty() && !in.GetFixed(&stored_.erased)) || stored_.first_id > stored_.next_id ||
        stored_.erased > stored_.next_id - stored_.first_id) {
      return DataLoss("the counters of rejected events are damaged");
    }
  }
  Publish();
  return Status::Ok();
}

Status FailedStore::MakeRoom(bool all, Counters* counters, rocksdb::WriteBatch* batch) const {
  const auto over = [&] {
    return all || counters->events() > events_max_ || counters->bytes > bytes_max_;
  };
  if (!over()) return Status::Ok();
  const std::unique_ptr<rocksdb::Iterator> rows(
      store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(Family::kFailed)));
  const auto first = LogKey(counters->first_id);
  for (rows->Seek({first.data(), first.size()}); over() && rows->Valid(); rows->Next()) {
    (void)batch->SingleDelete(store_->family(Family::kFailed), rows->key());
    const std::uint64_t id = LoadBigEndian64(rows->key().data());
    counters->erased -= std::min(counters->erased, id - counters->first_id);
    counters->first_id = id + 1;
    counters->bytes -= std::min<std::uint64_t>(counters->bytes, rows->value().size());
    ++counters->dropped;
  }
  return FromRocks(rows->status(), "cannot read rejected events");
}

Status FailedStore::Add(std::span<const RejectedEvent> rejected, std::int64_t received_ms,
                        rocksdb::WriteBatch* batch) {
  pending_ = stored_;
  if (rejected.empty()) return Status::Ok();
  // Only the newest that fit; the others are dropped before they are written.
  std::vector<std::string> values;
  std::size_t bytes = 0;
  for (std::size_t i = rejected.size(); i > 0 && values.size() < events_max_; --i) {
    std::string value = EncodeFailed(rejected[i - 1], received_ms);
    if (bytes + value.size() > bytes_max_) break;
    bytes += value.size();
    values.push_back(std::move(value));
  }
  const std::uint64_t skipped = rejected.size() - values.size();
  const std::uint64_t first_new = pending_.next_id;
  pending_.dropped += skipped;
  pending_.bytes += bytes;
  pending_.next_id += values.size();
  // What is kept stays one run of the newest: after a skip, nothing older remains.
  if (Status status = MakeRoom(skipped > 0, &pending_, batch); !status.ok()) return status;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto key = LogKey(first_new + i);
    (void)batch->Put(store_->family(Family::kFailed), {key.data(), key.size()},
                     values[values.size() - 1 - i]);
  }
  PutCounters(batch);
  return Status::Ok();
}

Result<bool> FailedStore::HasUser(std::string_view user_id) const {
  const std::unique_ptr<rocksdb::Iterator> rows(
      store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(Family::kFailed)));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    if (Mentions(ToView(rows->key()), ToView(rows->value()), user_id)) return true;
  }
  if (!rows->status().ok()) return FromRocks(rows->status(), "cannot read rejected events");
  return false;
}

Result<std::uint64_t> FailedStore::EraseUser(std::string_view user_id, rocksdb::WriteBatch* batch) {
  pending_ = stored_;
  const std::unique_ptr<rocksdb::Iterator> rows(
      store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(Family::kFailed)));
  std::uint64_t erased = 0;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const std::string_view value = ToView(rows->value());
    if (!Mentions(ToView(rows->key()), value, user_id)) continue;
    (void)batch->SingleDelete(store_->family(Family::kFailed), rows->key());
    pending_.bytes -= std::min<std::uint64_t>(pending_.bytes, value.size());
    ++erased;
  }
  if (!rows->status().ok()) return FromRocks(rows->status(), "cannot read rejected events");
  if (erased == 0) return erased;
  pending_.erased += std::min(erased, pending_.events());
  PutCounters(batch);
  return erased;
}

void FailedStore::PutCounters(rocksdb::WriteBatch* batch) const {
  std::string counters;
  PutFixed(&counters, pending_.first_id);
  PutFixed(&counters, pending_.next_id);
  PutFixed(&counters, pending_.bytes);
  PutFixed(&counters, pending_.dropped);
  PutFixed(&counters, pending_.erased);
  (void)batch->Put(store_->family(Family::kMeta), kCountersKey, counters);
}

void FailedStore::Commit() {
  stored_ = pending_;
  Publish();
}

void FailedStore::Publish() {
  events_.store(stored_.events(), std::memory_order_relaxed);
  dropped_.store(stored_.dropped, std::memory_order_relaxed);
}

Result<std::vector<FailedEvent>> FailedStore::Read(std::uint64_t after, std::size_t limit) const {
  std::vector<FailedEvent> events;
  if (after == UINT64_MAX) return events;
  const std::unique_ptr<rocksdb::Iterator> rows(
      store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(Family::kFailed)));
  const auto first = LogKey(after + 1);
  for (rows->Seek({first.data(), first.size()}); rows->Valid() && events.size() < limit;
       rows->Next()) {
    FailedEvent event;
    const Status status = DecodeFailed(ToView(rows->key()), ToView(rows->value()), &event);
    if (!status.ok()) return status;
    events.push_back(std::move(event));
  }
  if (!rows->status().ok()) return FromRocks(rows->status(), "cannot read rejected events");
  return events;
}

std::vector<std::string> CheckFailedEvents(const Store& store) {
  std::vector<std::string> damage;
  const std::unique_ptr<rocksdb::Iterator> rows(
      store.db().NewIterator(rocksdb::ReadOptions(), store.family(Family::kFailed)));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    FailedEvent event;
    const Status status = DecodeFailed(ToView(rows->key()), ToView(rows->value()), &event);
    if (!status.ok()) damage.push_back(status.message());
  }
  if (!rows->status().ok()) {
    damage.push_back(FromRocks(rows->status(), "cannot read rejected events").message());
  }
  return damage;
}

}  // namespace v1
}  // namespace insightflow
