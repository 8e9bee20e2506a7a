#include "lib/engine/export_lines.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "lib/decode/csv_formula.h"
#include "lib/decode/json_text.h"
#include "lib/decode/wire_key.h"
#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {
namespace {

// The texts between event_id and timestamp, and those behind it: the order in which clients write.
constexpr std::size_t kFirstOfEnd = static_cast<std::size_t>(Field::kPageTitle);

// The importer reads up to 11 digits as seconds.
constexpr std::size_t kCsvTimeDigits = 12;

template <typename Number>
void AppendNumber(Number number, std::string* out, std::size_t digits_min = 0) {
  char text[24];
  const char* const end = std::to_chars(text, text + sizeof text, number).ptr;
  const auto size = static_cast<std::size_t>(end - text);
  if (size < digits_min) out->append(digits_min - size, '0');
  out->append(text, size);
}

void AppendCell(std::string_view text, bool may_be_formula, std::string* out) {
  const bool quoted = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quoted) out->push_back('"');
  if (may_be_formula && LooksLikeFormula(text)) out->push_back('\'');
  if (!quoted) {
    out->append(text);
  } else {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t quote = std::min(text.find('"', at), text.size());
      out->append(text.substr(at, quote - at));
      if (quote < text.size()) out->append("\"\"");
      at = quote + 1;
    }
    out->push_back('"');
  }
  out->push_back(',');
}

}  // namespace

ExportLines::ExportLines(ExportFormat format) : csv_(format == ExportFormat::kCsv) {
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    AppendJsonString(kFieldRules[f].name, &members_[f]);
    members_[f].push_back(':');
  }
}

void ExportLines::AppendHeader(std::string* out) const {
  if (!csv_) return;
  const auto name = [&](std::string_view column) { out->append(column).push_back(','); };
  name("event_id");
  for (std::size_t f = 0; f < kFirstOfEnd; ++f) name(kFieldRules[f].name);
  name("timestamp");
  for (std::size_t f = kFirstOfEnd; f < kFieldCount; ++f) name(kFieldRules[f].name);
  out->append("seq,position_x,position_y,extra_data\n");
}

void ExportLines::AppendText(Field field, std::string_view text, std::string* out) const {
  if (csv_) return AppendCell(text, true, out);
  if (text.empty()) return;
  out->append(members_[static_cast<std::size_t>(field)]);
  AppendJsonString(text, out);
  out->push_back(',');
}

void ExportLines::AppendRow(const ExportRow& row, std::string* out) const {
  csv_ ? AppendCsv(row, out) : AppendNdjson(row, out);
}

void ExportLines::AppendNdjson(const ExportRow& row, std::string* out) const {
  out->push_back('{');
  if (!row.event_id.empty()) {
    out->append("\"event_id\":");
    AppendJsonString(row.event_id, out);
    out->push_back(',');
  }
  for (std::size_t f = 0; f < kFirstOfEnd; ++f) out->append(row.texts[f]);
  out->append("\"timestamp\":");
  AppendNumber(row.time_ms, out);
  out->push_back(',');
  for (std::size_t f = kFirstOfEnd; f < kFieldCount; ++f) out->append(row.texts[f]);
  const auto number = [&](std::uint8_t flag, std::string_view member, auto value) {
    if ((row.flags & flag) == 0) return;
    out->append(member);
    AppendNumber(value, out);
    out->push_back(',');
  };
  number(kHasClientSeq, "\"seq\":", row.client_seq);
  number(kHasPositionX, "\"position_x\":", row.position_x);
  number(kHasPositionY, "\"position_y\":", row.position_y);
  if (!row.extra_data.empty()) {
    out->append("\"extra_data\":").append(row.extra_data).push_back(',');
  }
  out->back() = '}';
  out->push_back('\n');
}

void ExportLines::AppendCsv(const ExportRow& row, std::string* out) const {
  const auto text = [&](std::size_t field) {
    row.texts[field].empty() ? out->push_back(',') : void(out->append(row.texts[field]));
  };
  AppendCell(row.event_id, true, out);
  for (std::size_t f = 0; f < kFirstOfEnd; ++f) text(f);
  AppendNumber(row.time_ms, out, kCsvTimeDigits);
  out->push_back(',');
  for (std::size_t f = kFirstOfEnd; f < kFieldCount; ++f) text(f);
  const auto number = [&](std::uint8_t flag, auto value) {
    if ((row.flags & flag) != 0) AppendNumber(value, out);
    out->push_back(',');
  };
  number(kHasClientSeq, row.client_seq);
  number(kHasPositionX, row.position_x);
  number(kHasPositionY, row.position_y);
  AppendCell(row.extra_data, false, out);
  out->back() = '\n';
}

}  // namespace v1
}  // namespace insightflow
