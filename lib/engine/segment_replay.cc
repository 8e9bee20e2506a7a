#include "lib/engine/segment_replay.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "lib/segments/block_row.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Rows that are put in order at a time.
constexpr std::uint64_t kWindowRows = 1'000'000;
constexpr std::size_t kBatchRows = 1000;
// Keys that are read before they are handed out: enough for threads to be worth their start.
constexpr std::size_t kKeysAtOnce = 1'000'000;
constexpr std::array kLiveFields = {Field::kUserId, Field::kEventType, Field::kPageUrl,
                                    Field::kElement, Field::kUserAgent};

// The rows of one window of the log, in any order, and the order that they had.
class Window {
 public:
  using Lost = std::function<void(const Status& damage)>;

  Window(std::uint64_t first, std::uint64_t end, const Lost* lost)
      : first_(first), end_(end), lost_(lost) {}

  // Damage is told, and costs the block or the segment.
  Status Add(const StoredSegment& segment, const ErasedUsers& erased) {
    const SegmentReader& reader = segment.reader();
    if (reader.meta().max_sequence < first_ || reader.meta().min_sequence >= end_) {
      return Status::Ok();
    }
    const auto source = segment.NewSource();
    ColumnSet columns = {SegmentColumn::kTime, SegmentColumn::kSequence, SegmentColumn::kUserRuns};
    for (const Field field : kLiveFields) columns.Add(ColumnOf(field));
    SegmentDictionaries dictionaries;
    Status status = reader.ReadDictionaries(columns, source.get(), &scratch_, &dictionaries);
    if (!status.ok()) return Passed(status);
    for (std::uint32_t b = 0; b < reader.meta().blocks.size(); ++b) {
      status = reader.ReadBlock(b, {SegmentColumn::kSequence}, source.get(), &scratch_, &block_);
      if (status = Passed(status); !status.ok()) return status;
      const bool any = std::any_of(block_.sequence.begin(), block_.sequence.end(),
                                   [this](std::uint64_t s) { return s >= first_ && s < end_; });
      if (!any) continue;
      status =
          ErasedUsers::ReadBlock(&erased, reader, b, columns, source.get(), &scratch_, &block_);
      if (status = Passed(status); !status.ok()) return status;
      AddRows(reader.meta(), dictionaries);  // none of a damaged block, which is empty
    }
    return Status::Ok();
  }

  // The rows in the order of the log.
  Status HandOut(const SegmentStore& store,
                 const std::function<void(const EventBatch&, std::uint64_t)>& take) {
    std::sort(order_.begin(), order_.end());
    if (order_.empty()) return Status::Ok();
    EventBatch batch;
    std::uint64_t next = 0;
    const auto flush = [&] {
      if (batch.rows != 0) take(batch, next - batch.rows);
      batch.Clear();
    };
    std::size_t at = 0;
    Status status =
        store.ForReceipts(order_[0].first, [&](const Receipt& receipt, std::uint64_t end) {
          for (; at < order_.size() && order_[at].first < end; ++at) {
            const auto [sequence, row] = order_[at];
            if (sequence != next || batch.rows == kBatchRows ||
                batch.received_ms != receipt.received_ms) {
              flush();
            }
            batch.received_ms = receipt.received_ms;
            const std::size_t to = batch.PushRow(rows_.time_ms[row]);
            for (const Field field : kLiveFields)
              batch.column(field).Set(to, rows_.Text(field, row));
            next = sequence + 1;
          }
          return at < order_.size();
        });
    flush();
    if (!status.ok()) return status;
    return at == order_.size() ? Status::Ok() : DataLoss("receipts of folded events are missing");
  }

 private:
  Status Passed(const Status& status) const {
    if (status.code() != StatusCode::kDataLoss) return status;
    (*lost_)(status);
    return Status::Ok();
  }

  void AddRows(const SegmentMeta& meta, const SegmentDictionaries& dictionaries) {
    std::uint32_t run = 0;
    for (std::uint32_t row = 0; row < block_.rows; ++row) {
      while (block_.run_ends[run] <= row) ++run;
      if (block_.sequence[row] < first_ || block_.sequence[row] >= end_) continue;
      const BlockRow from = {meta, dictionaries, block_, run, row};
      const std::size_t to = rows_.PushRow(from.time_ms());
      for (const Field field : kLiveFields) rows_.column(field).Set(to, from.Text(field));
      order_.emplace_back(from.sequence(), static_cast<std::uint32_t>(to));
    }
  }

  const std::uint64_t first_;
  const std::uint64_t end_;
  const Lost* const lost_;
  ReadScratch scratch_;
  SegmentBlock block_;
  EventBatch rows_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order_;
};

}  // namespace

Status ReplaySegments(
    const SegmentStore& store, const SegmentSnapshot& snapshot,
    const std::function<void(const EventBatch& batch, std::uint64_t first_sequence)>& take,
    const std::function<void(const Status& damage)>& lost) {
  for (const UnreadableSegment& segment : snapshot.unreadable) lost(segment.damage);
  for (std::uint64_t first = 1; first <= snapshot.folded_sequence; first += kWindowRows) {
    Window window(first, first + kWindowRows, &lost);
    for (const auto& segment : snapshot.segments) {
      if (Status status = window.Add(*segment, *snapshot.erased); !status.ok()) return status;
    }
    if (Status status = window.HandOut(store, take); !status.ok()) return status;
  }
  return Status::Ok();
}

