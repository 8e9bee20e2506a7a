// What a segment holds, the obvious way: a vector of rows, sorted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "lib/model/batch.h"
#include "lib/segments/segment_reader.h"
#include "tests/reference/random_batch.h"
#include "tests/reference/segment_files.h"

namespace insightflow::testing {

struct TwinRow {
  std::uint64_t user_hash = 0;
  std::string user_id;
  std::int64_t time_ms = 0;
  std::uint64_t sequence = 0;
  std::string text;  // all of the row, as DescribeRow writes it

  auto Key() const { return std::tie(user_hash, user_id, time_ms, sequence); }
  std::string Describe() const {
    return std::to_string(user_hash) + " " + std::to_string(sequence) + " " + text;
  }
};

class SegmentTwin {
 public:
  SegmentTwin(std::uint32_t day, std::uint64_t hash_seed, const SegmentOptions& options)
      : day_(day), hash_seed_(hash_seed), options_(options) {}

  void Add(const EventBatch& batch, std::uint64_t first_sequence) {
    for (std::size_t row = 0; row < batch.rows; ++row) {
      if (batch.time_ms[row] < 0 || batch.time_ms[row] / 86'400'000 != day_) continue;
      const std::string user(batch.Text(Field::kUserId, row));
      rows.push_back({options_.user_hash(user, hash_seed_), user, batch.time_ms[row],
                      first_sequence + row, DescribeRow(batch, row)});
    }
  }
  void Sort() {
    std::sort(rows.begin(), rows.end(),
              [](const TwinRow& a, const TwinRow& b) { return a.Key() < b.Key(); });
  }

  std::vector<TwinRow> rows;

 private:
  std::uint32_t day_;
  std::uint64_t hash_seed_;
  SegmentOptions options_;
};

// Appends a decoded block to a batch, to compare rows as text. Keys of ids follow `hash_seed`.
inline void AppendBlock(const SegmentMeta& meta, const SegmentDictionaries& shared,
                        const SegmentBlock& block, std::uint64_t hash_seed, EventBatch* batch) {
  std::uint32_t run = 0;
  for (std::uint32_t i = 0; i < block.rows; ++i) {
    while (run < block.run_ends.size() && i >= block.run_ends[run]) ++run;
    const std::size_t row = batch->PushRow(block.time_ms.empty() ? 0 : block.time_ms[i]);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      const SegmentTexts& texts =
          meta.dictionary_entries[f] != 0 ? shared[f] : block.dictionaries[f];
      if (!block.codes[f].empty()) batch->text[f].Set(row, texts.Entry(block.codes[f][i]));
    }
    const auto type = static_cast<std::size_t>(Field::kEventType);
    if (!block.type_codes.empty()) {
      batch->text[type].Set(row, shared[type].Entry(block.type_codes[i]));
    }
    if (block.user_ids.entries() != 0) {
      batch->column(Field::kUserId).Set(row, block.user_ids.Entry(run + 1));
    }
    const std::uint8_t flags = block.flags.empty() ? 0 : block.flags[i];
    if (!block.position_x.empty() && flags & kHasPositionX)
      batch->SetPositionX(block.position_x[i]);
    if (!block.position_y.empty() && flags & kHasPositionY)
      batch->SetPositionY(block.position_y[i]);
    if (!block.client_seq.empty() && flags & kHasClientSeq)
      batch->SetClientSeq(block.client_seq[i]);
    batch->flags[row] = flags;
    if (!block.event_id.empty()) {
      batch->event_id.Set(row, block.event_id[i]);
      batch->keys[row] =
          block.event_id[i].empty() ? block.keys[i] : EventIdKey(block.event_id[i], hash_seed);
    }
    if (!block.extra_data.empty()) batch->extra_data.Set(row, block.extra_data[i]);
  }
}

// All rows of a segment in its order, and the first error.
inline Status ReadRows(const SegmentKey& key, std::uint64_t hash_seed, ChunkSource* files,
                       std::vector<TwinRow>* rows) {
  const Result<std::string_view> chunk = files->Fetch(SegmentColumn::kMeta, kMetaBlock);
  const Result<SegmentReader> reader =
      SegmentReader::Open(key, chunk.ok() ? *chunk : std::string_view());
  if (!reader.ok()) return reader.status();
  const SegmentMeta& meta = reader->meta();
  ReadScratch scratch;
  SegmentDictionaries shared;
  Status status = reader->ReadDictionaries(ColumnSet::All(), files, &scratch, &shared);
  SegmentBlock block;
  for (std::uint32_t b = 0; status.ok() && b < meta.blocks.size(); ++b) {
    status = reader->ReadBlock(b, ColumnSet::All(), files, &scratch, &block);
    if (!status.ok()) break;
    EventBatch batch;
    AppendBlock(meta, shared, block, hash_seed, &batch);
    std::uint32_t run = 0;
    for (std::uint32_t i = 0; i < block.rows; ++i) {
      if (i >= block.run_ends[run]) ++run;
      rows->push_back({block.run_hashes[run], std::string(block.user_ids.Entry(run + 1)),
                       block.time_ms[i], block.sequence[i], DescribeRow(batch, i)});
    }
  }
  return status;
}

// Empty when both have equal rows in equal order, else the first difference.
inline std::string FirstDifference(const std::vector<TwinRow>& a, const std::vector<TwinRow>& b) {
  if (a.size() != b.size()) {
    return std::to_string(a.size()) + " rows, " + std::to_string(b.size());
  }
  for (std::size_t row = 0; row < a.size(); ++row) {
    if (a[row].Describe() == b[row].Describe()) continue;
    return "row " + std::to_string(row) + ":\n" + a[row].Describe() + "\n" + b[row].Describe();
  }
  return {};
}

}  // namespace insightflow::testing
