#include "lib/engine/timeline.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/hash.h"
#include "lib/log/codec.h"
#include "lib/model/event_texts.h"
#include "lib/model/memory_timelines.h"
#include "lib/segments/block_row.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Receipts walked over from one event to the next, rather than sought.
constexpr int kReceiptsAhead = 4096;
// Events that are handed over at a time.
constexpr std::size_t kDrained = 4096;

// By which pages are cut: a strict order, whatever clients send.
bool IsBefore(const StoredEvent& a, const StoredEvent& b) {
  if (a.event.timestamp != b.event.timestamp) return a.event.timestamp < b.event.timestamp;
  return a.sequence < b.sequence;
}

// Within a page the events of one tab at one time take their places in its own order.
void ArrangeTabs(std::vector<StoredEvent>* newest_first) {
  std::vector<StoredEvent>& events = *newest_first;
  std::vector<ClientPlace> places;
  std::vector<StoredEvent> arranged;
  for (std::size_t begin = 0, end = 0; begin < events.size(); begin = end) {
    while (end < events.size() && events[end].event.timestamp == events[begin].event.timestamp) {
      ++end;
    }
    if (end - begin == 1) continue;
    places.clear();
    for (std::size_t i = end; i-- > begin;) {
      const Event& event = events[i].event;
      const bool known = event.seq && !event.tab_id.empty();
      places.push_back({static_cast<std::uint32_t>(i), known ? IdentityHash(event.tab_id) : 0,
                        known ? *event.seq : 0});
    }
    SortByClient(places);
    arranged.clear();
    for (std::size_t i = places.size(); i-- > 0;) {
      arranged.push_back(std::move(events[places[i].row]));
    }
    std::move(arranged.begin(), arranged.end(),
              events.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

class TimelineReader {
 public:
  TimelineReader(const EventLog& log, const SegmentStore& segments, std::string_view user_id,
                 const TimelineRange& range)
      : log_(log),
        segments_(segments),
        snapshot_(segments.Snapshot()),
        erased_(snapshot_->erased),
        user_id_(user_id),
        user_hash_(HashBytes(user_id, log.hash_seed())),
        range_(range),
        after_(std::max(snapshot_->folded_sequence, erased_->LastErased(user_hash_))) {}

  // For all events up to a sequence, with the rows that another list of erased users leaves.
  using Sink = std::function<void(std::span<const KeyedEvent>)>;
  TimelineReader(const EventLog& log, const SegmentStore& segments, std::string_view user_id,
                 std::shared_ptr<const ErasedUsers> erased, std::uint64_t last_sequence,
                 const Sink* take)
      : log_(log),
        segments_(segments),
        snapshot_(segments.Snapshot()),
        erased_(std::move(erased)),
        user_id_(user_id),
        user_hash_(HashBytes(user_id, log.hash_seed())),
        range_({.limit = std::numeric_limits<std::size_t>::max()}),
        after_(std::max(snapshot_->folded_sequence, erased_->LastErased(user_hash_))),
        last_sequence_(last_sequence),
        take_(take) {}

  // What is not folded. The live numbers say where it is.
  Status TakeLogged(const LiveState& live) {
    // The index is read in parts, so that an active user's old events are not listed in vain.
    const std::size_t listed_max =
        take_ != nullptr ? range_.limit : std::max<std::size_t>(4 * range_.limit, 1000);
    LiveState::RecentEvents recent = live.Recent(user_id_, listed_max);
    std::vector<std::uint64_t>& listed = recent.sequences;
    const bool is_cut = listed.size() == listed_max;
    const std::uint64_t listed_from = is_cut ? listed.back() : recent.complete_from;
    while (!listed.empty() && listed.back() <= after_) listed.pop_back();
    Result<bool> more = TakeListed(listed);
    if (!more.ok()) return more.status();
    return *more && listed_from > after_ + 1 ? TakeBefore(listed_from) : Status::Ok();
  }

  // Whether the log lacks what was to be read: it was folded and trimmed meanwhile.
  bool was_trimmed() const { return log_.begin() > snapshot_->folded_sequence + 1; }

  // What is folded.
  Status TakeFolded() {
    auto segments = snapshot_->segments;
    std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
      return a->meta().max_time_ms > b->meta().max_time_ms;
    });
    for (const auto& segment : segments) {
      const SegmentMeta& meta = segment->meta();
      if (range_.Ends(meta.min_time_ms, 0)) continue;
      if (meta.max_time_ms < range_.from_ms || Enough(meta.max_time_ms)) break;
      const StoredSegment* const raw = segment.get();
      const ScanInput input = {segment, &raw->reader(), [raw] { return raw->NewSource(); },
                               erased_};
      Status status = ForRowsOfUser(input, user_id_, user_hash_, [this](const BlockRow& row) {
        if (row.time_ms() < range_.from_ms || Enough(row.time_ms())) return false;
        if (!range_.Ends(row.time_ms(), row.sequence())) {
          Keep({{row.ToEvent(), {}, row.sequence()}, row.Key(log_.hash_seed())});
        }
        return drained_.ok();
      });
      if (status.ok()) status = drained_;
      if (status.code() == StatusCode::kDataLoss && take_ != nullptr) continue;
      if (!status.ok()) return status;
    }
    return take_ != nullptr ? Status::Ok() : MissedDamage();
  }

  Result<std::vector<StoredEvent>> Finish() && {
    Trim();
    if (Status status = FillReceived(); !status.ok()) return status;
    std::vector<StoredEvent> events;
    events.reserve(found_.size());
    for (KeyedEvent& found : found_) events.push_back(std::move(found.event));
    ArrangeTabs(&events);
    return events;
  }
  // Hands over what is left.
  Status Drain() {
    if (drained_.ok()) drained_ = FillReceived();
    if (drained_.ok()) (*take_)(found_);
    found_.clear();
    return drained_;
  }

 private:
  // What cannot be read, if events that were asked for may be there.
  Status MissedDamage() {
    for (const UnreadableSegment& segment : snapshot_->unreadable) {
      const SegmentEntry& entry = segment.entry;
      if (range_.Ends(entry.min_time_ms, 0) || entry.max_time_ms < range_.from_ms) continue;
      if (!Enough(entry.max_time_ms)) return segment.damage;
    }
    return Status::Ok();
  }

  // Takes the listed events, newest in the log first. False once older entries cannot matter.
  Result<bool> TakeListed(const std::vector<std::uint64_t>& sequences) {
    std::unique_ptr<LogReader> reader;
    for (std::size_t i = 0; i < sequences.size();) {
      reader = log_.ReadFrom(sequences[i]);
      if (!reader->Valid()) return Missing(*reader, sequences[i]);
      if (Enough(reader->entry().header.max_time_ms)) return false;
      if (Status status = DecodeAll(reader->entry()); !status.ok()) return status;
      const std::uint64_t first = reader->entry().header.first_sequence;
      for (; i < sequences.size() && sequences[i] >= first; ++i) {
        if (sequences[i] >= first + batch_.rows) return Missing(*reader, sequences[i]);
        Take(reader->entry().header, sequences[i] - first);
      }
    }
    return true;
  }

  // Reads entries that end before `end` backwards, as far as they are not folded.
  Status TakeBefore(std::uint64_t end) {
    std::unique_ptr<LogReader> reader = log_.ReadFrom(end - 1);
    for (; reader->Valid(); reader->Prev()) {
      const LogEntryHeader header = reader->entry().header;
      if (header.first_sequence + header.rows - 1 <= after_ || Enough(header.max_time_ms)) break;
      RecordParts core;
      core.ids = core.extra_data = false;
      Status status = DecodeRecord(reader->entry().record, core, log_.hash_seed(), &batch_);
      if (!status.ok()) return status;
      const std::optional<std::uint32_t> code = FindUser();
      if (!code) continue;
      if (status = DecodeAll(reader->entry()); !status.ok()) return status;
      for (std::size_t row = batch_.rows; row-- > 0;) {
        if (header.first_sequence + row < end && header.first_sequence + row > after_ &&
            batch_.column(Field::kUserId).CodeAt(row) == *code) {
          Take(header, row);
        }
      }
    }
    return reader->status();
  }

  // When folded events were received.
  Status FillReceived() {
    std::vector<StoredEvent*> folded;
    for (auto& [event, key] : found_) {
      if (event.sequence <= snapshot_->folded_sequence) folded.push_back(&event);
    }
    std::sort(folded.begin(), folded.end(),
              [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
    for (std::size_t i = 0; i < folded.size();) {
      int receipts_left = kReceiptsAhead;
      const std::size_t begin = i;
      Status status = segments_.ForReceipts(
          folded[i]->sequence, [&](const Receipt& receipt, std::uint64_t end) {
            for (; i < folded.size() && folded[i]->sequence < end; ++i) {
              folded[i]->received = FromMillis(receipt.received_ms);
            }
            return i < folded.size() && --receipts_left > 0;
          });
      if (!status.ok()) return status;
      if (i == begin) return DataLoss("receipts of folded events are missing");
    }
    return Status::Ok();
  }

  Status Missing(const LogReader& reader, std::uint64_t sequence) const {
    if (!reader.status().ok()) return reader.status();
    return DataLoss("the log has no event " + std::to_string(sequence) +
                    ": run `insightflow check`");
  }

  Status DecodeAll(const LogEntry& entry) {
    return DecodeRecord(entry.record, RecordParts(), log_.hash_seed(), &batch_);
  }

  std::optional<std::uint32_t> FindUser() const {
    const DictColumn& users = batch_.column(Field::kUserId);
    for (std::uint32_t code = 1; code <= users.entries(); ++code) {
      if (users.Entry(code) == user_id_) return code;
    }
    return std::nullopt;
  }

  void Take(const LogEntryHeader& header, std::size_t row) {
    const std::int64_t time = batch_.time_ms[row];
    if (range_.Ends(time, header.first_sequence + row) || time < range_.from_ms) return;
    if (batch_.Text(Field::kUserId, row) != user_id_) return;
    Keep({{EventOfRow(batch_, row), FromMillis(header.received_ms), header.first_sequence + row},
          batch_.keys[row]});
  }

  void Keep(KeyedEvent event) {
    if (event.event.sequence > last_sequence_) return;
    found_.push_back(std::move(event));
    if (take_ != nullptr) {
      if (found_.size() >= kDrained) static_cast<void>(Drain());
    } else if (found_.size() >= 2 * range_.limit) {
      Trim();
    }
  }

  // Keeps the newest `limit`, newest first.
  void Trim() {
    std::sort(found_.begin(), found_.end(),
              [](const KeyedEvent& a, const KeyedEvent& b) { return IsBefore(b.event, a.event); });
    if (found_.size() > range_.limit) found_.resize(range_.limit);
    if (found_.size() == range_.limit)
      oldest_needed_ms_ = ToMillis(found_.back().event.event.timestamp);
  }

  // No event up to this time can be among the newest.
  bool Enough(std::int64_t max_time_ms) {
    if (found_.size() >= range_.limit) Trim();
    return oldest_needed_ms_ && max_time_ms < *oldest_needed_ms_;
  }

  const EventLog& log_;
  const SegmentStore& segments_;
  const std::shared_ptr<const SegmentSnapshot> snapshot_;
  const std::shared_ptr<const ErasedUsers> erased_;
  const std::string_view user_id_;
  const std::uint64_t user_hash_;
  const TimelineRange range_;
  const std::uint64_t after_;  // events up to here are not taken from the log
  const std::uint64_t last_sequence_ = UINT64_MAX;
  const Sink* const take_ = nullptr;
  Status drained_;
  EventBatch batch_;
  std::vector<KeyedEvent> found_;
  std::optional<std::int64_t> oldest_needed_ms_;  // of the newest `limit` found so far
};

}  // namespace

Status ForEventsOfUser(const EventLog& log, const LiveState& live, const SegmentStore& segments,
                       std::shared_ptr<const ErasedUsers> erased, std::string_view user_id,
                       std::uint64_t last_sequence,
                       const std::function<void(std::span<const KeyedEvent>)>& take) {
  TimelineReader reader(log, segments, user_id, std::move(erased), last_sequence, &take);
  Status status = reader.TakeLogged(live);
  if (status.ok()) status = reader.TakeFolded();
  return status.ok() ? reader.Drain() : status;
}

Event EventOfRow(const EventBatch& batch, std::size_t row) {
  Event event;
  event.event_id = batch.event_id.At(row);
  SetTexts([&](Field field) { return batch.Text(field, row); }, &event);
  event.timestamp = FromMillis(batch.time_ms[row]);
  const std::uint8_t flags = batch.flags[row];
  if ((flags & kHasClientSeq) != 0) event.seq = batch.client_seq[row];
  if ((flags & kHasPositionX) != 0) event.position_x = batch.position_x[row];
  if ((flags & kHasPositionY) != 0) event.position_y = batch.position_y[row];
  event.extra_data = batch.extra_data.At(row);
  return event;
}

Result<std::vector<StoredEvent>> ReadUserEvents(const EventLog& log, const LiveState& live,
                                                const SegmentStore& segments,
                                                std::string_view user_id,
                                                const TimelineRange& range) {
  while (true) {
    TimelineReader reader(log, segments, user_id, range);
    Status status = reader.TakeLogged(live);
    if (reader.was_trimmed()) continue;
    if (status.ok()) status = reader.TakeFolded();
    if (!status.ok()) return status;
    return std::move(reader).Finish();
  }
}

}  // namespace v1
}  // namespace insightflow
