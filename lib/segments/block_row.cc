#include "lib/segments/block_row.h"

#include <algorithm>
#include <memory>
#include <string>

#include "lib/model/batch.h"
#include "lib/model/event_texts.h"

namespace insightflow {
inline namespace v1 {

std::string_view BlockRow::Text(Field field) const {
  const auto f = static_cast<std::size_t>(field);
  if (field == Field::kUserId) return block.user_ids.Entry(run + 1);
  const SegmentTexts& texts = (meta.HasDictionary(field) ? dictionaries : block.dictionaries)[f];
  if (field == Field::kEventType && !block.type_codes.empty()) {
    return texts.Entry(block.type_codes[row]);
  }
  return block.codes[f].empty() ? std::string_view() : texts.Entry(block.codes[f][row]);
}

Hash128 BlockRow::Key(std::uint64_t hash_seed) const {
  if (!block.event_id.empty() && !block.event_id[row].empty()) {
    return HashBytes128(block.event_id[row], hash_seed);
  }
  return block.keys.empty() ? Hash128() : block.keys[row];
}

Event BlockRow::ToEvent() const {
  Event event;
  if (!block.event_id.empty()) event.event_id = block.event_id[row];
  SetTexts([this](Field field) { return Text(field); }, &event);
  event.timestamp = FromMillis(time_ms());
  const std::uint8_t flags = block.flags.empty() ? 0 : block.flags[row];
  if ((flags & kHasClientSeq) != 0) event.seq = block.client_seq[row];
  if ((flags & kHasPositionX) != 0) event.position_x = block.position_x[row];
  if ((flags & kHasPositionY) != 0) event.position_y = block.position_y[row];
  if (!block.extra_data.empty()) event.extra_data = block.extra_data[row];
  return event;
}

Status ForRowsOfUser(const ScanInput& input, std::string_view user_id, std::uint64_t user_hash,
                     const std::function<bool(const BlockRow&)>& take) {
  const SegmentMeta& meta = input.reader->meta();
  const auto& blocks = meta.blocks;
  const auto begin = std::partition_point(
      blocks.begin(), blocks.end(), [&](const auto& b) { return b.last_user_hash < user_hash; });
  const auto end = std::partition_point(
      begin, blocks.end(), [&](const auto& b) { return b.first_user_hash <= user_hash; });
  if (begin == end) return Status::Ok();
  const std::unique_ptr<ChunkSource> source = input.new_source();
  ReadScratch scratch;
  SegmentDictionaries dictionaries;
  SegmentBlock block;
  bool has_dictionaries = false;
  for (auto at = end; at != begin;) {
    const auto number = static_cast<std::uint32_t>(--at - blocks.begin());
    // The user is not in most of the blocks whose range of hashes fits: look before reading all.
    constexpr ColumnSet kUsers = {SegmentColumn::kUserRuns, ColumnOf(Field::kUserId)};
    Status status = ErasedUsers::ReadBlock(input.erased.get(), *input.reader, number, kUsers,
                                           source.get(), &scratch, &block);
    if (!status.ok()) return status;
    const auto find_run = [&] {
      const auto& hashes = block.run_hashes;
      auto run = static_cast<std::uint32_t>(
          std::lower_bound(hashes.begin(), hashes.end(), user_hash) - hashes.begin());
      while (run < hashes.size() && hashes[run] == user_hash &&
             block.user_ids.Entry(run + 1) != user_id) {
        ++run;
      }
      return run < hashes.size() && hashes[run] == user_hash ? run : UINT32_MAX;
    };
    if (find_run() == UINT32_MAX) continue;
    if (!has_dictionaries) {
      status =
          input.reader->ReadDictionaries(ColumnSet::All(), source.get(), &scratch, &dictionaries);
      if (!status.ok()) return status;
      has_dictionaries = true;
    }
    status = ErasedUsers::ReadBlock(input.erased.get(), *input.reader, number, ColumnSet::All(),
                                    source.get(), &scratch, &block);
    if (!status.ok()) return status;
    const std::uint32_t run = find_run();
    const std::uint32_t first = run == 0 ? 0 : block.run_ends[run - 1];
    for (std::uint32_t row = block.run_ends[run]; row-- > first;) {
      if (!take({meta, dictionaries, block, run, row})) return Status::Ok();
    }
  }
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
