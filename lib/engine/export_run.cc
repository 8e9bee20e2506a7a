#include "lib/engine/export_run.h"

#include <algorithm>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

// A step that finds nothing ends all the same, so that the caller can do something else.
constexpr std::uint64_t kBlocksAStep = 16;

std::pair<std::uint32_t, std::uint64_t> PlaceOf(const ScanInput& input) {
  return {input.reader->meta().key.day, input.reader->meta().min_sequence};
}

}  // namespace

ExportRun::ExportRun(const ExportOptions& options, ExportScope scope, std::vector<ScanInput> inputs)
    : options_(options),
      scope_(std::move(scope)),
      lines_(options.format),
      inputs_(std::move(inputs)) {
  std::erase_if(inputs_, [&](const ScanInput& input) {
    const SegmentMeta& meta = input.reader->meta();
    return meta.rows == 0 || !scope_.MayHold(meta.min_time_ms, meta.max_time_ms);
  });
  std::sort(inputs_.begin(), inputs_.end(),
            [](const ScanInput& a, const ScanInput& b) { return PlaceOf(a) < PlaceOf(b); });
}

// False when there is no further day, or with an error.
bool ExportRun::OpenDay(Status* status) {
  cursors_.clear();
  if (next_input_ == inputs_.size()) return false;
  const std::uint32_t day = PlaceOf(inputs_[next_input_]).first;
  for (; next_input_ < inputs_.size() && PlaceOf(inputs_[next_input_]).first == day;
       ++next_input_) {
    cursors_.push_back(std::make_unique<ExportCursor>(
        std::exchange(inputs_[next_input_], ScanInput()), &scope_, &lines_));
    *status = cursors_.back()->Open();
    if (!status->ok()) return false;
  }
  return true;
}

void ExportRun::FindUser() {
  group_.Clear();
  for (const auto& cursor : cursors_) group_.Offer(cursor.get());
}

Status ExportRun::AppendSpan(std::size_t enough, std::string* out) {
  ExportCursor* cursor = nullptr;
  const std::uint32_t end = group_.EndOfSpan(&cursor);
  std::uint32_t row = cursor->row();
  for (; row < end && out->size() < enough; ++row) {
    if (!cursor->Kept(row)) continue;
    cursor->AppendLine(row, out);
    ++events_;
  }
  return cursor->AdvanceTo(row);
}

std::uint64_t ExportRun::blocks_read() const {
  std::uint64_t sum = 0;
  for (const auto& cursor : cursors_) sum += cursor->blocks_read();
  return sum;
}

Result<bool> ExportRun::Next(std::string* out) {
  if (!error_.ok()) return error_;
  if (!std::exchange(begun_, true)) lines_.AppendHeader(out);
  const std::size_t enough = out->size() + kExportChunkBytes;
  std::uint64_t read_before = blocks_read();
  while (out->size() < enough && blocks_read() - read_before < kBlocksAStep) {
    if (options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed)) {
      return error_ = Status(StatusCode::kCancelled, "the export was cancelled");
    }
    FindUser();
    if (!group_.empty()) {
      error_ = AppendSpan(enough, out);
    } else if (OpenDay(&error_)) {
      read_before = 0;
    } else if (error_.ok()) {
      return false;
    }
    if (!error_.ok()) return error_;
  }
  return true;
}

}  // namespace v1
}  // namespace insightflow
