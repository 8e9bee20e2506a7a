// Rows on their way from segments to a visitor: the columns that a plan asks for, in runs of users.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lib/model/scan_plan.h"
#include "lib/model/timelines.h"

namespace insightflow {
inline namespace v1 {

// Which columns a scan carries along, the same for all of its rows.
struct ScanShape {
  std::size_t texts = 0;
  std::size_t identities = 0;
  std::size_t numbers = 0;
  bool more_matches = false;
  bool user_ids = false;
  bool client_order = false;  // tab, seq and hidden are there
  bool sequences = false;
};

struct ScanRows {
  struct Run {
    std::uint64_t hash = 0;
    std::uint32_t end = 0;     // the row behind it
    std::uint32_t id_end = 0;  // of its user's id in id_bytes
  };
  std::vector<Run> runs;
  std::vector<char> id_bytes;
  std::vector<std::int64_t> time_ms;
  std::vector<std::uint64_t> matches;
  std::vector<std::uint64_t> more_matches;
  std::vector<std::vector<std::uint32_t>> texts;
  std::vector<std::vector<std::uint64_t>> identities;
  std::vector<std::vector<double>> numbers;
  std::vector<std::uint64_t> sequence;
  std::vector<std::uint64_t> tab;  // hash of tab_id where the row has a seq too, else 0
  std::vector<std::uint64_t> seq;
  std::vector<std::uint8_t> hidden;  // 1: only there to put others in order

  explicit ScanRows(const ScanShape& shape)
      : texts(shape.texts), identities(shape.identities), numbers(shape.numbers) {}

  std::size_t rows() const { return time_ms.size(); }
  std::size_t RunBegin(std::size_t run) const { return run == 0 ? 0 : runs[run - 1].end; }
  std::string_view UserId(std::size_t run) const {
    const std::uint32_t begin = run == 0 ? 0 : runs[run - 1].id_end;
    return {id_bytes.data() + begin, runs[run].id_end - begin};
  }
  std::size_t bytes() const;

  // Calls `use(column)` for each column of a value a row, in an order that is always the same.
  template <typename Rows, typename Use>
  static void ForEachColumn(const ScanShape& shape, Rows& rows, Use use) {
    use(rows.time_ms);
    use(rows.matches);
    if (shape.more_matches) use(rows.more_matches);
    for (auto& column : rows.texts) use(column);
    for (auto& column : rows.identities) use(column);
    for (auto& column : rows.numbers) use(column);
    if (shape.sequences) use(rows.sequence);
    if (shape.client_order) {
      use(rows.tab);
      use(rows.seq);
      use(rows.hidden);
    }
  }

  void Clear(const ScanShape& shape);
  // Drops the first runs and their rows. O(rest).
  void DropRuns(const ScanShape& shape, std::size_t count);
};

}  // namespace v1
}  // namespace insightflow
