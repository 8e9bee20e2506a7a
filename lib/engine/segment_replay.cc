#include "lib/engine/segment_replay.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "lib/segments/block_row.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Rows that are put in order at a time.
constexpr std::uint64_t kWindowRows = 1'000'000;
constexpr std::size_t kBatchRows = 1000;
constexpr std::array kLiveFields = {Field::kUserId, Field::kEventType, Field::kPageUrl,
                                    Field::kElement, Field::kUserAgent};

// The rows of one window of the log, in any order, and the order that they had.
class Window {
 public:
  Window(std::uint64_t first, std::uint64_t end) : first_(first), end_(end) {}

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
    if (!status.ok()) return status;
    for (std::uint32_t b = 0; b < reader.meta().blocks.size(); ++b) {
      status = reader.ReadBlock(b, {SegmentColumn::kSequence}, source.get(), &scratch_, &block_);
      if (!status.ok()) return status;
      const bool any = std::any_of(block_.sequence.begin(), block_.sequence.end(),
                                   [this](std::uint64_t s) { return s >= first_ && s < end_; });
      if (!any) continue;
      status =
          ErasedUsers::ReadBlock(&erased, reader, b, columns, source.get(), &scratch_, &block_);
      if (!status.ok()) return status;
      AddRows(reader.meta(), dictionaries);
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
  ReadScratch scratch_;
  SegmentBlock block_;
  EventBatch rows_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order_;
};

}  // namespace

Status ReplaySegments(
    const SegmentStore& store, const SegmentSnapshot& snapshot,
    const std::function<void(const EventBatch& batch, std::uint64_t first_sequence)>& take) {
  for (std::uint64_t first = 1; first <= snapshot.folded_sequence; first += kWindowRows) {
    Window window(first, first + kWindowRows);
    for (const auto& segment : snapshot.segments) {
      if (Status status = window.Add(*segment, *snapshot.erased); !status.ok()) return status;
    }
    if (Status status = window.HandOut(store, take); !status.ok()) return status;
  }
  return Status::Ok();
}

Status ReplayKeys(
    const SegmentStore& store, const SegmentSnapshot& snapshot, std::uint64_t first,
    std::uint64_t hash_seed,
    const std::function<void(std::span<const Hash128> keys, std::int64_t received_ms)>& take) {
  auto segments = snapshot.segments;
  std::erase_if(segments, [&](const auto& s) { return s->meta().max_sequence < first; });
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
    return a->meta().max_sequence < b->meta().max_sequence;
  });
  ReadScratch scratch;
  SegmentBlock block;
  const SegmentDictionaries no_dictionaries;
  std::vector<Hash128> keys;
  for (const auto& segment : segments) {
    const SegmentMeta& meta = segment->meta();
    const Result<std::int64_t> received = store.ReceivedMs(meta.max_sequence);
    if (!received.ok()) return received.status();
    const auto source = segment->NewSource();
    ColumnSet columns = {SegmentColumn::kEventId};
    const bool whole = meta.min_sequence >= first;
    if (!whole) columns.Add(SegmentColumn::kSequence);
    for (std::uint32_t b = 0; b < meta.blocks.size(); ++b) {
      Status status = ErasedUsers::ReadBlock(snapshot.erased.get(), segment->reader(), b, columns,
                                             source.get(), &scratch, &block);
      if (!status.ok()) return status;
      keys.clear();
      for (std::uint32_t row = 0; row < block.rows; ++row) {
        if (!whole && block.sequence[row] < first) continue;
        keys.push_back(BlockRow{meta, no_dictionaries, block, 0, row}.Key(hash_seed));
      }
      take(keys, *received);
    }
  }
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
