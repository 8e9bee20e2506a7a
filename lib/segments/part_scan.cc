#include "lib/segments/part_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <span>
#include <utility>

#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Most runs are shorter than this. Rows are copied so many at a time, where there is room: what is
// too much is overwritten by the next run, and no branch hangs on the length of a short one.
constexpr std::uint32_t kCopyRows = 8;
constexpr std::size_t kPrefetchPieces = 48;

constexpr std::uint32_t RoundedUp(std::uint32_t rows) {
  return (rows + kCopyRows - 1) / kCopyRows * kCopyRows;
}

template <typename From, typename To, typename Convert>
void CopySome(const From* from, To* to, Convert convert) {
  std::array<From, kCopyRows> rows;  // the compiler cannot know that `from` and `to` differ
  std::copy_n(from, kCopyRows, rows.begin());
  for (std::size_t i = 0; i < kCopyRows; ++i) to[i] = convert(rows[i]);
}

}  // namespace

PartScan::PartScan(TimelineScan* scan, std::size_t part, const ScanCheck& check)
    : scan_(*scan),
      check_(check),
      shape_(scan->context_.shape),
      out_(scan->context_.shape),
      row_width_(out_.width(shape_)) {
  const std::uint64_t step = std::numeric_limits<std::uint64_t>::max() / scan->parts();
  first_ = step * part;
  last_ =
      part + 1 == scan->parts() ? std::numeric_limits<std::uint64_t>::max() : step * (part + 1) - 1;
  done_below_ = first_;
}

Status PartScan::Open() {
  for (const auto& segment : scan_.segments_) {
    auto cursor = std::make_unique<ScanCursor>(segment.get(), shape_, first_, last_);
    Status status = cursor->Open();
    if (status.code() == StatusCode::kDataLoss) {
      scan_.NoteDamage(status);
      continue;
    }
    if (!status.ok()) return status;
    if (cursor->at_end()) continue;
    cursors_.push_back(std::move(cursor));
  }
  taken_.resize(cursors_.size());
  return Status::Ok();
}

Status PartScan::AdvanceCursor(std::size_t cursor) {
  ScanCursor& at = *cursors_[cursor];
  at.rows().DropRuns(shape_, std::exchange(taken_[cursor], 0));
  const std::size_t before = at.rows().bytes() + scratch_.bytes();
  const bool grows = at.rows().rows() + scan_.options_.batch_rows > at.rows().time.capacity();
  if (Status status = Check(bytes_ + (grows ? 2 * at.rows().bytes() : 0)); !status.ok())
    return status;
  Status status = at.ReadNext(&scratch_, &scanned_);
  bytes_ += at.rows().bytes() + scratch_.bytes() - before;
  if (status.code() == StatusCode::kDataLoss) {
    scan_.NoteDamage(status);
    return Status::Ok();
  }
  return status;
}

Status PartScan::Advance(std::uint64_t bound) {
  for (std::size_t c = 0; c < cursors_.size(); ++c) {
    if (cursors_[c]->at_end() || cursors_[c]->complete_below() != bound) continue;
    if (Status status = AdvanceCursor(c); !status.ok()) return status;
  }
  return Status::Ok();
}

Status PartScan::Run(TimelineVisitor* visitor) {
  if (Status status = Open(); !status.ok()) return status;
  Status status = scan_.context_.plan.any_order ? TakeBlocks(visitor) : MergeUsers(visitor);
  if (status.ok()) scan_.scanned_.fetch_add(scanned_, std::memory_order_relaxed);
  return status;
}

Status PartScan::TakeBlocks(TimelineVisitor* visitor) {
  for (std::size_t c = 0; c < cursors_.size(); ++c) {
    CursorRows& rows = cursors_[c]->rows();
    while (!cursors_[c]->at_end()) {
      if (Status status = AdvanceCursor(c); !status.ok()) return status;
      const auto count = static_cast<std::uint32_t>(rows.rows());
      if (count == 0) continue;
      const std::size_t before = OutBytes();
      sorted_ = {{.cursor = static_cast<std::uint32_t>(c), .end = count}};
      Gather();
      run_ends_ = {count};
      bytes_ += OutBytes() - before;
      if (Status status = HandOut(visitor); !status.ok()) return status;
      rows.Clear(shape_);
    }
  }
  return Status::Ok();
}

