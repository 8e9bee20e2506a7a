#include "lib/segments/scan_segment.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lib/base/growth.h"
#include "lib/segments/block_value.h"
#include "lib/segments/scan_block.h"

namespace insightflow {
inline namespace v1 {
namespace {

void Entries(const SegmentTexts& texts, std::vector<std::string_view>* entries) {
  entries->clear();
  for (std::uint32_t code = 0; code <= texts.entries(); ++code) {
    entries->push_back(texts.Entry(code));
  }
}

}  // namespace

ScanContext::ScanContext(const ScanPlan& scan_plan, ValueTable* scan_values)
    : plan(scan_plan), masks(plan), values(scan_values) {
  shape.texts = plan.texts.size();
  shape.identities = plan.identities.size();
  shape.numbers = plan.numbers.size();
  shape.codes = plan.takes_codes;
  shape.narrow_matches = shape.codes || masks.filter_bit() < 8;
  shape.hands_out_narrow = shape.codes || (shape.narrow_matches && plan.takes_narrow_matches);
  shape.more_matches = !shape.codes && plan.selectors.size() > 64;
  narrow_filter_bit = shape.codes ? kCodeFilterBit : masks.filter_bit();
  shape.user_ids = plan.needs_user_ids;
}

std::size_t ScanScratch::bytes() const {
  const ColumnScratch& columns = read.columns;
  return block.memory() + read.values.capacity() + CapacityBytes(read.titles) +
         CapacityBytes(columns.values32) + CapacityBytes(columns.values64) +
         CapacityBytes(columns.gated) + CapacityBytes(columns.bytes) +
         CapacityBytes(columns.marks) + columns.texts.capacity() + columns.packed.capacity() +
         CapacityBytes(masks) + CapacityBytes(table) + CapacityBytes(kept) +
         CapacityBytes(kept_to) + CapacityBytes(hidden) + CapacityBytes(codes) +
         CapacityBytes(hashes) + CapacityBytes(entries) + column.memory();
}

ScanSegment::ScanSegment(ScanInput input, const ScanContext* context)
    : input_(std::move(input)), context_(context) {
  columns_ = NeededColumns();
}

ColumnSet ScanSegment::NeededColumns() const {
  const ScanPlan& plan = context_->plan;
  std::uint32_t bits = ColumnSet{SegmentColumn::kTime}.bits();
  if (!plan.any_order) bits |= ColumnSet{SegmentColumn::kUserRuns}.bits();
  const auto add = [&](const FieldRef& field) { bits |= ColumnsOf(field).bits(); };
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (context_->masks.Uses(field)) bits |= ColumnSet{ColumnOf(field)}.bits();
  }
  for (const RowMasks::RowTests& tests : context_->masks.row_tests()) add(tests.field);
  for (const FieldRef& field : plan.texts) add(field);
  for (const FieldRef& field : plan.identities) add(field);
  for (const FieldRef& field : plan.numbers) add(field);
  if (plan.needs_user_ids) bits |= ColumnSet{ColumnOf(Field::kUserId)}.bits();
  if (context_->shape.sequences) bits |= ColumnSet{SegmentColumn::kSequence}.bits();
  if (context_->shape.client_order && meta().columns().Has(SegmentColumn::kClientSeq)) {
    bits |=
        ColumnSet{SegmentColumn::kFlags, SegmentColumn::kClientSeq, ColumnOf(Field::kTabId)}.bits();
  }
  return ColumnSet(bits);
}

// A field that no row has is one whose code is 0 everywhere.
bool ScanSegment::HasLateText(const FieldRef& field) const {
  if (field.kind != FieldRef::Kind::kText || field.field == Field::kUserId) return false;
  return meta().HasDictionary(field.field) || !meta().columns().Has(ColumnOf(field.field));
}

Status ScanSegment::Prepare() {
  std::call_once(prepared_, [this] { status_ = PrepareOnce(); });
  return status_;
}

Status ScanSegment::PrepareOnce() {
  const std::unique_ptr<ChunkSource> source = NewSource();
  ReadScratch scratch;
  SegmentDictionaries dictionaries;
  Status status = input_.reader->ReadDictionaries(columns_, source.get(), &scratch, &dictionaries);
  if (!status.ok()) return status;
  const ScanPlan& plan = context_->plan;
  const RowMasks& masks = context_->masks;
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (!masks.Uses(field) || !meta().HasDictionary(field)) continue;
    masks.FillTable(field, dictionaries[f], &mask_tables_[f]);
  }
  const auto texts_of = [&](const FieldRef& field) -> const SegmentTexts* {
    const bool shared = field.kind == FieldRef::Kind::kText && meta().HasDictionary(field.field);
    return shared ? &dictionaries[static_cast<std::size_t>(field.field)] : nullptr;
  };
  std::vector<std::string_view> entries;
  text_codes_.resize(plan.texts.size());
  for (std::size_t slot = 0; slot < plan.texts.size(); ++slot) {
    const SegmentTexts* const texts = texts_of(plan.texts[slot]);
    if (texts == nullptr) {
      if (context_->shape.late_texts) text_codes_[slot] = {0};
      continue;
    }
    Entries(*texts, &entries);
    text_codes_[slot].resize(entries.size());
    context_->values->Intern(entries, text_codes_[slot].data());
  }
  identity_hashes_.resize(plan.identities.size());
  for (std::size_t slot = 0; slot < plan.identities.size(); ++slot) {
    const SegmentTexts* const texts = texts_of(plan.identities[slot]);
    if (texts == nullptr) continue;
    Entries(*texts, &entries);
    for (const std::string_view text : entries) {
      identity_hashes_[slot].push_back(IdentityHash(text));
    }
  }
  const auto& types = mask_tables_[static_cast<std::size_t>(Field::kEventType)];
  if (context_->shape.narrow_matches && meta().has_narrow_types()) {
    for (std::size_t code = 0; code * masks.words() < types.size(); ++code) {
      const std::uint64_t* const mask = &types[code * masks.words()];
      type_masks_[code] =
          context_->shape.codes ? masks.CodeOf(mask) : static_cast<std::uint8_t>(*mask);
    }
  }
  const std::size_t words = masks.words();
  for (std::uint32_t code = 1; code * words < types.size(); ++code) {
    Mask selected = {};
    std::copy_n(types.begin() + static_cast<std::ptrdiff_t>(code * words), words, selected.begin());
    selected[masks.filter_bit() / 64] &= ~(std::uint64_t{1} << masks.filter_bit() % 64);
    if (selected != Mask{}) wanted_types_.push_back(code);
  }
  context_->table_bytes.fetch_add(TableBytes(), std::memory_order_relaxed);
  return Status::Ok();
}

