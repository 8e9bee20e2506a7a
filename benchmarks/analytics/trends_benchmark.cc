// Rows a second of the analyses that count, over timelines that stand ready in memory: what they
// take beside the scan. Each result is compared with a naive walk over the same rows first.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/common/generator.h"
#include "lib/analytics/analysis.h"

namespace insightflow {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::size_t kBatchRows = 16'384;
constexpr const char* kTypes[] = {"view", "click", "scroll", "form", "purchase"};

// Columns of all rows by user and time, and the batches that a scan would hand out.
struct Rows {
  std::vector<std::uint32_t> users;
  std::vector<std::int64_t> times;
  std::vector<std::uint8_t> kinds;
  std::vector<std::uint32_t> pages;
  // As a plan asks for them.
  std::vector<std::uint64_t> matches;
  std::vector<std::uint32_t> texts;
  std::vector<std::vector<std::uint32_t>> run_ends;
  std::vector<std::size_t> begins;
};

// The benchmark generator's events at one a second, about 100 a user.
Rows MakeRows(std::size_t count) {
  benchmarks::GeneratorOptions options;
  options.users = static_cast<std::uint32_t>(count / 100 + 1);
  options.start_ms = 1'700'006'400'000;  // a midnight
  options.events_per_second = 1;
  benchmarks::Generator generator(options);
  std::vector<benchmarks::GeneratedEvent> events;
  for (std::size_t i = 0; i < count; ++i) events.push_back(generator.Next());
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.user < b.user; });
  Rows rows;
  for (const benchmarks::GeneratedEvent& event : events) {
    if (!rows.users.empty() && rows.users.back() != event.user) {
      const std::size_t begin = rows.begins.empty() ? 0 : rows.begins.back();
      const auto end = static_cast<std::uint32_t>(rows.users.size() - begin);
      if (rows.begins.empty()) rows.begins.push_back(0), rows.run_ends.emplace_back();
      rows.run_ends.back().push_back(end);
      if (end >= kBatchRows) {
        rows.begins.push_back(rows.users.size());
        rows.run_ends.emplace_back();
      }
    }
    rows.users.push_back(event.user);
    rows.times.push_back(event.time_ms);
    rows.kinds.push_back(static_cast<std::uint8_t>(event.kind));
    rows.pages.push_back(event.page);
  }
  rows.run_ends.back().push_back(
      static_cast<std::uint32_t>(rows.users.size() - rows.begins.back()));
  return rows;
}

Status Feed(const Rows& rows, const ScanPlan& plan, TimelineVisitor* visitor) {
  for (std::size_t b = 0; b < rows.begins.size(); ++b) {
    const std::size_t begin = rows.begins[b], size = rows.run_ends[b].back();
    Timelines timelines;
    timelines.run_ends = rows.run_ends[b];
    timelines.time_ms = {rows.times.data() + begin, size};
    timelines.matches = {rows.matches.data() + begin, size};
    for (std::size_t t = 0; t < plan.texts.size(); ++t) {
      timelines.texts.emplace_back(rows.texts.data() + begin, size);
    }
    if (Status status = visitor->Visit(timelines); !status.ok()) return status;
  }
  return Status::Ok();
}

// The plan's selectors and its one text.
Rows ForPlan(Rows rows, const ScanPlan& plan, ValueTable* values) {
  std::uint64_t of_kind[5] = {};
  std::uint32_t code_of_kind[5] = {};
  for (std::size_t kind = 0; kind < 5; ++kind) {
    code_of_kind[kind] = values->Intern(kTypes[kind]);
    for (std::size_t s = 0; s < plan.selectors.size(); ++s) {
      const auto& types = plan.selectors[s].types;
      if (types.empty() || types[0] == kTypes[kind]) of_kind[kind] |= std::uint64_t{1} << s;
    }
  }
  std::vector<std::uint32_t> code_of_page;
  for (std::uint32_t page = 0; page < 5'000; ++page) {
    code_of_page.push_back(values->Intern("/page/" + std::to_string(page)));
  }
  const bool by_type = !plan.texts.empty() && FieldRefName(plan.texts[0]) == "event_type";
  for (std::size_t row = 0; row < rows.users.size(); ++row) {
    rows.matches.push_back(of_kind[rows.kinds[row]]);
    if (plan.texts.empty()) continue;
    rows.texts.push_back(by_type ? code_of_kind[rows.kinds[row]] : code_of_page[rows.pages[row]]);
  }
  return rows;
}

using Key = std::pair<std::int64_t, std::string>;  // an interval's begin and a value

std::map<Key, double> NaiveTrends(const Rows& rows, Interval interval, bool users) {
  const std::int64_t unit = interval == Interval::kHour ? kHourMs : kDayMs;
  std::map<Key, std::pair<std::uint64_t, std::set<std::uint32_t>>> cells;
  for (std::size_t row = 0; row < rows.users.size(); ++row) {
    auto& cell = cells[{rows.times[row] / unit * unit, kTypes[rows.kinds[row]]}];
    ++cell.first;
    if (users) cell.second.insert(rows.users[row]);
  }
  std::map<Key, double> counts;
  for (const auto& [key, cell] : cells) {
    counts[key] = static_cast<double>(users ? cell.second.size() : cell.first);
  }
  return counts;
}

std::map<Key, double> PointsOf(const TrendsAnswer& answer) {
  std::map<Key, double> points;
  for (const TrendSeriesAnswer& series : answer.series) {
    for (const TrendPoint& point : series.line.points) {
      if (*point.value == 0) continue;
      points[{ToMillis(point.time), series.has_breakdown ? *series.breakdown : series.name}] =
          *point.value;
    }
  }
  return points;
}

