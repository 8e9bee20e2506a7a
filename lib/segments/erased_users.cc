#include "lib/segments/erased_users.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {
namespace {

// Keeps what keep[i] != 0 says, of a column that may be empty.
template <typename Column>
void Filter(const std::vector<std::uint8_t>& keep, Column* column) {
  if (column->empty()) return;
  std::size_t to = 0;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (keep[i] != 0) (*column)[to++] = (*column)[i];
  }
  column->resize(to);
}

// The same of texts of runs.
void FilterTexts(const std::vector<std::uint8_t>& keep, SegmentTexts* texts) {
  if (texts->entries() == 0) return;
  SegmentTexts kept;
  for (std::uint32_t i = 0; i < keep.size(); ++i) {
    if (keep[i] == 0) continue;
    kept.bytes.append(texts->Entry(i + 1));
    kept.ends.push_back(static_cast<std::uint32_t>(kept.bytes.size()));
  }
  *texts = std::move(kept);
}

}  // namespace

ErasedUsers::ErasedUsers(const std::vector<Erasure>& erasures) {
  for (const Erasure& erasure : erasures) {
    users_.push_back({erasure.user_hash, erasure.last_sequence});
  }
  std::sort(users_.begin(), users_.end(), [](const User& a, const User& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.last_sequence > b.last_sequence;
  });
  const auto end = std::unique(users_.begin(), users_.end(),
                               [](const User& a, const User& b) { return a.hash == b.hash; });
  users_.erase(end, users_.end());
}

std::uint64_t ErasedUsers::LastErased(std::uint64_t user_hash) const {
  const auto at = std::lower_bound(users_.begin(), users_.end(), user_hash,
                                   [](const User& u, std::uint64_t hash) { return u.hash < hash; });
  return at != users_.end() && at->hash == user_hash ? at->last_sequence : 0;
}

bool ErasedUsers::MayTouch(std::uint64_t min_sequence, std::uint64_t first_hash,
                           std::uint64_t last_hash) const {
  auto at = std::lower_bound(users_.begin(), users_.end(), first_hash,
                             [](const User& u, std::uint64_t hash) { return u.hash < hash; });
  for (; at != users_.end() && at->hash <= last_hash; ++at) {
    if (at->last_sequence >= min_sequence) return true;
  }
  return false;
}

bool ErasedUsers::MayTouch(const SegmentMeta& meta) const {
  for (std::uint32_t block = 0; block < meta.blocks.size(); ++block) {
    if (MayTouch(meta, block)) return true;
  }
  return false;
}

bool ErasedUsers::MayTouch(const SegmentMeta& meta, std::uint32_t block) const {
  return MayTouch(meta.min_sequence, meta.blocks[block].first_user_hash,
                  meta.blocks[block].last_user_hash);
}

void ErasedUsers::RemoveFrom(SegmentBlock* block) const {
  std::vector<std::uint8_t> keep(block->rows, 1);
  std::vector<std::uint8_t> keep_run(block->run_hashes.size(), 1);
  std::vector<std::uint32_t> ends;
  std::uint32_t row = 0;
  std::uint32_t kept = 0;
  for (std::size_t run = 0; run < block->run_hashes.size(); ++run) {
    const std::uint64_t last = LastErased(block->run_hashes[run]);
    const std::uint32_t before = kept;
    for (; row < block->run_ends[run]; ++row) {
      keep[row] = last == 0 || block->sequence[row] > last ? 1 : 0;
      kept += keep[row];
    }
    keep_run[run] = kept != before ? 1 : 0;
    if (keep_run[run] != 0) ends.push_back(kept);
  }
  if (kept == block->rows) return;
  // Whether the user's rows in the block before are left is not known here; nobody relies on it.
  block->continues = block->continues && keep_run.front() != 0;
  Filter(keep_run, &block->run_hashes);
  FilterTexts(keep_run, &block->user_ids);
  block->run_ends = std::move(ends);
  Filter(keep, &block->time_ms);
  Filter(keep, &block->day_time);
  Filter(keep, &block->sequence);
  Filter(keep, &block->flags);
  Filter(keep, &block->type_codes);
  for (auto& codes : block->codes) Filter(keep, &codes);
  Filter(keep, &block->position_x);
  Filter(keep, &block->position_y);
  Filter(keep, &block->client_seq);
  Filter(keep, &block->event_id);
  Filter(keep, &block->keys);
  Filter(keep, &block->id_forms);
  Filter(keep, &block->packed_ids);
  Filter(keep, &block->extra_data);
  Filter(keep, &block->shaped_extra.rows);
  block->rows = kept;
}

Status ErasedUsers::ReadBlock(const ErasedUsers* erased, const SegmentReader& reader,
                              std::uint32_t block, ColumnSet columns, ChunkSource* source,
                              ReadScratch* scratch, SegmentBlock* out) {
  if (erased == nullptr || !erased->MayTouch(reader.meta(), block)) {
    return reader.ReadBlock(block, columns, source, scratch, out);
  }
  columns.Add(SegmentColumn::kUserRuns);
  columns.Add(SegmentColumn::kSequence);
  Status status = reader.ReadBlock(block, columns, source, scratch, out);
  if (status.ok()) erased->RemoveFrom(out);
  return status;
}

Result<ErasedUsers::Left> ErasedUsers::WhatIsLeft(const ErasedUsers* erased,
                                                  const SegmentReader& reader,
                                                  ChunkSource* source) {
  const SegmentMeta& meta = reader.meta();
  if (erased == nullptr || !erased->MayTouch(meta)) {
    return Left{meta.rows, meta.min_sequence, meta.max_sequence, meta.min_time_ms,
                meta.max_time_ms};
  }
  Left left;
  ReadScratch scratch;
  SegmentBlock rows;
  constexpr ColumnSet kNeeded = {SegmentColumn::kUserRuns, SegmentColumn::kTime,
                                 SegmentColumn::kSequence};
  for (std::uint32_t block = 0; block < meta.blocks.size(); ++block) {
    Status status = ReadBlock(erased, reader, block, kNeeded, source, &scratch, &rows);
    if (!status.ok()) return status;
    left.rows += rows.rows;
    for (const std::uint64_t sequence : rows.sequence) {
      left.min_sequence = std::min(left.min_sequence, sequence);
      left.max_sequence = std::max(left.max_sequence, sequence);
    }
    for (const std::int64_t time : rows.time_ms) {
      left.min_time_ms = std::min(left.min_time_ms, time);
      left.max_time_ms = std::max(left.max_time_ms, time);
    }
  }
  return left;
}

}  // namespace v1
}  // namespace insightflow
