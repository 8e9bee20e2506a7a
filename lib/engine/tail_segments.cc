#include "lib/engine/tail_segments.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lib/log/codec.h"
#include "lib/segments/batch_days.h"

namespace insightflow {
inline namespace v1 {

Result<TailSegments::Tail> TailSegments::Get(const EventLog& log, std::uint64_t folded,
                                             std::uint64_t last) {
  const std::lock_guard lock(mutex_);
  // A query that was overtaken by another one takes what that one has.
  if (!pieces_.empty()) last = std::max(last, pieces_.back().last);
  if (Status status = Extend(log, folded, last); !status.ok()) return status;
  Tail tail;
  tail.last = last;
  for (const Piece& piece : pieces_) {
    for (const auto& segment : piece.segments) {
      const Segment* const raw = segment.get();
      tail.inputs.push_back({segment, &*raw->reader, [raw] { return raw->chunks.NewSource(); }});
    }
  }
  return tail;
}

// Makes pieces_ cover (folded, last].
Status TailSegments::Extend(const EventLog& log, std::uint64_t folded, std::uint64_t last) {
  std::erase_if(pieces_, [&](const Piece& piece) { return piece.last <= folded; });
  // The fold ended inside of a piece.
  if (!pieces_.empty() && pieces_.front().first != folded + 1) pieces_.clear();
  std::uint64_t covered = pieces_.empty() ? folded : pieces_.back().last;
  if (covered >= last) return Status::Ok();
  while (!pieces_.empty()) {
    const Piece& before = pieces_.back();
    const std::uint64_t rows = before.last - before.first + 1;
    if (rows > 2 * (last - covered) || last - before.first + 1 > rows_max_) break;
    covered = before.first - 1;
    pieces_.pop_back();
  }
  while (covered < last) {
    Result<Piece> piece = Make(log, covered + 1, last);
    if (!piece.ok()) return piece.status();
    covered = piece->last;
    pieces_.push_back(std::move(*piece));
  }
  return Status::Ok();
}

// Whole entries from `first` on, until there are rows_max_ rows or `last` is reached.
Result<TailSegments::Piece> TailSegments::Make(const EventLog& log, std::uint64_t first,
                                               std::uint64_t last) const {
  Piece piece;
  piece.first = first;
  piece.last = first - 1;
  std::map<std::uint32_t, SegmentBuilder> builders;
  EventBatch batch;
  StoredTexts stored;
  std::vector<std::uint32_t> days;
  const auto reader = log.ReadFrom(first);
  if (reader->Valid() && reader->entry().header.first_sequence != first) {
    return DataLoss("the log does not begin an entry at event " + std::to_string(first));
  }
  for (; reader->Valid() && piece.last < last; reader->Next()) {
    const LogEntryHeader& header = reader->entry().header;
    if (header.first_sequence + header.rows - first > rows_max_ && piece.last >= first) break;
    Status status = DecodeRecord(reader->entry().record, &batch, &stored);
    if (!status.ok()) return status;
    if (status = FindDays(batch, &days); !status.ok()) return status;
    for (const std::uint32_t day : days) {
      auto [at, is_new] = builders.try_emplace(day, SegmentKey{day, first}, log.hash_seed());
      status = at->second.Add(batch, stored, header.first_sequence);
      if (!status.ok()) return status;
    }
    piece.last = header.first_sequence + header.rows - 1;
  }
  if (!reader->status().ok()) return reader->status();
  if (piece.last < first) {
    return DataLoss("the log ends before sequence " + std::to_string(first));
  }
  for (auto& [day, builder] : builders) {
    Result<std::shared_ptr<const Segment>> segment = Finish(&builder, {day, first});
    if (!segment.ok()) return segment.status();
    static_cast<void>(builder.TakeMemory());  // its rows are in the chunks
    piece.segments.push_back(std::move(*segment));
  }
  return piece;
}

Result<std::shared_ptr<const TailSegments::Segment>> TailSegments::Finish(SegmentBuilder* builder,
                                                                          const SegmentKey& key) {
  auto segment = std::make_shared<Segment>();
  SegmentMeta meta;
  if (Status status = builder->Finish(&segment->chunks, &meta); !status.ok()) return status;
  Result<SegmentReader> reader = segment->chunks.Open(key);
  if (!reader.ok()) return reader.status();
  segment->reader = std::move(*reader);
  return std::shared_ptr<const Segment>(std::move(segment));
}

}  // namespace v1
}  // namespace insightflow
