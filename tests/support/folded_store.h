// A log, its segments and the follower between them, and what they hold together.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lib/engine/folder.h"
#include "lib/log/codec.h"
#include "lib/log/event_log.h"
#include "lib/segments/segment_store.h"
#include "tests/reference/segment_twin.h"

namespace insightflow {

struct FoldedStore {
  std::unique_ptr<EventLog> log;
  std::unique_ptr<SegmentStore> segments;
  std::unique_ptr<Folder> folder;

  ~FoldedStore() { static_cast<void>(Close()); }

  Status Open(const EventLogOptions& log_options, const Folder::Options& options) {
    EventLogOptions with_probe = log_options;
    with_probe.probe = SegmentStore::CheckVersion;
    auto opened = EventLog::Open(with_probe);
    if (!opened.ok()) return opened.status();
    log = *std::move(opened);
    auto loaded = SegmentStore::Open(&log->store());
    if (!loaded.ok()) return loaded.status();
    segments = *std::move(loaded);
    folder = std::make_unique<Folder>(options, log.get(), segments.get());
    folder->Start();
    return Status::Ok();
  }
  Status Close() {
    folder.reset();
    if (segments != nullptr) segments->Close();
    Status status = log != nullptr ? log->Close() : Status::Ok();
    segments.reset();
    log.reset();
    return status;
  }

  std::uint64_t End() const {
    const auto last = log->last();
    return last ? last->first_sequence + last->rows : 1;
  }

  Status Append(const EventBatch& batch, std::int64_t received_ms) {
    std::string record;
    EncodeRecord(batch, &record);
    LogAppend entry;
    entry.header.first_sequence = End();
    entry.header.rows = static_cast<std::uint32_t>(batch.rows);
    entry.header.received_ms = received_ms;
    entry.header.max_time_ms = received_ms;
    entry.record = record;
    Status status = log->Append({&entry, 1}, {}, received_ms, false);
    if (status.ok()) folder->Notice(End());
    return status;
  }
};

// The rows of the log by sequence, from 1 on, each as DescribeRow writes it.
inline Status ReadLog(const EventLog& log, std::uint64_t first, std::vector<std::string>* rows) {
  const auto reader = log.ReadFrom(first);
  EventBatch batch;
  for (; reader->Valid(); reader->Next()) {
    Status status = DecodeRecord(reader->entry().record, {}, log.hash_seed(), &batch);
    if (!status.ok()) return status;
    for (std::size_t row = 0; row < batch.rows; ++row) {
      rows->push_back(testing::DescribeRow(batch, row));
    }
  }
  return reader->status();
}

// What an analysis sees: the rows of the snapshot's segments and the log behind them, by sequence.
// Fails when a sequence is there twice, or not, or in a wrong place.
inline Status ReadUnion(const SegmentSnapshot& snapshot, const EventLog& log,
                        std::vector<std::string>* rows) {
  rows->assign(snapshot.folded_sequence, std::string());
  std::uint64_t count = 0;
  for (const auto& segment : snapshot.segments) {
    std::vector<testing::TwinRow> found;
    const auto source = segment->NewSource();
    Status status = testing::ReadRows(segment->key(), log.hash_seed(), source.get(), &found);
    if (!status.ok()) return status;
    for (testing::TwinRow& row : found) {
      const std::string name = "sequence " + std::to_string(row.sequence);
      if (row.sequence == 0 || row.sequence > rows->size()) return Internal(name + " is too new");
      if (row.time_ms / kDayMs != segment->key().day) return Internal(name + " has a wrong day");
      std::string& place = (*rows)[row.sequence - 1];
      if (!place.empty()) return Internal(name + " is there twice");
      place = std::move(row.text);
      ++count;
    }
  }
  if (count != snapshot.folded_sequence) return Internal("rows are missing from the segments");
  return ReadLog(log, snapshot.folded_sequence + 1, rows);
}

inline void ExpectEqualRows(const std::vector<std::string>& expected,
                            const std::vector<std::string>& found) {
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(expected[i], found[i]) << "sequence " << i + 1;
  }
}

}  // namespace insightflow