Status PartScan::MergeUsers(TimelineVisitor* visitor) {
  for (std::size_t c = 0; c < cursors_.size(); ++c) {
    if (Status status = AdvanceCursor(c); !status.ok()) return status;
  }
  while (true) {
    bool all = true;
    std::uint64_t bound = std::numeric_limits<std::uint64_t>::max();
    for (const auto& cursor : cursors_) {
      if (cursor->at_end()) continue;
      all = false;
      bound = std::min(bound, cursor->complete_below());
    }
    if (Status status = HandOutBelow(bound, all, visitor); !status.ok()) return status;
    if (all) return Status::Ok();
    done_below_ = std::max(done_below_, bound);
    if (Status status = Advance(bound); !status.ok()) return status;
  }
}

// Blocks of segments that are alike end at about the same hash, so that many users become complete
// at a time. Hashes are spread evenly.
Status PartScan::HandOutBelow(std::uint64_t bound, bool all, TimelineVisitor* visitor) {
  const auto rows = static_cast<std::uint64_t>(RowsBelow(bound, all));
  const std::uint64_t slices = rows / scan_.options_.batch_rows + 1;
  const std::uint64_t end = all ? last_ : bound;
  const std::uint64_t step = end > done_below_ ? (end - done_below_) / slices : 0;
  for (std::uint64_t slice = 1; slice <= slices; ++slice) {
    const bool is_last = slice == slices;
    const std::uint64_t slice_end = is_last ? bound : done_below_ + step;
    FindPieces(slice_end, all && is_last);
    if (!pieces_.empty()) {
      if (Status status = HandOutUsers(visitor); !status.ok()) return status;
    }
    if (!is_last) done_below_ = slice_end;
  }
  return Status::Ok();
}

double PartScan::RowsBelow(std::uint64_t bound, bool all) const {
  const auto span = [&](std::uint64_t end) {
    return end > done_below_ ? static_cast<double>(end - done_below_) : 0;
  };
  double rows = 0;
  for (std::size_t c = 0; c < cursors_.size(); ++c) {
    const CursorRows& of_cursor = cursors_[c]->rows();
    if (taken_[c] == of_cursor.runs.size()) continue;
    const auto left = static_cast<double>(of_cursor.rows() - of_cursor.RunBegin(taken_[c]));
    const std::uint64_t last = of_cursor.runs.back().hash;
    rows += all || last < bound ? left : left * span(bound) / (span(last) + 1);
  }
  return rows;
}

void PartScan::FindPieces(std::uint64_t bound, bool all) {
  pieces_.clear();
  for (std::size_t c = 0; c < cursors_.size(); ++c) {
    const std::vector<CursorRows::Run>& runs = cursors_[c]->rows().runs;
    std::size_t run = taken_[c];
    std::uint32_t begin = run == 0 ? 0 : runs[run - 1].end;
    for (; run < runs.size() && (all || runs[run].hash < bound); ++run) {
      pieces_.push_back({runs[run].hash, static_cast<std::uint32_t>(c),
                         static_cast<std::uint32_t>(run), begin, runs[run].end});
      begin = runs[run].end;
    }
    taken_[c] = run;
  }
}

// By hash; pieces of one user stay in the order of their cursors.
void PartScan::SortPieces() {
  const std::size_t count = pieces_.size();
  if (pieces_.front().cursor == pieces_.back().cursor) {
    sorted_.swap(pieces_);
    return;
  }
  std::uint64_t greatest = 0;
  for (const Piece& piece : pieces_) greatest = std::max(greatest, piece.hash);
  const int range_bits = std::bit_width(greatest - done_below_);
  const int shift = std::max(0, range_bits - static_cast<int>(std::bit_width(count)));
  const auto bucket_of = [&](const Piece& piece) { return (piece.hash - done_below_) >> shift; };
  counts_.assign(((greatest - done_below_) >> shift) + 2, 0);
  for (const Piece& piece : pieces_) ++counts_[bucket_of(piece) + 1];
  for (std::size_t b = 1; b < counts_.size(); ++b) counts_[b] += counts_[b - 1];
  sorted_.resize(count);
  for (const Piece& piece : pieces_) sorted_[counts_[bucket_of(piece)]++] = piece;
  // Nearly sorted now: a bucket has two pieces or so.
  for (std::size_t i = 1; i < count; ++i) {
    const Piece piece = sorted_[i];
    std::size_t at = i;
    for (; at > 0 && sorted_[at - 1].hash > piece.hash; --at) sorted_[at] = sorted_[at - 1];
    sorted_[at] = piece;
  }
}

