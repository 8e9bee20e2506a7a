#include "lib/segments/segment_store.h"

#include <rocksdb/convenience.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "lib/base/coding.h"
#include "lib/segments/segment_files.h"
#include "lib/segments/segment_receipts.h"

namespace insightflow {
inline namespace v1 {

// Removes the chunks of dropped segments while the store is open.
class SegmentDisposal {
 public:
  explicit SegmentDisposal(Store* store) : store_(store) {}

  // Removes the segments, with one write to RocksDB's manifest for all.
  Status Remove(const std::vector<SegmentKey>& keys);
  // Removes the segment now, or with others at the end of this thread's Together.
  void Drop(const SegmentKey& key);
  void Close() {
    const std::lock_guard lock(mutex_);
    store_ = nullptr;
  }
  // For sources, which are not used after Close.
  Store* store() const { return store_; }

  // While there is one, what its thread drops waits for its end. One for each thread: drops that
  // wait for all threads would wait for ever where queries overlap.
  class Together {
   public:
    explicit Together(std::shared_ptr<SegmentDisposal> disposal)
        : disposal_(std::move(disposal)), outer_(std::exchange(innermost, this)) {}
    ~Together();
    Together(const Together&) = delete;
    Together& operator=(const Together&) = delete;

   private:
    friend class SegmentDisposal;

    static thread_local Together* innermost;

    const std::shared_ptr<SegmentDisposal> disposal_;
    Together* const outer_;
    std::vector<SegmentKey> waiting_;
  };

 private:
  std::mutex mutex_;
  Store* store_;
};

thread_local SegmentDisposal::Together* SegmentDisposal::Together::innermost = nullptr;

namespace {

constexpr char kManifestKey[] = "segments";

rocksdb::Slice SliceOf(const StoredChunkKey& key) { return {key.data(), key.size()}; }

// Chunks have checksums of their own, but what RocksDB puts around them has only RocksDB's: it
// reads a damaged block as far as it makes sense, and builds with assertions, as Debian's, end the
// process where it does not. Chunks are larger than what the cache is for.
rocksdb::ReadOptions ChunkReadOptions() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  return options;
}

class StoreSource final : public ChunkSource {
 public:
  StoreSource(const Store* store, const SegmentKey& key,
              std::shared_ptr<const StoredSegment> segment)
      : store_(store), key_(key), segment_(std::move(segment)), options_(ChunkReadOptions()) {}

  Result<std::string_view> Fetch(SegmentColumn column, std::uint32_t block) override {
    const StoredChunkKey key = StoredKey(key_, column, block);
    value_.Reset();
    const auto status =
        store_->db().Get(options_, store_->family(Family::kSegments), SliceOf(key), &value_);
    if (status.ok()) return ToView(value_);
    if (status.IsNotFound()) return NotFound("no such chunk");
    const Status error = FromRocks(status, "cannot read");
    if (error.code() != StatusCode::kDataLoss) return error;
    return DamagedChunk(key_, column, block, error.message());
  }

 private:
  const Store* const store_;
  const SegmentKey key_;
  const std::shared_ptr<const StoredSegment> segment_;  // stays in the store meanwhile
  const rocksdb::ReadOptions options_;
  rocksdb::PinnableSlice value_;
};

// The manifest; an empty one when there is none yet.
Result<SegmentManifest> ReadManifest(const Store& store) {
  SegmentManifest manifest;
  std::string bytes;
  if (store.family(Family::kMeta) == nullptr) return manifest;
  const auto status =
      store.db().Get(rocksdb::ReadOptions(), store.family(Family::kMeta), kManifestKey, &bytes);
  if (status.IsNotFound()) return manifest;
  if (!status.ok()) return FromRocks(status, "cannot read the manifest of segments");
  if (Status decoded = DecodeManifest(bytes, &manifest); !decoded.ok()) return decoded;
  return manifest;
}

// The reader of a segment that is as the manifest says.
Result<SegmentReader> OpenReader(const Store& store, const SegmentEntry& entry) {
  const auto damaged = [&entry](std::string_view what) {
    return DamagedChunk(entry.key, SegmentColumn::kMeta, kMetaBlock, what);
  };
  StoreSource source(&store, entry.key, nullptr);
  const Result<std::string_view> chunk = source.Fetch(SegmentColumn::kMeta, kMetaBlock);
  if (chunk.status().code() == StatusCode::kNotFound) return damaged("is missing");
  if (!chunk.ok()) return chunk.status();
  Result<SegmentReader> reader = SegmentReader::Open(entry.key, *chunk);
  if (!reader.ok() || EntryOf(reader->meta(), entry.bytes) == entry) return reader;
  return damaged("is not as the manifest says");
}

void ChangeErasures(const SegmentChange& change, SegmentSnapshot* snapshot) {
  if (!change.erasure && change.finished_erasure == 0) return;
  std::erase_if(snapshot->erasures,
                [&](const Erasure& erasure) { return erasure.number <= change.finished_erasure; });
  if (change.erasure) {
    snapshot->erasures.push_back(*change.erasure);
    snapshot->erasures.back().number = ++snapshot->last_erasure;
  }
  snapshot->erased = std::make_shared<ErasedUsers>(snapshot->erasures);
}

bool IsBefore(const SegmentKey& a, const SegmentKey& b) {
  return a.day != b.day ? a.day < b.day : a.id < b.id;
}

SegmentManifest ManifestOf(const SegmentSnapshot& snapshot, std::uint64_t next_id) {
  SegmentManifest manifest;
  manifest.next_id = next_id;
  manifest.folded_sequence = snapshot.folded_sequence;
  manifest.last_erasure = snapshot.last_erasure;
  manifest.erasures = snapshot.erasures;
  manifest.segments.reserve(snapshot.segments.size() + snapshot.unreadable.size());
  for (const auto& segment : snapshot.segments) {
    manifest.segments.push_back(EntryOf(segment->meta(), segment->bytes()));
  }
  for (const UnreadableSegment& segment : snapshot.unreadable) {
    manifest.segments.push_back(segment.entry);
  }
  std::sort(manifest.segments.begin(), manifest.segments.end(),
            [](const auto& a, const auto& b) { return IsBefore(a.key, b.key); });
  return manifest;
}

// Takes back what was counted of log entries that are in segments too.
void CountEachOnce(std::uint64_t folded_sequence, std::uint64_t log_end, CheckReport* report) {
  const std::uint64_t behind = log_end - std::min(log_end, folded_sequence + 1);
  report->events = std::min(report->events, behind);
}

// Reads all of a segment; a line for each chunk that is not as it should be.
void CheckSegment(const SegmentReader& reader, ChunkSource* source, CheckReport* report) {
  ++report->segments;
  report->events += reader.meta().rows;
  ReadScratch scratch;
  SegmentDictionaries dictionaries;
  SegmentBlock block;
  const auto note = [report](const Status& status) {
    if (status.ok()) return;
    // A column that others need would be told again with each.
    const std::vector<std::string>& told = report->damage;
    if (std::find(told.begin(), told.end(), status.message()) != told.end()) return;
    report->damage.push_back(status.message());
  };
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    note(reader.ReadDictionaries({ColumnOf(static_cast<Field>(f))}, source, &scratch,
                                 &dictionaries));
  }
  for (std::uint32_t b = 0; b < reader.meta().blocks.size(); ++b) {
    if (reader.ReadBlock(b, ColumnSet::All(), source, &scratch, &block).ok()) continue;
    for (std::size_t c = 1; c < kSegmentColumns; ++c) {
      note(reader.ReadBlock(b, {static_cast<SegmentColumn>(c)}, source, &scratch, &block));
    }
  }
}

}  // namespace

