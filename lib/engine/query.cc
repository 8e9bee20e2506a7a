// What is stored where, at one moment; and Engine::Query, which hands it to the runner.

#include <algorithm>
#include <utility>

#include "lib/engine/engine_impl.h"
#include "lib/engine/query_runner.h"

namespace insightflow {
inline namespace v1 {

Result<Engine::Impl::StoredRows> Engine::Impl::Rows() const {
  return WithLog([&](EventLog& log) { return RowsOf(log); });
}

Result<Engine::Impl::StoredRows> Engine::Impl::RowsOf(const EventLog& log) const {
  // First how far the events are visible, then what is folded: a fold in between moves rows from
  // the tail to the segments.
  const std::uint64_t last = live().applied_sequence();
  const std::uint64_t folded = 0;
  Result<TailSegments::Tail> tail = tail_->Get(log, folded, std::max(last, folded));
  if (!tail.ok()) return tail.status();
  return StoredRows{std::move(tail->inputs), tail->last};
}

Result<Answer> Engine::Impl::Query(const insightflow::Query& query, const QueryOptions& options) {
  return WithLog([&](EventLog& log) -> Result<Answer> {
    Result<StoredRows> rows = RowsOf(log);
    if (!rows.ok()) return rows.status();
    Result<Answer> answer = RunQuery(query, options, std::move(rows->inputs), NowMs());
    if (answer.ok()) answer->meta.as_of_sequence = rows->last;
    return answer;
  });
}

Result<Answer> Engine::Query(const insightflow::Query& query, const QueryOptions& options) const {
  return impl_->Query(query, options);
}

}  // namespace v1
}  // namespace insightflow