std::size_t ScanSegment::TableBytes() const {
  std::size_t sum = CapacityBytes(wanted_types_);
  for (const auto& table : mask_tables_) sum += CapacityBytes(table);
  for (const auto& codes : text_codes_) sum += CapacityBytes(codes);
  for (const auto& hashes : identity_hashes_) sum += CapacityBytes(hashes);
  return sum;
}

bool ScanSegment::MayMatch(std::uint32_t block) const {
  const BlockMeta& of_block = meta().blocks[block];
  if (of_block.max_time_ms < context_->plan.from_ms) return false;
  if (of_block.min_time_ms >= context_->plan.to_ms) return false;
  if (!context_->plan.only_matches || context_->shape.client_order) return true;
  if (!context_->masks.EverySelectorHasTypes() || !meta().HasDictionary(Field::kEventType)) {
    return true;
  }
  return std::any_of(wanted_types_.begin(), wanted_types_.end(),
                     [&](std::uint32_t code) { return meta().MayHaveType(block, code); });
}

Status ScanSegment::ReadBlock(std::uint32_t block, std::uint64_t first, std::uint64_t last,
                              ChunkSource* source, ScanScratch* scratch, CursorRows* rows,
                              std::uint64_t* scanned) const {
  scratch->read.day_times = true;
  Status status = ErasedUsers::ReadBlock(input_.erased.get(), *input_.reader, block, columns_,
                                         source, &scratch->read, &scratch->block);
  if (!status.ok()) return status;
  scratch->block_number = block;
  BlockScan scan(*this, scratch, rows);
  scan.Append(first, last, scanned);
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
