#include "lib/log/follower_store.h"

#include <algorithm>
#include <memory>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/log/log_entry.h"

namespace insightflow {
inline namespace v1 {

namespace {

constexpr std::size_t kChunkBytes = FollowerStore::kChunkBytes;

struct Head {
  std::uint64_t applied_sequence = 0;
  std::uint64_t generation = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;  // of the state
  std::string inline_state;    // the state itself when it has no chunks

  std::uint64_t chunks() const {
    return bytes <= kChunkBytes ? 0 : (bytes + kChunkBytes - 1) / kChunkBytes;
  }
};

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kNameBytesMax = 64;

// Chunks sort after their head: the head's key is the name alone, and names hold no zero byte.
std::string ChunkPrefix(std::string_view name) { return std::string(name) + '\0'; }

std::string ChunkKey(std::string_view name, std::uint64_t generation, std::uint64_t chunk) {
  std::string key = ChunkPrefix(name);
  PutBigEndian64(&key, generation);
  PutBigEndian64(&key, chunk);
  return key;
}

bool IsName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), allowed);
}

Status BadName() {
  return InvalidArgument("a follower's name has 1 to 64 letters, digits, '-' and '_'");
}

Status Damaged(std::string_view name) {
  return DataLoss("the saved state of " + std::string(name) + " is damaged");
}

Result<std::optional<Head>> LoadHead(const Store& store, std::string_view name,
                                     const rocksdb::ReadOptions& options) {
  rocksdb::PinnableSlice value;
  const auto status =
      store.db().Get(options, store.family(Family::kCursors), ToSlice(name), &value);
  if (status.IsNotFound()) return std::optional<Head>();
  if (!status.ok()) return FromRocks(status, "cannot read the state of " + std::string(name));
  Head head;
  std::uint8_t version = 0;
  std::uint64_t header_checksum = 0;
  ByteReader in(ToView(value));
  const bool read = in.GetFixed(&version) && in.GetFixed(&head.applied_sequence) &&
                    in.GetFixed(&head.generation) && in.GetFixed(&head.bytes) &&
                    in.GetFixed(&head.checksum);
  const std::size_t checked = value.size() - in.remaining();
  if (!read || !in.GetFixed(&header_checksum) || version != kVersion ||
      header_checksum != HashBytes(ToView(value).substr(0, checked), kVersion) ||
      in.remaining() != (head.chunks() == 0 ? head.bytes : 0)) {
    return Damaged(name);
  }
  head.inline_state.assign(value.data() + value.size() - in.remaining(), in.remaining());
  return std::optional<Head>(std::move(head));
}

Status LoadChunks(const Store& store, std::string_view name, const Head& head,
                  const rocksdb::ReadOptions& options, std::string* state) {
  rocksdb::PinnableSlice value;
  for (std::uint64_t i = 0; i < head.chunks(); ++i) {
    value.Reset();
    const auto status = store.db().Get(options, store.family(Family::kCursors),
                                       ChunkKey(name, head.generation, i), &value);
    if (status.IsNotFound()) return Damaged(name);
    if (!status.ok()) return FromRocks(status, "cannot read the state of " + std::string(name));
    if (value.size() > head.bytes - state->size()) return Damaged(name);
    state->append(value.data(), value.size());
  }
  return state->size() == head.bytes ? Status::Ok() : Damaged(name);
}

Result<std::optional<EventLog::FollowerState>> LoadState(const Store& store,
                                                         std::string_view name) {
  // A snapshot, so that a save at the same time cannot mix two generations.
  const rocksdb::Snapshot* const snapshot = store.db().GetSnapshot();
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.fill_cache = false;
  EventLog::FollowerState loaded;
  auto head = LoadHead(store, name, options);
  Status status = head.status();
  if (head.ok() && head->has_value()) {
    loaded.applied_sequence = (*head)->applied_sequence;
    loaded.state = std::move((*head)->inline_state);
    status = LoadChunks(store, name, **head, options, &loaded.state);
    if (status.ok() && HashBytes(loaded.state, kVersion) != (*head)->checksum) {
      status = Damaged(name);
    }
  }
  store.db().ReleaseSnapshot(snapshot);
  if (!status.ok()) return status;
  if (!head->has_value()) return std::optional<EventLog::FollowerState>();
  return std::optional<EventLog::FollowerState>(std::move(loaded));
}

// Cuts the pieces of a state into chunks, and writes each as soon as it is full.
class ChunkWriter {
 public:
  ChunkWriter(Store* store, std::string_view name, std::uint64_t generation)
      : store_(store), name_(name), sum_(kVersion) {
    head_.generation = generation;
  }

