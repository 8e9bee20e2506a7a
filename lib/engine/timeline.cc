#include "lib/engine/timeline.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/log/codec.h"

namespace insightflow {
inline namespace v1 {
namespace {

// The order within a user: time, the client's own count within one tab, place in the log.
bool IsBefore(const StoredEvent& a, const StoredEvent& b) {
  if (a.event.timestamp != b.event.timestamp) return a.event.timestamp < b.event.timestamp;
  if (a.event.seq && b.event.seq && !a.event.tab_id.empty() && a.event.tab_id == b.event.tab_id &&
      *a.event.seq != *b.event.seq) {
    return *a.event.seq < *b.event.seq;
  }
  return a.sequence < b.sequence;
}

class TimelineReader {
 public:
  TimelineReader(const EventLog& log, std::string_view user_id, std::size_t limit,
                 std::int64_t before_ms)
      : log_(log), user_id_(user_id), limit_(limit), before_ms_(before_ms) {}

  // Takes the listed events, newest in the log first. False once older entries cannot matter.
  Result<bool> TakeListed(const std::vector<std::uint64_t>& sequences) {
    std::unique_ptr<LogReader> reader;
    for (std::size_t i = 0; i < sequences.size();) {
      reader = log_.ReadFrom(sequences[i]);
      if (!reader->Valid()) return Missing(*reader, sequences[i]);
      if (Enough(reader->entry().header)) return false;
      if (Status status = DecodeAll(reader->entry()); !status.ok()) return status;
      const std::uint64_t first = reader->entry().header.first_sequence;
      for (; i < sequences.size() && sequences[i] >= first; ++i) {
        if (sequences[i] >= first + batch_.rows) return Missing(*reader, sequences[i]);
        Take(reader->entry().header, sequences[i] - first);
      }
    }
    return true;
  }

  // Reads entries that end before `end` backwards.
  Status TakeBefore(std::uint64_t end) {
    if (end <= 1) return Status::Ok();
    std::unique_ptr<LogReader> reader = log_.ReadFrom(end - 1);
    for (; reader->Valid(); reader->Prev()) {
      const LogEntryHeader header = reader->entry().header;
      if (Enough(header)) break;
      RecordParts core;
      core.ids = core.extra_data = false;
      Status status = DecodeRecord(reader->entry().record, core, log_.hash_seed(), &batch_);
      if (!status.ok()) return status;
      const std::optional<std::uint32_t> code = FindUser();
      if (!code) continue;
      if (status = DecodeAll(reader->entry()); !status.ok()) return status;
      for (std::size_t row = batch_.rows; row-- > 0;) {
        if (header.first_sequence + row < end &&
            batch_.column(Field::kUserId).CodeAt(row) == *code) {
          Take(header, row);
        }
      }
    }
    return reader->status();
  }

  std::vector<StoredEvent> Finish() && {
    Trim();
    return std::move(found_);
  }

 private:
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
    if (batch_.time_ms[row] >= before_ms_ || batch_.Text(Field::kUserId, row) != user_id_) return;
    found_.push_back(
        {EventOfRow(batch_, row), FromMillis(header.received_ms), header.first_sequence + row});
    if (found_.size() >= 2 * limit_) Trim();
  }

  // Keeps the newest `limit_`, newest first.
  void Trim() {
    std::sort(found_.begin(), found_.end(),
              [](const StoredEvent& a, const StoredEvent& b) { return IsBefore(b, a); });
    if (found_.size() > limit_) found_.resize(limit_);
    if (found_.size() == limit_) oldest_needed_ms_ = ToMillis(found_.back().event.timestamp);
  }

  // No event of this entry or an earlier one can be among the newest.
  bool Enough(const LogEntryHeader& header) {
    if (found_.size() >= limit_) Trim();
    return oldest_needed_ms_ && header.max_time_ms < *oldest_needed_ms_;
  }

  const EventLog& log_;
  const std::string_view user_id_;
  const std::size_t limit_;
  const std::int64_t before_ms_;
  EventBatch batch_;
  std::vector<StoredEvent> found_;
  std::optional<std::int64_t> oldest_needed_ms_;  // of the newest `limit_` found so far
};

}  // namespace

Event EventOfRow(const EventBatch& batch, std::size_t row) {
  const auto text = [&](Field field) { return std::string(batch.Text(field, row)); };
  Event event;
  event.event_id = batch.event_id.At(row);
  event.user_id = text(Field::kUserId);
  event.session_id = text(Field::kSessionId);
  event.event_type = text(Field::kEventType);
  event.page_url = text(Field::kPageUrl);
  event.timestamp = FromMillis(batch.time_ms[row]);
  event.page_title = text(Field::kPageTitle);
  event.referrer = text(Field::kReferrer);
  event.element = text(Field::kElement);
  event.element_id = text(Field::kElementId);
  event.element_class = text(Field::kElementClass);
  event.element_text = text(Field::kElementText);
  event.user_agent = text(Field::kUserAgent);
  event.ip_address = text(Field::kIpAddress);
  event.tab_id = text(Field::kTabId);
  const std::uint8_t flags = batch.flags[row];
  if ((flags & kHasClientSeq) != 0) event.seq = batch.client_seq[row];
  if ((flags & kHasPositionX) != 0) event.position_x = batch.position_x[row];
  if ((flags & kHasPositionY) != 0) event.position_y = batch.position_y[row];
  event.extra_data = batch.extra_data.At(row);
  return event;
}

Result<std::vector<StoredEvent>> ReadUserEvents(const EventLog& log, const LiveState& live,
                                                std::string_view user_id, std::size_t limit,
                                                std::int64_t before_ms) {
  TimelineReader reader(log, user_id, limit, before_ms);
  // The index is read in parts, so that an active user's old events are not listed in vain.
  const std::size_t listed_max = std::max<std::size_t>(4 * limit, 1000);
  const LiveState::RecentEvents recent = live.Recent(user_id, listed_max);
  Result<bool> more = reader.TakeListed(recent.sequences);
  if (!more.ok()) return more.status();
  if (*more) {
    const std::uint64_t listed_from =
        recent.sequences.size() < listed_max ? recent.complete_from : recent.sequences.back();
    if (Status status = reader.TakeBefore(listed_from); !status.ok()) return status;
  }
  return std::move(reader).Finish();
}

}  // namespace v1
}  // namespace insightflow
