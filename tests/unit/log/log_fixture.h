// What the tests of the event log share: a folder that goes away, records and a reader of it all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lib/log/codec.h"
#include "lib/log/event_log.h"
#include "lib/model/batch.h"
#include "tests/support/temp_dir.h"

namespace insightflow {

inline EventLogOptions OptionsFor(const std::string& dir) {
  EventLogOptions options;
  options.dir = dir;
  options.disk_free_min = 0;
  return options;
}

inline std::unique_ptr<EventLog> OpenLog(const EventLogOptions& options) {
  auto log = EventLog::Open(options);
  EXPECT_TRUE(log.ok()) << log.status().ToString();
  return log.ok() ? std::move(*log) : nullptr;
}

inline std::unique_ptr<EventLog> OpenLog(const std::string& dir) {
  return OpenLog(OptionsFor(dir));
}

// A record of `rows` events that depends on `seed` alone; `extra_bytes` of text in each event.
inline std::string MakeRecord(std::uint32_t rows, std::uint64_t seed, std::size_t extra_bytes = 0) {
  EventBatch batch;
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::size_t row = batch.PushRow(static_cast<std::int64_t>(1'700'000'000'000 + seed + i));
    batch.column(Field::kUserId).Set(row, "user" + std::to_string(seed * 31 + i));
    batch.column(Field::kEventType).Set(row, "view");
    if (extra_bytes == 0) continue;
    std::string text = R"({"x":")";
    for (std::uint64_t x = seed * 7919 + i + 1; text.size() < extra_bytes;) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      text.push_back(static_cast<char>('a' + x % 26));
    }
    batch.extra_data.Set(row, text + "\"}");
  }
  std::string record;
  EncodeRecord(batch, &record);
  return record;
}

// An entry of `rows` events behind the last one.
inline LogAppend EntryBehind(const EventLog* log, std::uint32_t rows, std::int64_t received_ms,
                             const std::string& record) {
  LogAppend entry;
  const auto last = log->last();
  entry.header.first_sequence = last ? last->first_sequence + last->rows : 1;
  entry.header.rows = rows;
  entry.header.received_ms = received_ms;
  entry.header.max_time_ms = received_ms + 1;
  entry.record = record;
  return entry;
}

inline Status AppendOne(EventLog* log, std::uint32_t rows, std::int64_t received_ms,
                        const std::string& record, bool sync = true) {
  const LogAppend entry = EntryBehind(log, rows, received_ms, record);
  return log->Append({&entry, 1}, {}, received_ms, sync);
}

inline Status AppendOneUnlogged(EventLog* log, std::uint32_t rows, std::int64_t received_ms,
                                const std::string& record) {
  const LogAppend entry = EntryBehind(log, rows, received_ms, record);
  return log->AppendUnlogged({&entry, 1});
}

struct StoredEntry {
  LogEntryHeader header;
  std::string record;
};

inline bool operator==(const StoredEntry& a, const StoredEntry& b) {
  return a.header.first_sequence == b.header.first_sequence && a.header.rows == b.header.rows &&
         a.header.received_ms == b.header.received_ms &&
         a.header.max_time_ms == b.header.max_time_ms && a.record == b.record;
}

// Everything from `reader` on; its status, which must be looked at, goes to `status`.
inline std::vector<StoredEntry> ReadAll(LogReader* reader, Status* status) {
  std::vector<StoredEntry> entries;
  for (; reader->Valid(); reader->Next()) {
    entries.push_back({reader->entry().header, std::string(reader->entry().record)});
  }
  *status = reader->status();
  return entries;
}

inline std::vector<StoredEntry> ReadAll(const EventLog& log) {
  Status status;
  auto entries = ReadAll(log.ReadFrom(0).get(), &status);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return entries;
}

inline RejectedEvent Rejected(std::size_t index, const std::string& raw) {
  RejectedEvent event;
  event.why = {index, RejectCode::kBadTime, "timestamp", "not a time"};
  event.raw = raw;
  return event;
}

}  // namespace insightflow
