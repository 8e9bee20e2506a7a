#include "lib/model/memory_timelines.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "lib/model/event_rows.h"

namespace insightflow {
inline namespace v1 {
namespace {

bool HoldsAll(const EventBatch& events, std::size_t row, const std::vector<Predicate>& predicates) {
  std::string scratch;
  return std::all_of(predicates.begin(), predicates.end(), [&](const Predicate& predicate) {
    return predicate.Matches(ValueOf(events, row, predicate.field(), &scratch));
  });
}

bool Selects(const EventBatch& events, std::size_t row, const ScanSelector& selector) {
  const std::string_view type = events.Text(Field::kEventType, row);
  const auto& types = selector.types;
  return (types.empty() || std::binary_search(types.begin(), types.end(), type, std::less<>())) &&
         HoldsAll(events, row, selector.predicates);
}

class Builder {
 public:
  Builder(const EventBatch& events, const ScanPlan& plan, ValueTable* values)
      : events_(events),
        plan_(plan),
        values_(values),
        texts_(plan.texts.size()),
        identities_(plan.identities.size()),
        numbers_(plan.numbers.size()) {}

  std::vector<std::uint32_t> SortedRows() const;
  void Add(std::uint32_t row);
  Status HandOut(TimelineVisitor* visitor);
  std::size_t rows() const { return time_ms_.size(); }
  bool IsSameUser(std::uint32_t a, std::uint32_t b) const {
    return events_.Text(Field::kUserId, a) == events_.Text(Field::kUserId, b);
  }

 private:
  void SortTies(std::vector<std::uint32_t>* rows) const;

  const EventBatch& events_;
  const ScanPlan& plan_;
  ValueTable* const values_;
  std::uint32_t last_row_ = 0;
  std::vector<std::uint32_t> run_ends_;
  std::vector<std::int64_t> time_ms_;
  std::vector<std::uint64_t> matches_;
  std::vector<std::uint64_t> more_matches_;
  std::vector<std::vector<std::uint32_t>> texts_;
  std::vector<std::vector<std::uint64_t>> identities_;
  std::vector<std::vector<double>> numbers_;
  std::vector<std::string_view> user_ids_;
};

// By user, time and place in the log; then clients' order among equal times, before anything is
// left out. As they stand in the log, if any order will do.
std::vector<std::uint32_t> Builder::SortedRows() const {
  std::vector<std::uint32_t> rows(events_.rows);
  for (std::uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
  if (plan_.any_order) return rows;
  std::stable_sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = events_.Text(Field::kUserId, a).compare(events_.Text(Field::kUserId, b));
    return order != 0 ? order < 0 : events_.time_ms[a] < events_.time_ms[b];
  });
  if (plan_.needs_client_order) SortTies(&rows);
  return rows;
}

void Builder::SortTies(std::vector<std::uint32_t>* rows) const {
  std::vector<ClientPlace> places;
  for (std::size_t begin = 0, end = 0; begin < rows->size(); begin = end) {
    places.clear();
    for (; end < rows->size(); ++end) {
      const std::uint32_t row = (*rows)[end];
      if (!IsSameUser(row, (*rows)[begin])) break;
      if (events_.time_ms[row] != events_.time_ms[(*rows)[begin]]) break;
      const std::string_view tab = events_.Text(Field::kTabId, row);
      const bool known = !tab.empty() && (events_.flags[row] & kHasClientSeq) != 0;
      places.push_back({row, known ? IdentityHash(tab) : 0, known ? events_.client_seq[row] : 0});
    }
    SortByClient(places);
    for (std::size_t i = 0; i < places.size(); ++i) (*rows)[begin + i] = places[i].row;
  }
}

void Builder::Add(std::uint32_t row) {
  std::uint64_t matches[2] = {0, 0};
  for (std::size_t s = 0; s < plan_.selectors.size(); ++s) {
    if (Selects(events_, row, plan_.selectors[s])) matches[s / 64] |= std::uint64_t{1} << s % 64;
  }
  if (plan_.only_matches && (matches[0] | matches[1]) == 0) return;
  if (time_ms_.empty() || !(plan_.any_order || IsSameUser(last_row_, row))) {
    if (!time_ms_.empty()) run_ends_.push_back(static_cast<std::uint32_t>(rows()));
    if (plan_.needs_user_ids) user_ids_.push_back(events_.Text(Field::kUserId, row));
  }
  last_row_ = row;
  time_ms_.push_back(events_.time_ms[row]);
  matches_.push_back(matches[0]);
  if (plan_.selectors.size() > 64) more_matches_.push_back(matches[1]);
  std::string scratch;
  for (std::size_t s = 0; s < texts_.size(); ++s) {
    const EventValue value = ValueOf(events_, row, plan_.texts[s], &scratch);
    texts_[s].push_back(values_->Intern(SpelledValue(value, &scratch)));
  }
  for (std::size_t s = 0; s < identities_.size(); ++s) {
    const EventValue value = ValueOf(events_, row, plan_.identities[s], &scratch);
    const std::string_view text = SpelledValue(value, &scratch);
    identities_[s].push_back(IdentityHash(text));
  }
  for (std::size_t s = 0; s < numbers_.size(); ++s) {
    const EventValue value = ValueOf(events_, row, plan_.numbers[s], &scratch);
    numbers_[s].push_back(value.is_number() ? value.real
                                            : std::numeric_limits<double>::quiet_NaN());
  }
}

Status Builder::HandOut(TimelineVisitor* visitor) {
  if (time_ms_.empty()) return Status::Ok();
  run_ends_.push_back(static_cast<std::uint32_t>(rows()));
  Timelines timelines;
  timelines.run_ends = run_ends_;
  timelines.time_ms = time_ms_;
  timelines.matches = matches_;
  timelines.more_matches = more_matches_;
  for (auto& column : texts_) timelines.texts.emplace_back(column);
  for (auto& column : identities_) timelines.identities.emplace_back(column);
  for (auto& column : numbers_) timelines.numbers.emplace_back(column);
  timelines.user_ids = user_ids_;
  Status status = visitor->Visit(timelines);
  run_ends_.clear();
  time_ms_.clear();
  matches_.clear();
  more_matches_.clear();
  for (auto& column : texts_) column.clear();
  for (auto& column : identities_) column.clear();
  for (auto& column : numbers_) column.clear();
  user_ids_.clear();
  return status;
}

constexpr std::size_t kFewPlaces = 32;

// Each tab's rows, sorted, into the places that they have.
void SortManyByClient(std::span<ClientPlace> rows) {
  std::vector<std::uint32_t> places;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (rows[i].tab != 0) places.push_back(i);
  }
  std::stable_sort(places.begin(), places.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return rows[a].tab < rows[b].tab; });
  std::vector<ClientPlace> sorted;
  sorted.reserve(places.size());
  for (const std::uint32_t place : places) sorted.push_back(rows[place]);
  std::stable_sort(sorted.begin(), sorted.end(), [](const ClientPlace& a, const ClientPlace& b) {
    return a.tab != b.tab ? a.tab < b.tab : a.seq < b.seq;
  });
  for (std::size_t i = 0; i < places.size(); ++i) rows[places[i]] = sorted[i];
}

}  // namespace

