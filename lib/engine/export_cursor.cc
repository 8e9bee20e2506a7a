#include "lib/engine/export_cursor.h"

#include <cstddef>

namespace insightflow {
inline namespace v1 {

Status ExportCursor::Open() {
  const SegmentMeta& meta = input_.reader->meta();
  SegmentDictionaries dictionaries;
  const auto source = input_.new_source();
  Status status =
      input_.reader->ReadDictionaries(ColumnSet::All(), source.get(), &scratch_, &dictionaries);
  if (!status.ok()) return status;
  tables_ = scope_->TablesOf(meta, dictionaries);
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (meta.HasDictionary(field)) Write(field, dictionaries[f], &shared_[f]);
  }
  return Load();
}

// The next block that may have rows in the scope; done() when there is none.
Status ExportCursor::Load() {
  const auto& blocks = input_.reader->meta().blocks;
  run_ = row_ = 0;
  block_.Clear();
  while (block_.rows == 0 && next_block_ < blocks.size()) {
    const std::uint32_t block = next_block_++;
    if (!scope_->MayHold(blocks[block].min_time_ms, blocks[block].max_time_ms)) continue;
    const auto source = input_.new_source();
    Status status = ErasedUsers::ReadBlock(input_.erased.get(), *input_.reader, block,
                                           ColumnSet::All(), source.get(), &scratch_, &block_);
    if (!status.ok()) return status;
  }
  if (block_.rows == 0) return Status::Ok();
  scope_->Judge(input_.reader->meta(), block_, tables_, &keep_);
  WriteTexts();
  return Status::Ok();
}

void ExportCursor::WriteTexts() {
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (field == Field::kUserId || input_.reader->meta().HasDictionary(field)) continue;
    Write(field, block_.dictionaries[f], &own_[f]);
  }
  WriteUser();
}

void ExportCursor::WriteUser() {
  user_text_.clear();
  lines_->AppendText(Field::kUserId, user(), &user_text_);
}

void ExportCursor::Write(Field field, const SegmentTexts& texts, SegmentTexts* to) const {
  to->Clear();
  for (std::uint32_t code = 1; code <= texts.entries(); ++code) {
    lines_->AppendText(field, texts.Entry(code), &to->bytes);
    to->ends.push_back(static_cast<std::uint32_t>(to->bytes.size()));
  }
}

std::uint32_t ExportCursor::CodeAt(std::size_t field, std::uint32_t row) const {
  if (static_cast<Field>(field) == Field::kEventType && !block_.type_codes.empty()) {
    return block_.type_codes[row];
  }
  return block_.codes[field].empty() ? 0 : block_.codes[field][row];
}

void ExportCursor::AppendLine(std::uint32_t row, std::string* out) const {
  const SegmentMeta& meta = input_.reader->meta();
  ExportRow line;
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const bool shared = meta.HasDictionary(static_cast<Field>(f));
    line.texts[f] = (shared ? shared_ : own_)[f].Entry(CodeAt(f, row));
  }
  line.texts[static_cast<std::size_t>(Field::kUserId)] = user_text_;
  line.time_ms = block_.time_ms[row];
  if (!block_.event_id.empty()) line.event_id = block_.event_id[row];
  if (!block_.flags.empty()) line.flags = block_.flags[row];
  if (!block_.position_x.empty()) line.position_x = block_.position_x[row];
  if (!block_.position_y.empty()) line.position_y = block_.position_y[row];
  if (!block_.client_seq.empty()) line.client_seq = block_.client_seq[row];
  if (!block_.extra_data.empty()) line.extra_data = block_.extra_data[row];
  lines_->AppendRow(line, out);
}

Status ExportCursor::AdvanceTo(std::uint32_t row) {
  row_ = row;
  if (row_ < run_end()) return Status::Ok();
  ++run_;
  if (done()) return Load();
  WriteUser();
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