// Calls copy(piece, to, room) for all pieces: its rows come to `to`, and so many have room there.
// ahead(piece) is called some pieces before: the cursors' rows take more than the nearer caches
// hold.
template <typename Ahead, typename Copy>
void PartScan::ForEachPiece(Ahead ahead, Copy copy) const {
  std::size_t to = 0;
  for (std::size_t p = 0; p < sorted_.size(); ++p) {
    ahead(sorted_[std::min(p + kPrefetchPieces, sorted_.size() - 1)]);
    copy(sorted_[p], to);
    to += sorted_[p].end - sorted_[p].begin;
  }
}

// Times of the day become whole ones; matches become as wide as they are handed out.
template <typename From, typename To>
void PartScan::GatherEvents(PlainVector<From> CursorRows::*matches, PlainVector<To>* to_matches) {
  struct Source {
    const std::uint32_t* times;
    const From* matches;
    std::size_t rows;
    std::int64_t day_ms;
  };
  std::vector<Source> sources;
  for (const auto& cursor : cursors_) {
    const CursorRows& rows = cursor->rows();
    sources.push_back({rows.time.data(), (rows.*matches).data(), rows.rows(), cursor->day_ms()});
  }
  const auto ahead = [&](const Piece& piece) {
    const Source& source = sources[piece.cursor];
    __builtin_prefetch(source.times + piece.begin);
    __builtin_prefetch(source.matches + piece.begin);
  };
  const std::size_t total = out_.time_ms.size();
  std::int64_t* const all_times = out_.time_ms.data();
  To* const all_matches = to_matches->data();
  ForEachPiece(ahead, [&](const Piece& piece, std::size_t to) {
    const Source source = sources[piece.cursor];
    const std::uint32_t count = piece.end - piece.begin;
    const std::uint32_t rounded = RoundedUp(count);
    const bool has_room = piece.begin + rounded <= source.rows && rounded <= total - to;
    const std::uint32_t* const times = source.times + piece.begin;
    const From* const selected = source.matches + piece.begin;
    const auto time_of = [&](std::uint32_t time) { return source.day_ms + time; };
    const auto match_of = [](From match) { return static_cast<To>(match); };
    if (!has_room) {
      std::transform(times, times + count, all_times + to, time_of);
      std::transform(selected, selected + count, all_matches + to, match_of);
      return;
    }
    // One loop for both: how often it turns cannot be foreseen.
    for (std::uint32_t i = 0; i < count; i += kCopyRows) {
      CopySome(times + i, all_times + to + i, time_of);
      CopySome(selected + i, all_matches + to + i, match_of);
    }
  });
}

// Puts the pieces' rows of a column of the cursors side by side.
template <typename ColumnOf, typename Column>
void PartScan::GatherColumn(ColumnOf column_of, Column* column) {
  using Value = typename Column::value_type;
  std::vector<std::span<const Value>> sources;
  sources.reserve(cursors_.size());
  for (const auto& cursor : cursors_) sources.emplace_back(column_of(cursor->rows()));
  const auto ahead = [&](const Piece& piece) {
    __builtin_prefetch(sources[piece.cursor].data() + piece.begin);
  };
  const std::size_t total = column->size();
  Value* const all = column->data();
  ForEachPiece(ahead, [&](const Piece& piece, std::size_t to) {
    const std::span<const Value> source = sources[piece.cursor];
    const std::uint32_t count = piece.end - piece.begin;
    const std::uint32_t rounded = RoundedUp(count);
    const bool has_room = piece.begin + rounded <= source.size() && rounded <= total - to;
    const Value* const from = source.data() + piece.begin;
    if (!has_room) {
      std::copy_n(from, count, all + to);
      return;
    }
    for (std::uint32_t i = 0; i < count; i += kCopyRows) {
      CopySome(from + i, all + to + i, [](Value value) { return value; });
    }
  });
}

