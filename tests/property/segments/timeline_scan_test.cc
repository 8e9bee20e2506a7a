// A scan of segments hands out what an evaluation of the plain events does, whatever the segments,
// their blocks, the parts of the scan and the plan.
//
// INSIGHTFLOW_SEED and INSIGHTFLOW_CASES say which random cases are run, and how many.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"
#include "lib/segments/memory_segment.h"
#include "lib/segments/timeline_scan.h"
#include "tests/reference/timeline_text.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::RandomSeed;
using testing::TimelineText;

constexpr std::uint64_t kHashSeed = 5;
constexpr std::int64_t kFirstDayMs = 20'000 * kDayMs;

struct Segment {
  MemorySegment chunks;
  std::unique_ptr<SegmentReader> reader;
};

class Case {
 public:
  explicit Case(std::uint64_t seed) : random_(seed) {}

  std::vector<Event> MakeEvents() {
    std::vector<Event> events(Below(200));
    const std::uint64_t users = 1 + Below(12);
    const std::uint64_t days = 1 + Below(4);
    const std::uint64_t times = Chance(50) ? 5 : 86'400'000;
    for (Event& event : events) {
      event.user_id = "u" + std::to_string(Below(users));
      event.event_type = Pick({"view", "click", "purchase", "error"});
      event.timestamp = FromMillis(kFirstDayMs + static_cast<std::int64_t>(Below(days)) * kDayMs +
                                   static_cast<std::int64_t>(Below(times)));
      if (Chance(70)) event.page_url = "/" + std::to_string(Below(4));
      if (Chance(60)) event.session_id = "s" + std::to_string(Below(6));
      if (Chance(30)) event.element = Pick({"add_cart", "buy", "menu"});
      if (Chance(seq_percent_)) event.seq = Below(6);
      if (Chance(seq_percent_)) event.tab_id = Pick({"t1", "t2"});
      if (Chance(40)) event.position_x = static_cast<std::int32_t>(Below(4));
      if (Chance(50))
        event.extra_data =
            Pick({R"({"n":1})", R"({"n":2.5,"t":{"a":"x"}})", R"({"t":{"a":"y\u0041"}})",
                  R"({"n":"1"})", R"({"n":null,"b":true})"});
    }
    return events;
  }

  ScanPlan MakePlan() {
    ScanPlan plan;
    plan.only_matches = Chance(50);
    plan.takes_narrow_matches = Chance(50);
    plan.any_order = Chance(20);
    plan.needs_user_ids = !plan.any_order;
    plan.needs_client_order = !plan.any_order && Chance(50);
    plan.takes_codes = Chance(25);
    plan.takes_late_texts = Chance(50);
    if (Chance(30)) plan.from_ms = kFirstDayMs + static_cast<std::int64_t>(Below(2 * kDayMs));
    if (Chance(30)) plan.to_ms = kFirstDayMs + static_cast<std::int64_t>(Below(4 * kDayMs));
    const std::uint64_t selectors = Chance(10) ? 60 + Below(60) : Below(5);
    for (std::uint64_t s = 0; s < selectors; ++s) {
      EventSelector selector;
      if (plan.takes_codes) {
        selector.types = {s == 0               ? "click"
                          : s + 1 == selectors ? "purchase"
                          : s == 7             ? "view"
                                               : "t" + std::to_string(s)};
      } else {
        if (Chance(70)) selector.types = {Pick({"view", "click", "purchase", "other"})};
        if (Chance(20)) selector.types.emplace_back("view");
      }
      while (Chance(40)) selector.filters.push_back(MakeFilter());
      EXPECT_TRUE(plan.AddSelector(selector).ok());
    }
    QueryScope scope;
    while (Chance(25)) scope.filters.push_back(MakeFilter());
    EXPECT_TRUE(plan.SetScope(scope).ok());
    while (Chance(40)) {
      const bool of_some = Chance(40) && !plan.selectors.empty();
      const std::size_t selector = of_some ? Below(plan.selectors.size()) : ScanPlan::kEveryRow;
      EXPECT_TRUE(plan.AddText(PickField(), selector).ok());
    }
    while (Chance(30)) EXPECT_TRUE(plan.AddIdentity(PickField()).ok());
    while (Chance(30)) {
      EXPECT_TRUE(plan.AddNumber(Pick({"extra_data.n", "position_x", "seq", "timestamp"})).ok());
    }
    return plan;
  }

