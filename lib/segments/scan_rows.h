// Rows on their way from segments to a visitor: the columns that a plan asks for, in runs of users.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/plain_vector.h"
#include "lib/model/scan_plan.h"
#include "lib/model/timelines.h"

namespace insightflow {
inline namespace v1 {

// Which columns a scan carries along, the same for all of its rows.
struct ScanShape {
  std::size_t texts = 0;
  std::size_t identities = 0;
  std::size_t numbers = 0;
  bool codes = false;             // as ScanPlan::takes_codes says
  bool narrow_matches = false;    // codes, or all bits fit a byte
  bool hands_out_narrow = false;  // and so they are handed out
  bool more_matches = false;
  bool late_texts = false;  // codes of the segments' dictionaries stay with the cursors
  bool user_ids = false;
  bool client_order = false;  // tab, seq and hidden are there
  bool sequences = false;
};

// The columns that look the same before and after rows are put together.
struct ScanColumns {
  PlainVector<std::uint64_t> more_matches;
  std::vector<PlainVector<std::uint32_t>> texts;
  std::vector<PlainVector<std::uint64_t>> identities;
  std::vector<PlainVector<double>> numbers;
  PlainVector<std::uint64_t> sequence;
  PlainVector<std::uint64_t> tab;  // hash of tab_id where the row has a seq too, else 0
  PlainVector<std::uint64_t> seq;
  PlainVector<std::uint8_t> hidden;  // 1: only there to put others in order

  explicit ScanColumns(const ScanShape& shape)
      : texts(shape.texts), identities(shape.identities), numbers(shape.numbers) {}

  std::size_t bytes() const;

  // Calls use(get) for each column that the shape has: get(columns) is the column of any.
  template <typename Use>
  static void ForEach(const ScanShape& shape, Use use) {
    if (shape.more_matches) use([](auto& columns) -> auto& { return columns.more_matches; });
    if (!shape.late_texts) {
      for (std::size_t s = 0; s < shape.texts; ++s) {
        use([s](auto& columns) -> auto& { return columns.texts[s]; });
      }
    }
    for (std::size_t s = 0; s < shape.identities; ++s) {
      use([s](auto& columns) -> auto& { return columns.identities[s]; });
    }
    for (std::size_t s = 0; s < shape.numbers; ++s) {
      use([s](auto& columns) -> auto& { return columns.numbers[s]; });
    }
    if (shape.sequences) use([](auto& columns) -> auto& { return columns.sequence; });
    if (!shape.client_order) return;
    use([](auto& columns) -> auto& { return columns.tab; });
    use([](auto& columns) -> auto& { return columns.seq; });
    use([](auto& columns) -> auto& { return columns.hidden; });
  }
};

// Rows of one segment, as narrow as they can be: many segments are under way at a time, and their
// rows should stay in the cache until they are put together.
struct CursorRows : ScanColumns {
  struct Run {
    std::uint64_t hash = 0;
    std::uint32_t end = 0;     // the row behind it
    std::uint32_t id_end = 0;  // of its user's id in id_bytes
  };
  std::vector<Run> runs;
  std::vector<char> id_bytes;
  PlainVector<std::uint32_t> time;                     // within the segment's day
  PlainVector<std::uint8_t> narrow_matches;            // with ScanShape::narrow_matches
  PlainVector<std::uint64_t> matches;                  // otherwise
  std::vector<PlainVector<std::uint16_t>> late_texts;  // by slot, with ScanShape::late_texts

  explicit CursorRows(const ScanShape& shape)
      : ScanColumns(shape), late_texts(shape.late_texts ? shape.texts : 0) {}

  std::size_t rows() const { return time.size(); }
  std::size_t RunBegin(std::size_t run) const { return run == 0 ? 0 : runs[run - 1].end; }
  std::string_view UserId(std::size_t run) const {
    const std::uint32_t begin = run == 0 ? 0 : runs[run - 1].id_end;
    return {id_bytes.data() + begin, runs[run].id_end - begin};
  }
  std::size_t bytes() const;

  void Clear(const ScanShape& shape);
  // Drops the first runs and their rows. O(rest).
  void DropRuns(const ScanShape& shape, std::size_t count);
};

// Rows of whole users, to be handed out.
struct UserRows : ScanColumns {
  PlainVector<std::int64_t> time_ms;
  PlainVector<std::uint64_t> matches;
  PlainVector<std::uint8_t> narrow_matches;  // with ScanShape::hands_out_narrow, in their place

  using ScanColumns::ScanColumns;

  std::size_t rows() const { return time_ms.size(); }
  std::size_t bytes() const;
  // Of one row.
  std::size_t width(const ScanShape& shape) {
    std::size_t sum = 0;
    ForEachColumn(shape, [&](auto& column) { sum += sizeof(column[0]); });
    return sum;
  }

  template <typename Use>
  void ForEachColumn(const ScanShape& shape, Use use) {
    use(time_ms);
    if (shape.hands_out_narrow) {
      use(narrow_matches);
    } else {
      use(matches);
    }
    ForEach(shape, [&](auto get) { use(get(*this)); });
  }
};

}  // namespace v1
}  // namespace insightflow
