#include "lib/decode/csv_reader.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "lib/base/utf8.h"
#include "lib/decode/csv_formula.h"
#include "lib/decode/json_number.h"
#include "lib/decode/json_text.h"
#include "lib/validate/time_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

using Target = CsvSchema::Target;

constexpr std::size_t kSecondsDigitsMax = 11;
constexpr std::size_t kMillisDigitsMax = 14;

// ISO 8601 (UTC when it names no zone), or digits: seconds up to 11 of them, else milliseconds.
std::optional<std::int64_t> ParseCellTime(std::string_view cell) {
  if (cell.find_first_not_of("0123456789") != std::string_view::npos) {
    return ParseIsoTimeOrUtc(cell);
  }
  if (cell.size() > kMillisDigitsMax) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : cell) value = value * 10 + (c - '0');
  return cell.size() <= kSecondsDigitsMax ? value * 1000 : value;
}

Fault SetPosition(std::string_view cell, std::string_view name,
                  std::optional<std::int32_t>* position) {
  const JsonNumber number = ParseJsonNumber(cell);
  if (number.kind == JsonNumber::Kind::kNone) {
    return {RejectCode::kBadType, name, "the cell is not a number"};
  }
  *position = RoundToInt32(number, cell);
  if (!*position) return {RejectCode::kIntRange, name, "a number does not fit"};
  return {};
}

Fault SetSeq(std::string_view cell, std::optional<std::uint64_t>* seq) {
  const JsonNumber number = ParseJsonNumber(cell);
  if (number.kind == JsonNumber::Kind::kNone) {
    return {RejectCode::kBadType, "seq", "the cell is not a number"};
  }
  *seq = AsUint64(number, cell);
  if (!*seq) return {RejectCode::kIntRange, "seq", "a number does not fit"};
  return {};
}

// A number that every reader of the JSON will read as it stands.
bool IsSafeNumber(std::string_view cell) {
  const JsonNumber number = ParseJsonNumber(cell);
  return number.kind == JsonNumber::Kind::kReal || AsInt64(number).has_value();
}

std::string_view NameOf(const Target& target) {
  return target.kind == Target::Kind::kText ? RuleOf(target.field).name : std::string_view();
}

}  // namespace

Fault CsvEventReader::Read(const std::vector<std::string_view>& cells, const CsvSchema& schema,
                           EventReader* reader, EventDraft* draft) {
  draft->Reset();
  const std::vector<Target>& targets = schema.targets();
  if (cells.size() != targets.size()) {
    return {RejectCode::kBadLine, "", "the record has not as many cells as the header"};
  }
  std::string_view object;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string_view cell = cells[i];
    const Target& target = targets[i];
    if (cell.empty()) continue;
    if (!IsUtf8(cell)) return {RejectCode::kBadString, NameOf(target), "the cell is not UTF-8"};
    Fault fault;
    switch (target.kind) {
      case Target::Kind::kText: draft->at(target.field) = WithoutFormulaMark(cell); break;
      case Target::Kind::kEventId: draft->event_id = WithoutFormulaMark(cell); break;
      case Target::Kind::kTime:
        draft->time_ms = ParseCellTime(cell);
        if (!draft->time_ms) fault = {RejectCode::kBadTime, "timestamp", "the cell is not a time"};
        break;
      case Target::Kind::kPositionX:
        fault = SetPosition(cell, "position_x", &draft->position_x);
        break;
      case Target::Kind::kPositionY:
        fault = SetPosition(cell, "position_y", &draft->position_y);
        break;
      case Target::Kind::kClientSeq: fault = SetSeq(cell, &draft->seq); break;
      case Target::Kind::kExtraObject: object = cell; break;
      case Target::Kind::kExtra: break;
    }
    if (fault) return fault;
  }
  if (!object.empty()) {
    if (const Fault fault = reader->CheckExtraData(object, draft)) return fault;
  }
  AddColumns(cells, targets, object.empty() ? nullptr : reader, draft);
  return {};
}

// What is mapped to extra_data and what no field takes become one object, where the object's own
// members stand first and no key stands twice.
void CsvEventReader::AddColumns(const std::vector<std::string_view>& cells,
                                const std::vector<Target>& targets, const EventReader* object,
                                EventDraft* draft) {
  JsonObjectWriter extra(&extra_);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string& name = targets[i].name;
    if (targets[i].kind != Target::Kind::kExtra || cells[i].empty() ||
        (object != nullptr && object->HasExtraKey(name))) {
      continue;
    }
    if (IsSafeNumber(cells[i])) {
      extra.Raw(name, cells[i]);
    } else {
      extra.Text(name, cells[i]);
    }
  }
  if (extra.empty()) return;
  extra.Close();
  const std::string_view first = draft->extra_data;
  if (first.size() > 2) extra_.insert(1, std::string(first.substr(1, first.size() - 2)) + ",");
  draft->extra_data = extra_;
}

}  // namespace v1
}  // namespace insightflow