Status SegmentDisposal::Remove(const std::vector<SegmentKey>& keys) {
  const std::lock_guard lock(mutex_);
  if (store_ == nullptr || keys.empty()) return Status::Ok();  // the next opening will
  if (store_->Health().code() == StatusCode::kUnavailable) return store_->Health();
  auto* const family = store_->family(Family::kSegments);
  std::vector<std::pair<StoredChunkKey, StoredChunkKey>> bounds;
  bounds.reserve(keys.size());
  for (const SegmentKey& key : keys) {
    bounds.emplace_back(FirstStoredKey(key), FirstStoredKey({key.day, key.id + 1}));
  }
  std::vector<std::pair<rocksdb::Slice, rocksdb::Slice>> slices;
  slices.reserve(keys.size());
  for (const auto& [begin, end] : bounds) slices.emplace_back(SliceOf(begin), SliceOf(end));
  std::vector<rocksdb::RangePtr> ranges;
  ranges.reserve(keys.size());
  for (const auto& [begin, end] : slices) ranges.emplace_back(&begin, &end);
  const auto status =
      rocksdb::DeleteFilesInRanges(&store_->db(), family, ranges.data(), ranges.size(), false);
  if (!status.ok()) return store_->Stop(FromRocks(status, "cannot remove a segment"));
  // A segment's files hold nothing else, so this was all, unless RocksDB has moved something.
  rocksdb::WriteBatch batch;
  for (const auto& [begin, end] : slices) {
    rocksdb::ReadOptions options = ChunkReadOptions();
    options.iterate_upper_bound = &end;
    const std::unique_ptr<rocksdb::Iterator> rest(store_->db().NewIterator(options, family));
    rest->Seek(begin);
    if (rest->Valid()) (void)batch.DeleteRange(family, begin, end);
  }
  return batch.Count() == 0 ? Status::Ok() : store_->Write(&batch, false);
}

