#include "lib/segments/segment_writer.h"

#include <rocksdb/options.h>

#include <cassert>
#include <cstring>
#include <utility>

#include "lib/store/store_options.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kUnfinishedPrefix = "segment-";
constexpr std::string_view kUnfinishedEnding = ".tmp";
constexpr std::uint64_t kFileBytes = std::uint64_t{32} << 20;
constexpr std::uint8_t kStoredMeta = 255;

std::string_view ViewOf(const StoredChunkKey& key) { return {key.data(), key.size()}; }

}  // namespace

StoredChunkKey StoredKey(const SegmentKey& segment, SegmentColumn column, std::uint32_t block) {
  const bool is_meta = column == SegmentColumn::kMeta;
  const std::uint32_t day = __builtin_bswap32(segment.day);
  const std::uint64_t id = __builtin_bswap64(segment.id);
  const std::uint32_t at = __builtin_bswap32(is_meta ? kDictionaryBlock : block);
  StoredChunkKey key;
  std::memcpy(key.data(), &day, sizeof day);
  std::memcpy(key.data() + 4, &id, sizeof id);
  std::memcpy(key.data() + 12, &at, sizeof at);
  key[16] = static_cast<char>(is_meta ? kStoredMeta : static_cast<std::uint8_t>(column));
  return key;
}

StoredChunkKey FirstStoredKey(const SegmentKey& segment) {
  StoredChunkKey key = StoredKey(segment, SegmentColumn::kUserRuns, 0);
  key[16] = 0;
  return key;
}

bool ParseStoredKey(std::string_view bytes, SegmentKey* segment, SegmentColumn* column,
                    std::uint32_t* block) {
  if (bytes.size() != kStoredKeyBytes) return false;
  std::memcpy(&segment->day, bytes.data(), sizeof segment->day);
  std::memcpy(&segment->id, bytes.data() + 4, sizeof segment->id);
  std::memcpy(block, bytes.data() + 12, sizeof *block);
  segment->day = __builtin_bswap32(segment->day);
  segment->id = __builtin_bswap64(segment->id);
  *block = __builtin_bswap32(*block);
  const auto number = static_cast<std::uint8_t>(bytes[16]);
  *column = number == kStoredMeta ? SegmentColumn::kMeta : static_cast<SegmentColumn>(number);
  if (number == kStoredMeta) *block = kMetaBlock;
  return true;
}

SegmentWriter::SegmentWriter(Store* store, const SegmentKey& key, ChunkOrder order)
    : store_(store), key_(key), order_(order) {}

SegmentWriter::~SegmentWriter() {
  const bool unfinished = file_ != nullptr;
  file_.reset();  // before its file goes
  if (unfinished) (void)store_->env()->DeleteFile(path_);
  // Those that a commit took are there no more.
  for (const auto& file : files_) (void)store_->env()->DeleteFile(file.file_path);
}

Status SegmentWriter::Fail(const rocksdb::Status& status) {
  Status error = FromRocks(status, "cannot write a segment");
  // Nothing is in doubt: no part of the segment is in the store yet.
  if (error.code() == StatusCode::kResourceExhausted) return error;
  return store_->Stop(error);
}

Status SegmentWriter::StartFile() {
  if (Status status = store_->CheckFreeSpace(kFileBytes); !status.ok()) return status;
  path_ = store_->path() + "/" + std::string(kUnfinishedPrefix) + std::to_string(key_.id) + "-" +
          std::to_string(files_.size()) + std::string(kUnfinishedEnding);
  const rocksdb::Options options(MakeDbOptions(store_->env()),
                                 MakeFamilyOptions(Family::kSegments));
  // What was written is what is read next, so it stays in the page cache.
  file_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(options), options,
                                                   store_->family(Family::kSegments), false);
  const auto status = file_->Open(path_);
  return status.ok() ? Status::Ok() : Fail(status);
}

Status SegmentWriter::FinishFile() {
  rocksdb::ExternalSstFileInfo info;
  const auto status = file_->Finish(&info);
  if (!status.ok()) return Fail(status);
  file_.reset();
  files_.push_back(std::move(info));
  return Status::Ok();
}

Status SegmentWriter::Put(std::string_view key, std::string_view chunk) {
  if (file_ != nullptr && file_->FileSize() >= kFileBytes) {
    if (Status status = FinishFile(); !status.ok()) return status;
  }
  if (file_ == nullptr) {
    if (Status status = StartFile(); !status.ok()) return status;
  }
  const auto status = file_->Put(ToSlice(key), ToSlice(chunk));
  return status.ok() ? Status::Ok() : Fail(status);
}

Status SegmentWriter::WriteKept() {
  while (!kept_.empty()) {
    const auto first = kept_.extract(kept_.begin());
    if (Status status = Put(first.key(), first.mapped()); !status.ok()) return status;
  }
  return Status::Ok();
}

Status SegmentWriter::Write(SegmentColumn column, std::uint32_t block, std::string_view chunk) {
  assert(!complete());
  const StoredChunkKey key = StoredKey(key_, column, block);
  const bool is_meta = column == SegmentColumn::kMeta;
  if (order_ == ChunkOrder::kByBlock && block != block_) {
    if (Status status = WriteKept(); !status.ok()) return status;
  }
  block_ = block;
  bytes_ += chunk.size();
  kept_.emplace(ViewOf(key), chunk);
  if (!is_meta) return Status::Ok();
  if (Status status = WriteKept(); !status.ok()) return status;
  if (Status status = FinishFile(); !status.ok()) return status;
  meta_chunk_ = chunk;
  return Status::Ok();
}

void RemoveUnfinishedSegments(const Store& store) {
  std::vector<std::string> names;
  if (!store.env()->GetChildren(store.path(), &names).ok()) return;
  for (const std::string& name : names) {
    if (!name.starts_with(kUnfinishedPrefix) || !name.ends_with(kUnfinishedEnding)) continue;
    (void)store.env()->DeleteFile(store.path() + "/" + name);
  }
}

}  // namespace v1
}  // namespace insightflow