void SortByClient(std::span<ClientPlace> rows) {
  if (rows.size() > kFewPlaces) return SortManyByClient(rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].tab == 0) continue;
    // The least seq of the tab from here on comes here; of equal ones the first in the log.
    std::size_t least = i;
    for (std::size_t j = i + 1; j < rows.size(); ++j) {
      if (rows[j].tab == rows[i].tab && rows[j].seq < rows[least].seq) least = j;
    }
    const ClientPlace first = rows[least];
    for (std::size_t j = least; j > i; --j) {
      if (rows[j].tab != first.tab) continue;
      // The nearest place of the tab before j.
      std::size_t before = j - 1;
      while (rows[before].tab != first.tab) --before;
      rows[j] = rows[before];
    }
    rows[i] = first;
  }
}

Status VisitTimelines(const EventBatch& events, const ScanPlan& plan, ValueTable* values,
                      std::size_t rows_max, TimelineVisitor* visitor) {
  Builder builder(events, plan, values);
  const std::vector<std::uint32_t> rows = builder.SortedRows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (builder.rows() >= rows_max && !builder.IsSameUser(rows[i - 1], rows[i])) {
      if (Status status = builder.HandOut(visitor); !status.ok()) return status;
    }
    const std::int64_t time = events.time_ms[rows[i]];
    if (time < plan.from_ms || time >= plan.to_ms) continue;
    if (HoldsAll(events, rows[i], plan.filters)) builder.Add(rows[i]);
  }
  return builder.HandOut(visitor);
}

}  // namespace v1
}  // namespace insightflow