// What cannot be removed now the next opening removes.
void SegmentDisposal::Drop(const SegmentKey& key) {
  for (Together* at = Together::innermost; at != nullptr; at = at->outer_) {
    if (at->disposal_.get() == this) return at->waiting_.push_back(key);
  }
  (void)Remove({key});
}

SegmentDisposal::Together::~Together() {
  assert(innermost == this);
  innermost = outer_;
  (void)disposal_->Remove(waiting_);
}

StoredSegment::StoredSegment(std::shared_ptr<SegmentDisposal> disposal, SegmentReader reader,
                             std::uint64_t bytes)
    : disposal_(std::move(disposal)), reader_(std::move(reader)), bytes_(bytes) {}

StoredSegment::~StoredSegment() {
  if (dropped_.load(std::memory_order_acquire)) disposal_->Drop(key());
}

std::unique_ptr<ChunkSource> StoredSegment::NewSource() const {
  return std::make_unique<StoreSource>(disposal_->store(), key(), shared_from_this());
}

std::uint64_t SegmentSnapshot::rows() const {
  std::uint64_t sum = 0;
  for (const auto& segment : segments) sum += segment->meta().rows;
  return sum;
}

std::uint64_t SegmentSnapshot::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& segment : segments) sum += segment->bytes();
  for (const UnreadableSegment& segment : unreadable) sum += segment.entry.bytes;
  return sum;
}

SegmentStore::SegmentStore(Store* store)
    : store_(store),
      disposal_(std::make_shared<SegmentDisposal>(store)),
      snapshot_(std::make_shared<SegmentSnapshot>()) {}

Status SegmentStore::CheckVersion(const Store& store) { return ReadManifest(store).status(); }

Result<std::unique_ptr<SegmentStore>> SegmentStore::Open(Store* store) {
  std::unique_ptr<SegmentStore> segments(new SegmentStore(store));
  if (Status status = segments->Load(); !status.ok()) return status;
  if (Status status = segments->RemoveLeftovers(); !status.ok()) return status;
  return segments;
}

Status SegmentStore::Load() {
  const Result<SegmentManifest> manifest = ReadManifest(*store_);
  if (!manifest.ok()) return manifest.status();
  auto snapshot = std::make_shared<SegmentSnapshot>();
  snapshot->folded_sequence = manifest->folded_sequence;
  for (const SegmentEntry& entry : manifest->segments) {
    Result<SegmentReader> reader = OpenReader(*store_, entry);
    if (reader.ok()) {
      snapshot->segments.push_back(
          std::make_shared<StoredSegment>(disposal_, *std::move(reader), entry.bytes));
    } else if (reader.status().code() == StatusCode::kDataLoss) {
      snapshot->unreadable.push_back({entry, reader.status()});
    } else {
      return reader.status();
    }
  }
  snapshot->last_erasure = manifest->last_erasure;
  snapshot->erasures = manifest->erasures;
  snapshot->erased = std::make_shared<ErasedUsers>(manifest->erasures);
  next_id_ = manifest->next_id;
  snapshot_ = std::move(snapshot);
  return Status::Ok();
}

Status SegmentStore::RemoveLeftovers() {
  RemoveUnfinishedSegments(*store_);
  std::vector<SegmentKey> named;
  for (const SegmentEntry& entry : ManifestOf(*snapshot_, next_id_).segments) {
    named.push_back(entry.key);
  }
  const Result<std::vector<SegmentKey>> leftovers = FindUnnamed(*store_, named);
  return leftovers.ok() ? disposal_->Remove(*leftovers) : leftovers.status();
}

std::shared_ptr<const SegmentSnapshot> SegmentStore::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

Result<std::unique_ptr<SegmentWriter>> SegmentStore::NewSegment(std::uint32_t day,
                                                                ChunkOrder order) {
  if (Status status = store_->Health(); !status.ok()) return status;
  return std::make_unique<SegmentWriter>(store_, SegmentKey{day, next_id_.fetch_add(1)}, order);
}

