// What is stored where, at one moment; and Engine::Query, which hands it to the runner.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "lib/engine/engine_impl.h"
#include "lib/engine/query_runner.h"

namespace insightflow {
inline namespace v1 {
namespace {

// More rows than these are folded before a query reads them: as segments in memory they would take
// some 100 MiB and be made anew for every engine.
constexpr std::uint64_t kTailRowsMax = 2'000'000;

}  // namespace

bool Engine::Impl::FoldedAlmostAll() const {
  return live().applied_sequence() <= segments().Snapshot()->folded_sequence + kTailRowsMax;
}

Status Engine::Impl::FoldLongTail() const {
  const Result<bool> is_long =
      WithLog([this](EventLog&) -> Result<bool> { return !FoldedAlmostAll(); });
  if (!is_long.ok()) return is_long.status();
  if (!*is_long) return Status::Ok();
  Status status = folder().Fold();
  if (status.code() != StatusCode::kDataLoss) return status;
  // A damaged segment keeps no row of the log from being folded, damage in the log does.
  return FoldedAlmostAll() ? Status::Ok() : status;
}

Result<Engine::Impl::StoredRows> Engine::Impl::Rows() const {
  if (Status status = FoldLongTail(); !status.ok()) return status;
  return WithLog([&](EventLog& log) { return RowsOf(log); });
}

Result<Engine::Impl::StoredRows> Engine::Impl::RowsOf(const EventLog& log) const {
  // First how far the events are visible, then what is folded: a fold in between moves rows from
  // the tail to the segments.
  const std::uint64_t last = live().applied_sequence();
  auto snapshot = segments().Snapshot();
  std::uint64_t folded = snapshot->folded_sequence;
  Result<TailSegments::Tail> tail = tail_->Get(log, folded, std::max(last, folded));
  while (!tail.ok() && log.begin() > folded + 1) {  // folded and trimmed meanwhile
    snapshot = segments().Snapshot();
    folded = snapshot->folded_sequence;
    tail = tail_->Get(log, folded, std::max(last, folded));
  }
  if (!tail.ok()) return tail.status();
  StoredRows rows{std::move(tail->inputs), tail->last};
  for (const auto& segment : snapshot->segments) {
    const StoredSegment* const raw = segment.get();
    rows.inputs.push_back({segment, &raw->reader(), [raw] { return raw->NewSource(); }});
  }
  rows.unreadable = snapshot->unreadable;
  if (options_.retention_days != 0) {
    const std::uint32_t first_day = FirstDay();
    std::erase_if(rows.inputs, [first_day](const ScanInput& input) {
      return input.reader->meta().key.day < first_day;
    });
    std::erase_if(rows.unreadable, [first_day](const UnreadableSegment& segment) {
      return segment.entry.key.day < first_day;
    });
  }
  if (!snapshot->erased->empty()) {
    for (ScanInput& input : rows.inputs) input.erased = snapshot->erased;
  }
  return rows;
}

Result<Answer> Engine::Impl::Query(const insightflow::Query& query, const QueryOptions& options) {
  if (Status status = FoldLongTail(); !status.ok()) return status;
  return WithLog([&](EventLog& log) -> Result<Answer> {
    const auto together = segments().DropTogether();  // what was merged or expired meanwhile
    Result<StoredRows> rows = RowsOf(log);
    if (!rows.ok()) return rows.status();
    Result<Answer> answer = RunQuery(query, options, tuning_.query_ended, std::move(rows->inputs),
                                     rows->unreadable, NowMs());
    if (answer.ok()) answer->meta.as_of_sequence = rows->last;
    return answer;
  });
}

Result<Answer> Engine::Query(const insightflow::Query& query, const QueryOptions& options) const {
  return impl_->Query(query, options);
}

}  // namespace v1
}  // namespace insightflow