void PartScan::Gather() {
  std::size_t total = 0;
  for (const Piece& piece : sorted_) total += piece.end - piece.begin;
  out_.ForEachColumn(shape_, [&](auto& column) { column.resize(total); });
  if (shape_.hands_out_narrow) {
    GatherEvents(&CursorRows::narrow_matches, &out_.narrow_matches);
  } else if (shape_.narrow_matches) {
    GatherEvents(&CursorRows::narrow_matches, &out_.matches);
  } else {
    GatherEvents(&CursorRows::matches, &out_.matches);
  }
  ScanColumns::ForEach(shape_, [&](auto get) { GatherColumn(get, &get(out_)); });
  if (shape_.late_texts) PlaceLateTexts();
}

void PartScan::PlaceLateTexts() {
  late_pieces_.clear();
  late_texts_.columns.resize(shape_.texts);
  for (std::size_t slot = 0; slot < shape_.texts; ++slot) {
    late_texts_.columns[slot].clear();
    for (const auto& cursor : cursors_) {
      late_texts_.columns[slot].push_back(
          {cursor->rows().late_texts[slot].data(), cursor->segment().TextCodes(slot).data()});
    }
  }
  std::uint32_t row = 0;
  for (const Piece& piece : sorted_) {
    const std::uint32_t end = row + piece.end - piece.begin;
    late_pieces_.push_back({row, end, piece.cursor, piece.begin});
    row = end;
  }
  late_texts_.pieces = late_pieces_;
}

void PartScan::LookUpTexts() {
  if (late_texts_.pieces.empty()) return;
  for (std::size_t slot = 0; slot < shape_.texts; ++slot) {
    PlainVector<std::uint32_t>& texts = out_.texts[slot];
    texts.clear();
    for (const LateTexts::Piece& piece : late_texts_.pieces) {
      const LateTexts::Column& column = late_texts_.columns[slot][piece.source];
      const std::uint16_t* const codes = column.codes + piece.first;
      for (std::uint32_t i = 0; i < piece.end - piece.begin; ++i) {
        texts.push_back(column.values[codes[i]]);
      }
    }
  }
  late_texts_.pieces = {};
}

void PartScan::EndRuns() {
  run_ends_.clear();
  user_ids_.clear();
  std::uint32_t row = 0;
  for (std::size_t i = 0; i < sorted_.size();) {
    const std::uint64_t hash = sorted_[i].hash;
    const std::uint32_t begin = row;
    if (shape_.user_ids) {
      user_ids_.push_back(cursors_[sorted_[i].cursor]->rows().UserId(sorted_[i].run));
    }
    bool in_order = true;
    for (; i < sorted_.size() && sorted_[i].hash == hash; ++i) {
      if (row != begin) {
        const std::int64_t before = out_.time_ms[row - 1];
        in_order &=
            before < out_.time_ms[row] || (before == out_.time_ms[row] && !shape_.sequences);
      }
      row += sorted_[i].end - sorted_[i].begin;
    }
    run_ends_.push_back(row);
    if (in_order) continue;
    if (shape_.late_texts) LookUpTexts();
    SortRows(begin, row);
  }
}

// Without sequences, segments follow each other in the log as their cursors do.
void PartScan::SortRows(std::uint32_t begin, std::uint32_t end) {
  order_.resize(end - begin);
  for (std::uint32_t i = 0; i < order_.size(); ++i) order_[i] = begin + i;
  std::stable_sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (out_.time_ms[a] != out_.time_ms[b]) return out_.time_ms[a] < out_.time_ms[b];
    return shape_.sequences && out_.sequence[a] < out_.sequence[b];
  });
  Permute(begin);
}