Status SegmentStore::Commit(SegmentChange change) {
  const std::lock_guard committing(commit_mutex_);
  const SegmentDisposal::Together together(disposal_);
  const auto before = Snapshot();
  auto after = std::make_shared<SegmentSnapshot>(*before);
  std::sort(change.removed.begin(), change.removed.end(), IsBefore);
  const auto goes = [&](const SegmentKey& key) {
    return std::binary_search(change.removed.begin(), change.removed.end(), key, IsBefore);
  };
  std::size_t left = change.removed.size();
  left -= std::erase_if(after->segments, [&](const auto& segment) { return goes(segment->key()); });
  left -= std::erase_if(after->unreadable,
                        [&](const UnreadableSegment& segment) { return goes(segment.entry.key); });
  if (left != 0) return Internal("a commit drops an unknown segment");
  if (!change.receipts.list.empty()) {
    if (change.receipts.list.front().first_sequence != before->folded_sequence + 1) {
      return Internal("a fold does not begin behind the last one");
    }
    after->folded_sequence = change.receipts.end_sequence - 1;
  }
  ChangeErasures(change, after.get());
  if (Status status = TakeFiles(store_, change.added); !status.ok()) return status;
  for (const auto& writer : change.added) {
    assert(writer->complete());
    Result<SegmentReader> reader = SegmentReader::Open(writer->key(), writer->meta_chunk());
    if (!reader.ok()) return store_->Stop(reader.status());
    after->segments.push_back(
        std::make_shared<StoredSegment>(disposal_, *std::move(reader), writer->bytes()));
  }
  std::sort(after->segments.begin(), after->segments.end(),
            [](const auto& a, const auto& b) { return IsBefore(a->key(), b->key()); });
  rocksdb::WriteBatch batch;
  auto* const family = store_->family(Family::kMeta);
  (void)batch.Put(family, kManifestKey, EncodeManifest(ManifestOf(*after, next_id_)));
  PutReceipts(*store_, change.receipts, &batch);
  if (Status status = store_->Write(&batch, true); !status.ok()) return status;
  for (const auto& segment : before->segments) {
    if (goes(segment->key())) segment->dropped_.store(true, std::memory_order_release);
  }
  for (const UnreadableSegment& segment : before->unreadable) {
    if (goes(segment.entry.key)) disposal_->Drop(segment.entry.key);  // nobody reads it
  }
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(after);
  return Status::Ok();
}

std::shared_ptr<const void> SegmentStore::DropTogether() {
  return std::make_shared<SegmentDisposal::Together>(disposal_);
}

Result<std::int64_t> SegmentStore::ReceivedMs(std::uint64_t sequence) const {
  Result<std::int64_t> received = NotFound("the event is not in a segment");
  Status status = ForReceipts(sequence, [&](const Receipt& receipt, std::uint64_t end) {
    if (receipt.first_sequence <= sequence && sequence < end) received = receipt.received_ms;
    return false;
  });
  if (!status.ok()) return status;
  return received;
}

Status SegmentStore::ForReceipts(
    std::uint64_t first_sequence,
    const std::function<bool(const Receipt&, std::uint64_t end)>& take) const {
  return ReadReceipts(*store_, first_sequence, take);
}

void SegmentStore::Check(std::uint64_t log_end, CheckReport* report) const {
  const auto snapshot = Snapshot();
  CountEachOnce(snapshot->folded_sequence, log_end, report);
  for (const auto& segment : snapshot->segments) {
    const auto source = segment->NewSource();
    CheckSegment(segment->reader(), source.get(), report);
  }
  for (const UnreadableSegment& segment : snapshot->unreadable) {
    report->damage.push_back(segment.damage.message());
  }
  CheckReceipts(*store_, snapshot->folded_sequence, report);
}

void SegmentStore::Close() { disposal_->Close(); }

void CheckSegments(const Store& store, std::uint64_t log_end, CheckReport* report) {
  const Result<SegmentManifest> manifest = ReadManifest(store);
  if (!manifest.ok()) {
    report->damage.push_back(manifest.status().message());
    return;
  }
  if (manifest->folded_sequence >= log_end) {
    report->damage.push_back("segments hold events up to " +
                             std::to_string(manifest->folded_sequence) + ", but the log ends at " +
                             std::to_string(log_end - 1));
  }
  CountEachOnce(manifest->folded_sequence, log_end, report);
  for (const SegmentEntry& entry : manifest->segments) {
    const Result<SegmentReader> reader = OpenReader(store, entry);
    if (!reader.ok()) {
      report->damage.push_back(reader.status().message());
      continue;
    }
    StoreSource source(&store, entry.key, nullptr);
    CheckSegment(*reader, &source, report);
  }
  CheckReceipts(store, manifest->folded_sequence, report);
}

}  // namespace v1
}  // namespace insightflow