  // Each event goes into a segment of its day; the log's order is kept within a segment.
  std::vector<std::unique_ptr<Segment>> MakeSegments(const EventBatch& events) {
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<std::uint32_t>> rows;
    const std::uint64_t per_day = 1 + Below(4);
    const bool interleaved = Chance(30);
    for (std::uint32_t row = 0; row < events.rows; ++row) {
      const auto day = static_cast<std::uint32_t>(events.time_ms[row] / kDayMs);
      const std::uint64_t piece = interleaved ? Below(per_day) : row * per_day / events.rows;
      rows[{day, piece + 1}].push_back(row);
    }
    SegmentOptions options;
    options.block_rows = Chance(50) ? 1 + static_cast<std::uint32_t>(Below(8)) : 1'000;
    std::vector<std::unique_ptr<Segment>> segments;
    for (const auto& [key, members] : rows) {
      const SegmentKey segment_key = {key.first, key.second};
      SegmentBuilder builder(segment_key, kHashSeed, options);
      for (const std::uint32_t row : members) {
        EventBatch one = events;
        std::vector<std::uint8_t> keep(events.rows);
        keep[row] = 1;
        one.Filter(keep);
        EXPECT_TRUE(builder.Add(one, row + 1).ok());
      }
      auto segment = std::make_unique<Segment>();
      SegmentMeta meta;
      EXPECT_TRUE(builder.Finish(&segment->chunks, &meta).ok());
      auto reader = segment->chunks.Open(segment_key);
      EXPECT_TRUE(reader.ok()) << reader.status().ToString();
      segment->reader = std::make_unique<SegmentReader>(std::move(*reader));
      segments.push_back(std::move(segment));
    }
    std::shuffle(segments.begin(), segments.end(), random_);
    return segments;
  }

  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  bool Chance(std::uint64_t percent) { return Below(100) < percent; }

 private:
  std::string Pick(std::initializer_list<const char*> values) {
    return *(values.begin() + Below(values.size()));
  }
  std::string PickField() {
    return Pick({"page_url", "event_type", "user_id", "session_id", "element", "extra_data.t.a",
                 "extra_data.n", "extra_data.b", "timestamp", "position_x", "event_id", "tab_id"});
  }
  Filter MakeFilter() {
    switch (Below(8)) {
      case 0: return {"page_url", FilterOp::kEq, {std::string("/1")}};
      case 1: return {"page_url", FilterOp::kExists, {Chance(50)}};
      case 2: return {"extra_data.n", FilterOp::kGte, {std::int64_t{2}}};
      case 3: return {"extra_data.t.a", FilterOp::kIn, {std::string("x"), std::string("yA")}};
      case 4: return {"user_id", FilterOp::kNe, {std::string("u1")}};
      case 5: return {"position_x", FilterOp::kLt, {2.5}};
      case 6: return {"session_id", FilterOp::kGlob, {std::string("*2")}};
      default: return {"event_type", FilterOp::kContains, {std::string("c")}};
    }
  }

  std::mt19937_64 random_;
  std::uint64_t seq_percent_ = Chance(50) ? 80 : 0;
};

std::vector<ScanInput> InputsOf(const std::vector<std::unique_ptr<Segment>>& segments) {
  std::vector<ScanInput> inputs;
  for (const auto& segment : segments) {
    const Segment* const raw = segment.get();
    inputs.push_back({nullptr, raw->reader.get(), [raw] { return raw->chunks.NewSource(); }});
  }
  return inputs;
}

void RunCase(std::uint64_t seed, std::size_t* late_batches) {
  Case random(seed);
  EventBatch events;
  AppendEvents(random.MakeEvents(), &events);
  const ScanPlan plan = random.MakePlan();

  ValueTable twin_values;
  TimelineText twin(&twin_values);
  twin.AskTextsOf(plan.text_selectors);
  ASSERT_TRUE(VisitTimelines(events, plan, &twin_values, 1 + random.Below(50), &twin).ok());

  const auto segments = random.MakeSegments(events);
  ValueTable values;
  ScanOptions options;
  options.parts = 1 + random.Below(5);
  options.batch_rows = 1 + random.Below(random.Chance(50) ? 5 : 500);
  TimelineScan scan(plan, InputsOf(segments), &values, options);
  TimelineText scanned(&values, plan.only_matches, plan.takes_codes);
  scanned.AskTextsOf(plan.text_selectors);
  for (std::size_t part = 0; part < scan.parts(); ++part) {
    ASSERT_TRUE(scan.Run(part, &scanned).ok());
  }
  *late_batches += scanned.late_batches;
  EXPECT_TRUE(scan.incomplete().empty());
  EXPECT_EQ(scanned.users, twin.users) << "seed " << seed;
  EXPECT_EQ(scanned.rows, twin.rows) << "seed " << seed;
  std::uint64_t in_range = 0;
  for (const std::int64_t time : events.time_ms) {
    in_range += time >= plan.from_ms && time < plan.to_ms ? 1 : 0;
  }
  if (!plan.only_matches) {
    EXPECT_EQ(scan.events_scanned(), in_range) << "seed " << seed;
  }
}

TEST(TimelineScan, EqualsTheEvaluationOfPlainEvents) {
  const std::uint64_t seed = RandomSeed();
  const int cases = testing::RandomCases(1'500);
  std::size_t late_batches = 0;
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    RunCase(seed + static_cast<std::uint64_t>(i), &late_batches);
  }
  if (cases >= 1'000) {
    EXPECT_GT(late_batches, 0u);
  }
}

}  // namespace
}  // namespace insightflow
