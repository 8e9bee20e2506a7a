#include "lib/engine/export_scope.h"

#include <cstddef>
#include <string>
#include <utility>

#include "lib/model/query_check.h"
#include "lib/segments/block_value.h"

namespace insightflow {
inline namespace v1 {
namespace {

std::vector<std::uint8_t> TableOf(const Predicate& filter, const SegmentTexts& texts) {
  std::vector<std::uint8_t> table;
  for (std::uint32_t code = 0; code <= texts.entries(); ++code) {
    table.push_back(filter.Matches(EventValue::Text(texts.Entry(code))) ? 1 : 0);
  }
  return table;
}

bool IsCoded(const Predicate& filter) {
  return filter.field().kind == FieldRef::Kind::kText && filter.field().field != Field::kUserId;
}

void JudgeUsers(const Predicate& filter, const SegmentBlock& block,
                std::vector<std::uint8_t>* keep) {
  std::uint32_t row = 0;
  for (std::uint32_t run = 0; run < block.run_ends.size(); ++run) {
    const bool holds = filter.Matches(EventValue::Text(block.user_ids.Entry(run + 1)));
    for (; row < block.run_ends[run]; ++row) (*keep)[row] &= holds ? 1 : 0;
  }
}

void JudgeCodes(Field field, const SegmentBlock& block, const std::vector<std::uint8_t>& table,
                std::vector<std::uint8_t>* keep) {
  const auto& codes = block.codes[static_cast<std::size_t>(field)];
  const bool narrow = field == Field::kEventType && !block.type_codes.empty();
  for (std::uint32_t row = 0; row < block.rows; ++row) {
    const std::uint32_t code = narrow ? block.type_codes[row] : codes.empty() ? 0 : codes[row];
    (*keep)[row] &= table[code];
  }
}

}  // namespace

Result<ExportScope> ExportScope::Create(const ExportOptions& options) {
  ExportScope scope;
  if (options.from) scope.from_ms_ = ToMillis(*options.from);
  if (options.to) scope.to_ms_ = ToMillis(*options.to);
  if (scope.from_ms_ >= scope.to_ms_) return InvalidArgument("from must lie before to");
  if (Status status = CheckFilters(options.filters); !status.ok()) return status;
  for (const Filter& filter : options.filters) {
    Result<Predicate> predicate = Predicate::Create(filter);
    if (!predicate.ok()) return predicate.status();
    scope.filters_.push_back(std::move(*predicate));
  }
  return scope;
}

ExportScope::Tables ExportScope::TablesOf(const SegmentMeta& meta,
                                          const SegmentDictionaries& dictionaries) const {
  Tables tables(filters_.size());
  for (std::size_t i = 0; i < filters_.size(); ++i) {
    const Field field = filters_[i].field().field;
    if (!IsCoded(filters_[i]) || !meta.HasDictionary(field)) continue;
    tables[i] = TableOf(filters_[i], dictionaries[static_cast<std::size_t>(field)]);
  }
  return tables;
}

void ExportScope::Judge(const SegmentMeta& meta, const SegmentBlock& block, const Tables& tables,
                        std::vector<std::uint8_t>* keep) const {
  keep->resize(block.rows);
  for (std::uint32_t row = 0; row < block.rows; ++row) {
    const std::int64_t time = block.time_ms[row];
    (*keep)[row] = time >= from_ms_ && time < to_ms_ ? 1 : 0;
  }
  std::string scratch;
  for (std::size_t i = 0; i < filters_.size(); ++i) {
    const Predicate& filter = filters_[i];
    const FieldRef& field = filter.field();
    if (IsCoded(filter)) {
      const auto& own = block.dictionaries[static_cast<std::size_t>(field.field)];
      JudgeCodes(field.field, block,
                 meta.HasDictionary(field.field) ? tables[i] : TableOf(filter, own), keep);
    } else if (field.kind == FieldRef::Kind::kText) {
      JudgeUsers(filter, block, keep);
    } else {
      for (std::uint32_t row = 0; row < block.rows; ++row) {
        if ((*keep)[row] == 0) continue;
        (*keep)[row] = filter.Matches(BlockValue(block, field, row, &scratch)) ? 1 : 0;
      }
    }
  }
}

}  // namespace v1
}  // namespace insightflow
