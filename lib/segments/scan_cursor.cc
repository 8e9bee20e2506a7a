#include <algorithm>

#include "lib/segments/part_scan.h"

namespace insightflow {
inline namespace v1 {

ScanCursor::ScanCursor(ScanSegment* segment, const ScanShape& shape, std::uint64_t first,
                       std::uint64_t last)
    : segment_(segment), first_(first), last_(last), rows_(shape) {}

Status ScanCursor::Open() {
  if (Status status = segment_->Prepare(); !status.ok()) return status;
  const auto& blocks = segment_->meta().blocks;
  const bool whole = segment_->takes_whole_blocks();
  const auto begin = std::partition_point(blocks.begin(), blocks.end(), [&](const auto& block) {
    return (whole ? block.first_user_hash : block.last_user_hash) < first_;
  });
  const auto end = std::partition_point(
      begin, blocks.end(), [&](const auto& block) { return block.first_user_hash <= last_; });
  next_ = static_cast<std::uint32_t>(begin - blocks.begin());
  end_ = static_cast<std::uint32_t>(end - blocks.begin());
  SkipOthers();
  if (!at_end()) source_ = segment_->NewSource();
  return Status::Ok();
}

void ScanCursor::SkipOthers() {
  while (next_ < end_ && !segment_->MayMatch(next_)) ++next_;
}

std::uint64_t ScanCursor::complete_below() const {
  return segment_->meta().blocks[next_].first_user_hash;
}

Status ScanCursor::ReadNext(ScanScratch* scratch, std::uint64_t* scanned) {
  Status status =
      segment_->ReadBlock(next_, first_, last_, source_.get(), scratch, &rows_, scanned);
  ++next_;
  SkipOthers();
  return status;
}

}  // namespace v1
}  // namespace insightflow
