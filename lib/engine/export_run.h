// An export under way: the segments of one day at a time, merged user by user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "insightflow/options.h"
#include "insightflow/status.h"
#include "lib/engine/export_cursor.h"
#include "lib/engine/export_lines.h"
#include "lib/engine/export_scope.h"
#include "lib/segments/scan_segment.h"
#include "lib/segments/user_group.h"

namespace insightflow {
inline namespace v1 {

// Not thread-safe; stays where it was made. Memory: one decoded block and the dictionaries of each
// segment of a day.
class ExportRun {
 public:
  ExportRun(const ExportOptions& options, ExportScope scope, std::vector<ScanInput> inputs);
  ExportRun(const ExportRun&) = delete;
  ExportRun& operator=(const ExportRun&) = delete;

  // As Exporter::Next.
  Result<bool> Next(std::string* out);

  std::uint64_t events() const { return events_; }

 private:
  bool OpenDay(Status* status);
  void FindUser();
  Status AppendSpan(std::size_t enough, std::string* out);
  std::uint64_t blocks_read() const;

  const ExportOptions options_;
  const ExportScope scope_;
  const ExportLines lines_;
  std::vector<ScanInput> inputs_;  // by day, then sequence
  std::size_t next_input_ = 0;
  std::vector<std::unique_ptr<ExportCursor>> cursors_;  // of the day
  UserGroup<ExportCursor> group_;                       // those at the least user
  bool begun_ = false;
  Status error_;
  std::uint64_t events_ = 0;
};

}  // namespace v1
}  // namespace insightflow