void PartScan::Permute(std::uint32_t begin) {
  const auto permute = [&](auto& column) {
    std::remove_reference_t<decltype(column)> moved(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) moved[i] = column[order_[i]];
    std::copy(moved.begin(), moved.end(), column.begin() + begin);
  };
  out_.ForEachColumn(shape_, permute);
  if (shape_.late_texts) std::for_each(out_.texts.begin(), out_.texts.end(), permute);
}

void PartScan::SortClients() {
  std::uint32_t row = 0;
  for (const std::uint32_t end : run_ends_) {
    while (row < end) {
      const std::uint32_t begin = row;
      std::size_t known = 0;
      for (; row < end && out_.time_ms[row] == out_.time_ms[begin]; ++row) {
        known += out_.tab[row] != 0 ? 1 : 0;
      }
      if (known < 2) continue;
      places_.clear();
      for (std::uint32_t r = begin; r < row; ++r) places_.push_back({r, out_.tab[r], out_.seq[r]});
      SortByClient(places_);
      order_.clear();
      for (const ClientPlace& place : places_) order_.push_back(place.row);
      Permute(begin);
    }
  }
}

void PartScan::DropHidden() {
  order_.clear();
  std::size_t users = 0;
  std::uint32_t row = 0;
  for (std::size_t run = 0; run < run_ends_.size(); ++run) {
    const std::size_t before = order_.size();
    for (; row < run_ends_[run]; ++row) {
      if (out_.hidden[row] == 0) order_.push_back(row);
    }
    if (order_.size() == before) continue;
    run_ends_[users] = static_cast<std::uint32_t>(order_.size());
    if (shape_.user_ids) user_ids_[users] = user_ids_[run];
    ++users;
  }
  run_ends_.resize(users);
  if (shape_.user_ids) user_ids_.resize(users);
  if (order_.size() == out_.rows()) return;
  out_.ForEachColumn(shape_, [&](auto& column) {
    for (std::size_t i = 0; i < order_.size(); ++i) column[i] = column[order_[i]];
    column.resize(order_.size());
  });
}

Status PartScan::CheckRoom() const {
  std::size_t rows = 0;
  for (const Piece& piece : pieces_) rows += piece.end - piece.begin;
  if (rows <= 4 * scan_.options_.batch_rows) return Status::Ok();
  // Beside the rows, what it takes to put them in order.
  constexpr std::size_t kOrderBytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);
  return Check(bytes_ + rows * (row_width_ + kOrderBytes));
}

Status PartScan::HandOutUsers(TimelineVisitor* visitor) {
  if (Status status = CheckRoom(); !status.ok()) return status;
  const std::size_t before = OutBytes();
  SortPieces();
  Gather();
  EndRuns();
  bytes_ += OutBytes() - before;
  if (shape_.client_order) {
    SortClients();
    DropHidden();
    if (run_ends_.empty()) return Status::Ok();
  }
  return HandOut(visitor);
}

Status PartScan::HandOut(TimelineVisitor* visitor) {
  Timelines timelines;
  timelines.run_ends = run_ends_;
  timelines.time_ms = out_.time_ms;
  timelines.matches = out_.matches;
  timelines.more_matches = out_.more_matches;
  timelines.narrow_matches = out_.narrow_matches;
  if (late_texts_.pieces.empty()) {
    for (const auto& column : out_.texts) timelines.texts.emplace_back(column);
  }
  timelines.late_texts = late_texts_;
  for (const auto& column : out_.identities) timelines.identities.emplace_back(column);
  for (const auto& column : out_.numbers) timelines.numbers.emplace_back(column);
  timelines.user_ids = user_ids_;
  return visitor->Visit(timelines);
}

std::size_t PartScan::OutBytes() const {
  return out_.bytes() + CapacityBytes(pieces_) + CapacityBytes(sorted_) + CapacityBytes(counts_) +
         CapacityBytes(late_pieces_) + CapacityBytes(run_ends_) + CapacityBytes(user_ids_) +
         CapacityBytes(order_);
}

}  // namespace v1
}  // namespace insightflow