namespace {

// A block whose keys are wanted.
struct KeysOfBlock {
  const StoredSegment* segment = nullptr;
  std::uint32_t block = 0;
  std::int64_t received_ms = 0;
  std::size_t at = 0;  // where its keys go
  Status damage = {};
};

// One thread's way through blocks.
class KeyReader {
 public:
  KeyReader(const ErasedUsers& erased, std::uint64_t first, std::uint64_t hash_seed)
      : erased_(erased), first_(first), hash_seed_(hash_seed) {}

  // Writes the block's keys from the first sequence on, no key for other rows.
  Status Read(const KeysOfBlock& from, Hash128* to) {
    if (from.segment != segment_) source_ = from.segment->NewSource();
    segment_ = from.segment;
    const SegmentMeta& meta = segment_->meta();
    ColumnSet columns = {SegmentColumn::kEventId};
    const bool whole = meta.min_sequence >= first_;
    if (!whole) columns.Add(SegmentColumn::kSequence);
    Status status = ErasedUsers::ReadBlock(&erased_, segment_->reader(), from.block, columns,
                                           source_.get(), &scratch_, &block_);
    if (!status.ok()) return status;
    for (std::uint32_t row = 0; row < block_.rows; ++row) {
      if (!whole && block_.sequence[row] < first_) continue;
      to[row] = BlockRow{meta, no_dictionaries_, block_, 0, row}.Key(hash_seed_);
    }
    return Status::Ok();
  }

 private:
  const ErasedUsers& erased_;
  const std::uint64_t first_;
  const std::uint64_t hash_seed_;
  const StoredSegment* segment_ = nullptr;
  std::unique_ptr<ChunkSource> source_;
  ReadScratch scratch_;
  SegmentBlock block_;
  const SegmentDictionaries no_dictionaries_;
};

// Reads the blocks on two threads.
Status ReadKeys(std::span<KeysOfBlock> blocks, std::array<KeyReader, 2>* readers,
                std::vector<Hash128>* keys) {
  std::atomic<std::size_t> next = 0;
  std::array<Status, 2> statuses;
  const auto read = [&](std::size_t thread) {
    for (std::size_t i = next++; i < blocks.size() && statuses[thread].ok(); i = next++) {
      Status status = (*readers)[thread].Read(blocks[i], keys->data() + blocks[i].at);
      Status& kept = status.code() == StatusCode::kDataLoss ? blocks[i].damage : statuses[thread];
      kept = std::move(status);
    }
  };
  std::thread other(read, 1);
  read(0);
  other.join();
  return statuses[0].ok() ? statuses[1] : statuses[0];
}

// Hands out what blocks of one segment hold together.
void HandOutKeys(std::span<const KeysOfBlock> blocks, std::span<const Hash128> keys,
                 const std::function<void(std::span<const Hash128>, std::int64_t)>& take) {
  for (std::size_t i = 0; i < blocks.size();) {
    const KeysOfBlock& first = blocks[i];
    while (i < blocks.size() && blocks[i].received_ms == first.received_ms) ++i;
    const std::size_t end = i < blocks.size() ? blocks[i].at : keys.size();
    take(keys.subspan(first.at, end - first.at), first.received_ms);
  }
}

}  // namespace

Status ReplayKeys(
    const SegmentStore& store, const SegmentSnapshot& snapshot, std::uint64_t first,
    std::uint64_t hash_seed,
    const std::function<void(std::span<const Hash128> keys, std::int64_t received_ms)>& take,
    const std::function<void(const Status& damage, std::int64_t received_ms)>& lost) {
  for (const UnreadableSegment& segment : snapshot.unreadable) {
    if (segment.entry.max_sequence < first) continue;
    const Result<std::int64_t> received = store.ReceivedMs(segment.entry.max_sequence);
    if (!received.ok()) return received.status();
    lost(segment.damage, *received);
  }
  auto segments = snapshot.segments;
  std::erase_if(segments, [&](const auto& s) { return s->meta().max_sequence < first; });
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
    return a->meta().max_sequence < b->meta().max_sequence;
  });
  std::array<KeyReader, 2> readers = {KeyReader(*snapshot.erased, first, hash_seed),
                                      KeyReader(*snapshot.erased, first, hash_seed)};
  std::vector<KeysOfBlock> blocks;
  std::vector<Hash128> keys;
  const auto flush = [&] {
    Status status = ReadKeys(blocks, &readers, &keys);
    if (status.ok()) HandOutKeys(blocks, keys, take);
    for (const KeysOfBlock& block : blocks) {
      if (!block.damage.ok()) lost(block.damage, block.received_ms);
    }
    blocks.clear();
    keys.clear();
    return status;
  };
  for (const auto& segment : segments) {
    const SegmentMeta& meta = segment->meta();
    const Result<std::int64_t> received = store.ReceivedMs(meta.max_sequence);
    if (!received.ok()) return received.status();
    for (std::uint32_t b = 0; b < meta.blocks.size(); ++b) {
      blocks.push_back({segment.get(), b, *received, keys.size()});
      keys.resize(keys.size() + meta.blocks[b].rows);
      if (keys.size() < kKeysAtOnce) continue;
      if (Status status = flush(); !status.ok()) return status;
    }
  }
  return blocks.empty() ? Status::Ok() : flush();
}

}  // namespace v1
}  // namespace insightflow