Result<AnswerBody> Answer(const Analysis& analysis, const Rows& rows, const ValueTable& values) {
  const auto state = analysis.NewState(&values);
  if (Status status = Feed(rows, analysis.plan(), state.get()); !status.ok()) return status;
  ScanEnd end;
  end.data_begin_ms = *std::min_element(rows.times.begin(), rows.times.end());
  end.data_end_ms = *std::max_element(rows.times.begin(), rows.times.end());
  bool exact = true;
  return analysis.Finish(state.get(), end, &exact);
}

// A question with its rows and its answer.
struct Case {
  Case(const Query& query, std::size_t count)
      : analysis(*CreateAnalysis(query)),
        rows(ForPlan(MakeRows(count), analysis->plan(), &values)),
        answer(Answer(*analysis, rows, values)) {}

  ValueTable values;
  std::unique_ptr<Analysis> analysis;
  Rows rows;
  Result<AnswerBody> answer;
  bool is_right = false;
};

// Asks once a benchmark, however often that is run, and times the counting when the answer is that
// of the naive walk.
template <typename Check>
void Run(benchmark::State& state, const std::string& name, const Query& query, Check check) {
  static std::map<std::string, std::unique_ptr<Case>> cases;
  const auto count = static_cast<std::size_t>(state.range(0));
  auto& one = cases[name + std::to_string(count)];
  if (!one) {
    one = std::make_unique<Case>(query, count);
    one->is_right = one->answer.ok() && check(one->rows, *one->answer);
  }
  if (!one->is_right) {
    state.SkipWithError("the answer is not that of the naive walk");
    return;
  }
  for (auto _ : state) {
    const auto counted = one->analysis->NewState(&one->values);
    if (!Feed(one->rows, one->analysis->plan(), counted.get()).ok()) {
      state.SkipWithError("no answer");
      return;
    }
    benchmark::DoNotOptimize(counted->bytes(0));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

void Trends(benchmark::State& state, const std::string& name, Interval interval, Measure measure,
            bool breakdown) {
  TrendsQuery query;
  query.interval = interval;
  if (breakdown) {
    query.series.push_back({{}, measure, {}});
    query.breakdown = Breakdown{"event_type", std::nullopt};
  } else {
    for (const char* type : kTypes) query.series.push_back({{.types = {type}}, measure, {}});
  }
  Run(state, name, query, [&](const Rows& rows, const AnswerBody& answer) {
    return PointsOf(std::get<TrendsAnswer>(answer)) ==
           NaiveTrends(rows, interval, measure == Measure::kUsers);
  });
}

void BM_CountByDayAndType(benchmark::State& state) {
  Trends(state, "count by type", Interval::kDay, Measure::kCount, true);
}
void BM_CountByDayOfFiveTypes(benchmark::State& state) {
  Trends(state, "count", Interval::kDay, Measure::kCount, false);
}
void BM_UsersByHourAndType(benchmark::State& state) {
  Trends(state, "users by type", Interval::kHour, Measure::kUsers, true);
}
void BM_UsersByHourOfFiveTypes(benchmark::State& state) {
  Trends(state, "users", Interval::kHour, Measure::kUsers, false);
}

std::map<std::string, std::uint64_t> NaiveTop(const Rows& rows, bool users) {
  std::map<std::uint32_t, std::uint64_t> counts;
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (std::size_t row = 0; row < rows.users.size(); ++row) {
    counts[rows.pages[row]] += !users || seen.insert({rows.users[row], rows.pages[row]}).second;
  }
  std::map<std::string, std::uint64_t> named;
  for (const auto& [page, count] : counts) named["/page/" + std::to_string(page)] = count;
  return named;
}

void Top(benchmark::State& state, const std::string& name, Measure measure) {
  TopQuery query;
  query.measure = measure;
  query.scope.limit = 10'000;
  Run(state, name, query, [&](const Rows& rows, const AnswerBody& answer) {
    std::map<std::string, std::uint64_t> shown;
    for (const TopRow& row : std::get<TopAnswer>(answer).rows) shown[row.value] = row.count;
    return shown == NaiveTop(rows, measure == Measure::kUsers);
  });
}

void BM_TopPages(benchmark::State& state) { Top(state, "top", Measure::kCount); }
void BM_TopPagesByUsers(benchmark::State& state) { Top(state, "top by users", Measure::kUsers); }

void BM_LifecycleByDay(benchmark::State& state) {
  LifecycleQuery query;
  query.interval = Interval::kDay;
  Run(state, "lifecycle", query, [](const Rows& rows, const AnswerBody& answer) {
    std::map<std::uint32_t, std::int64_t> first;
    for (std::size_t row = 0; row < rows.users.size(); ++row) {
      first.try_emplace(rows.users[row], rows.times[row] / kDayMs * kDayMs);
    }
    std::map<std::int64_t, std::uint64_t> new_users, shown;
    for (const auto& [user, day] : first) ++new_users[day];
    for (const LifecyclePeriod& period : std::get<LifecycleAnswer>(answer).periods) {
      if (period.new_users != 0) shown[ToMillis(period.time)] = period.new_users;
    }
    return shown == new_users;
  });
}

BENCHMARK(BM_CountByDayAndType)->Arg(20'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_CountByDayOfFiveTypes)->Arg(20'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_UsersByHourAndType)->Arg(20'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_UsersByHourOfFiveTypes)->Arg(20'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TopPages)->Arg(20'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TopPagesByUsers)->Arg(20'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_LifecycleByDay)->Arg(20'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
