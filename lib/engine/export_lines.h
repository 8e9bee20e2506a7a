// Events as lines of NDJSON or CSV, in the wire's names.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/options.h"
#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

// One event. Views live for the call; "" is absent.
struct ExportRow {
  std::array<std::string_view, kFieldCount> texts;  // as AppendText has made them
  std::string_view event_id;
  std::int64_t time_ms = 0;
  std::uint8_t flags = 0;
  std::int32_t position_x = 0;
  std::int32_t position_y = 0;
  std::uint64_t client_seq = 0;
  std::string_view extra_data;
};

// Immutable: threads may share it.
class ExportLines {
 public:
  explicit ExportLines(ExportFormat format);

  // CSV's first line; nothing for NDJSON.
  void AppendHeader(std::string* out) const;
  // A text as it stands in a line, name and quotes and all: so that each is made once for all rows
  // that have it.
  void AppendText(Field field, std::string_view text, std::string* out) const;
  void AppendRow(const ExportRow& row, std::string* out) const;

 private:
  void AppendNdjson(const ExportRow& row, std::string* out) const;
  void AppendCsv(const ExportRow& row, std::string* out) const;

  const bool csv_;
  std::array<std::string, kFieldCount> members_;  // "page_url": and so on
};

}  // namespace v1
}  // namespace insightflow