  Status Add(std::string_view piece) {
    sum_.Add(piece);
    head_.bytes += piece.size();
    while (chunk_.size() + piece.size() > kChunkBytes) {
      const std::size_t part = kChunkBytes - chunk_.size();
      chunk_.append(piece.substr(0, part));
      piece.remove_prefix(part);
      if (Status status = WriteChunk(); !status.ok()) return status;
    }
    chunk_.append(piece);
    return Status::Ok();
  }

  // A state of one chunk at most goes with its head.
  Status Finish(Head* head) {
    head_.checksum = sum_.Sum();
    *head = head_;
    if (head->chunks() == 0) {
      head->inline_state = std::move(chunk_);
      return Status::Ok();
    }
    if (Status status = WriteChunk(); !status.ok()) return status;
    return store_->FlushFamily(Family::kCursors);
  }

 private:
  Status WriteChunk() {
    if (Status space = store_->CheckFreeSpace(chunk_.size()); !space.ok()) return space;
    rocksdb::WriteBatch batch;
    (void)batch.Put(store_->family(Family::kCursors), ChunkKey(name_, head_.generation, written_++),
                    ToSlice(chunk_));
    chunk_.clear();
    return store_->WriteUnlogged(&batch);
  }

  Store* const store_;
  const std::string_view name_;
  Head head_;
  HashStream sum_;
  std::string chunk_;  // not full, or not known to be followed by another
  std::uint64_t written_ = 0;
};

}  // namespace

Status FollowerStore::RemoveLeftovers(std::string_view name, std::uint64_t generation) {
  const std::string prefix = ChunkPrefix(name);
  rocksdb::WriteBatch batch;
  const std::unique_ptr<rocksdb::Iterator> keys(
      store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(Family::kCursors)));
  for (keys->Seek(prefix); keys->Valid() && keys->key().starts_with(prefix); keys->Next()) {
    const std::string_view rest = ToView(keys->key()).substr(prefix.size());
    if (rest.size() == 16 && LoadBigEndian64(rest.data()) == generation) continue;
    (void)batch.Delete(store_->family(Family::kCursors), keys->key());
  }
  if (!keys->status().ok()) return FromRocks(keys->status(), "cannot read saved states");
  return batch.Count() == 0 ? Status::Ok() : store_->Write(&batch, false);
}

Status FollowerStore::Save(std::string_view name, std::uint64_t applied_sequence,
                           const EventLog::WriteState& write) {
  if (!IsName(name)) return BadName();
  const std::lock_guard lock(save_mutex_);
  if (Status space = store_->CheckFreeSpace(0); !space.ok()) return space;
  auto* const family = store_->family(Family::kCursors);
  const auto old = LoadHead(*store_, name, rocksdb::ReadOptions());
  // A damaged head is replaced as if there were none; its chunks go as leftovers.
  const bool has_old = old.ok() && old.value().has_value();
  const std::uint64_t old_generation = has_old ? (*old)->generation : 0;
  if (Status status = RemoveLeftovers(name, old_generation); !status.ok()) return status;

  ChunkWriter chunks(store_, name, old_generation + 1);
  Status written = write([&](std::string_view piece) { return chunks.Add(piece); });
  if (!written.ok()) return written;
  Head head;
  if (written = chunks.Finish(&head); !written.ok()) return written;
  head.applied_sequence = applied_sequence;
  rocksdb::WriteBatch batch;
  std::string value;
  PutFixed(&value, kVersion);
  PutFixed(&value, head.applied_sequence);
  PutFixed(&value, head.generation);
  PutFixed(&value, head.bytes);
  PutFixed(&value, head.checksum);
  PutFixed(&value, HashBytes(value, kVersion));
  value.append(head.inline_state);
  (void)batch.Put(family, ToSlice(name), value);
  for (std::uint64_t i = 0; has_old && i < (*old)->chunks(); ++i) {
    (void)batch.Delete(family, ChunkKey(name, old_generation, i));
  }
  return store_->Write(&batch, false);
}

Result<std::optional<EventLog::FollowerState>> FollowerStore::Load(std::string_view name) const {
  if (!IsName(name)) return BadName();
  return LoadState(*store_, name);
}

std::vector<std::string> CheckFollowers(const Store& store) {
  std::vector<std::string> damage;
  const std::unique_ptr<rocksdb::Iterator> keys(
      store.db().NewIterator(rocksdb::ReadOptions(), store.family(Family::kCursors)));
  for (keys->SeekToFirst(); keys->Valid(); keys->Next()) {
    const std::string_view key = ToView(keys->key());
    if (key.find('\0') != std::string_view::npos) continue;  // a chunk
    const auto loaded = LoadState(store, key);
    if (!loaded.ok()) damage.push_back(loaded.status().message());
  }
  if (!keys->status().ok()) {
    damage.push_back(FromRocks(keys->status(), "cannot read saved states").message());
  }
  return damage;
}

}  // namespace v1
}  // namespace insightflow
