// Timelines of events in memory equal what the plan says of each event, over random plans.
#include "lib/model/memory_timelines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "lib/model/event_rows.h"
#include "tests/reference/event_table.h"
#include "tests/support/random_events.h"

namespace insightflow {
namespace {

using reference::EventTable;
using testing::Random;

// The rule by the letter: the events of a tab that have a seq hold their places together, and go
// into them in order of seq.
std::vector<std::uint32_t> ClientOrder(const std::vector<ClientPlace>& rows) {
  std::vector<std::uint32_t> order;
  for (const ClientPlace& row : rows) order.push_back(row.row);
  std::map<std::uint64_t, std::vector<std::size_t>> places_of_tab;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].tab != 0) places_of_tab[rows[i].tab].push_back(i);
  }
  for (const auto& [tab, places] : places_of_tab) {
    std::vector<ClientPlace> own;
    for (const std::size_t place : places) own.push_back(rows[place]);
    std::stable_sort(own.begin(), own.end(),
                     [](const ClientPlace& a, const ClientPlace& b) { return a.seq < b.seq; });
    for (std::size_t i = 0; i < places.size(); ++i) order[places[i]] = own[i].row;
  }
  return order;
}

TEST(SortByClientTest, EachTabGoesIntoItsPlacesInOrder) {
  Random random(testing::RandomSeed());
  const int cases = testing::RandomCases(20'000);
  for (int i = 0; i < cases; ++i) {
    const std::int64_t most = random.OneIn(20) ? 200 : 9;
    std::vector<ClientPlace> rows(static_cast<std::size_t>(random.Below(most)));
    for (std::uint32_t r = 0; r < rows.size(); ++r) {
      rows[r] = {r, static_cast<std::uint64_t>(random.Below(4)),
                 static_cast<std::uint64_t>(random.Below(4))};
    }
    const std::vector<std::uint32_t> truth = ClientOrder(rows);
    SortByClient(rows);
    for (std::size_t r = 0; r < rows.size(); ++r) ASSERT_EQ(rows[r].row, truth[r]) << "case " << i;
  }
}

// A row as a plan lets it be seen.
struct Seen {
  std::string user;
  std::int64_t time = 0;
  std::uint64_t matches = 0;
  std::uint64_t more = 0;
  std::vector<std::string> texts;
  std::vector<std::string> numbers;
  std::vector<std::string> identities;

  friend bool operator==(const Seen&, const Seen&) = default;
};

std::string Spell(double number) { return std::isnan(number) ? "" : std::to_string(number); }

class Collector final : public TimelineVisitor {
 public:
  Collector(const ValueTable& values, std::size_t rows_max)
      : values_(values), rows_max_(rows_max) {}

  Status Visit(const Timelines& timelines) override {
    EXPECT_GT(timelines.runs(), 0u);
    EXPECT_EQ(timelines.time_ms.size(), timelines.rows());
    EXPECT_EQ(timelines.user_ids.size(), timelines.runs());
    if (timelines.runs() > 1) {
      EXPECT_LT(timelines.RunBegin(timelines.runs() - 1), rows_max_);
    }
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      EXPECT_LT(timelines.RunBegin(run), timelines.run_ends[run]);
      for (std::size_t row = timelines.RunBegin(run); row < timelines.run_ends[run]; ++row) {
        Add(timelines, run, row);
      }
    }
    return Status::Ok();
  }

  const std::vector<Seen>& rows() const { return rows_; }

 private:
  void Add(const Timelines& timelines, std::size_t run, std::size_t row) {
    Seen& seen = rows_.emplace_back();
    seen.user = timelines.user_ids[run];
    seen.time = timelines.time_ms[row];
    seen.matches = timelines.matches[row];
    if (!timelines.more_matches.empty()) seen.more = timelines.more_matches[row];
    for (const auto& column : timelines.texts) seen.texts.emplace_back(values_.Text(column[row]));
    for (const auto& column : timelines.numbers) seen.numbers.push_back(Spell(column[row]));
    // Equal values have equal identities, and no others: the first value stands for it.
    for (std::size_t s = 0; s < timelines.identities.size(); ++s) {
      const std::uint64_t identity = timelines.identities[s][row];
      const std::string text = seen.texts[s];
      EXPECT_EQ(identity == 0, text.empty());
      seen.identities.push_back(of_identity_.try_emplace(identity, text).first->second);
    }
  }

  const ValueTable& values_;
  const std::size_t rows_max_;
  std::vector<Seen> rows_;
  std::map<std::uint64_t, std::string> of_identity_;
};

struct Asked {
  QueryScope scope;
  std::vector<EventSelector> selectors;
  std::vector<std::string> texts;  // identities are of the same fields
  std::vector<std::string> numbers;
  bool only_matches = false;
  bool client_order = false;
};

Asked RandomAsked(const testing::EventsShape& shape, Random* random) {
  static const std::vector<std::string> kTexts = {
      "page_url", "event_type", "extra_data.n", "user_agent", "extra_data.plan.tier", "timestamp"};
  static const std::vector<std::string> kNumbers = {"extra_data.n", "position_x", "timestamp",
                                                    "extra_data.flag", "seq"};
  Asked asked;
  asked.scope = testing::RandomScope(shape, random);
  const std::int64_t selectors = random->OneIn(10) ? 70 : random->Below(4);
  for (std::int64_t n = 0; n < selectors; ++n) {
    // Each different, so that each has a bit of its own.
    EventSelector selector = testing::RandomSelector(random);
    selector.filters.push_back({"page_title", FilterOp::kNe, {std::to_string(n)}});
    asked.selectors.push_back(selector);
  }
  for (const std::string& text : kTexts) {
    if (random->OneIn(3)) asked.texts.push_back(text);
  }
  for (const std::string& number : kNumbers) {
    if (random->OneIn(3)) asked.numbers.push_back(number);
  }
  asked.only_matches = random->OneIn(2);
  asked.client_order = random->OneIn(2);
  return asked;
}

ScanPlan PlanOf(const Asked& asked) {
  ScanPlan plan;
  EXPECT_TRUE(plan.SetScope(asked.scope).ok());
  for (const EventSelector& selector : asked.selectors)
    EXPECT_TRUE(plan.AddSelector(selector).ok());
  for (const std::string& text : asked.texts) {
    EXPECT_TRUE(plan.AddText(text).ok());
    EXPECT_TRUE(plan.AddIdentity(text).ok());
  }
  for (const std::string& number : asked.numbers) EXPECT_TRUE(plan.AddNumber(number).ok());
  plan.only_matches = asked.only_matches;
  plan.needs_client_order = asked.client_order;
  plan.needs_user_ids = true;
  return plan;
}

// A user's rows in order, ties by the client when asked.
EventTable::Rows Ordered(const EventTable& events, const EventTable::Rows& rows, bool by_client) {
  if (!by_client) return rows;
  EventTable::Rows ordered;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    std::vector<ClientPlace> places;
    std::map<std::string, std::uint64_t> tabs;
    for (; end < rows.size() && events.Time(rows[end]) == events.Time(rows[begin]); ++end) {
      const Event& event = events.at(rows[end]);
      const bool known = !event.tab_id.empty() && event.seq;
      const std::uint64_t tab =
          known ? tabs.try_emplace(event.tab_id, tabs.size() + 1).first->second : 0;
      places.push_back({static_cast<std::uint32_t>(rows[end]), tab, event.seq.value_or(0)});
    }
    for (const std::uint32_t row : ClientOrder(places)) ordered.push_back(row);
  }
  return ordered;
}

std::vector<Seen> Twin(const Asked& asked, const EventTable& events) {
  EventTable::Rows all;
  for (std::size_t row = 0; row < events.size(); ++row) all.push_back(row);
  std::vector<Seen> seen;
  for (const auto& [user, rows] : events.ByUser(all)) {
    for (const std::size_t row : Ordered(events, rows, asked.client_order)) {
      const Timestamp time = events.at(row).timestamp;
      if ((asked.scope.from && time < *asked.scope.from) ||
          (asked.scope.to && time >= *asked.scope.to)) {
        continue;
      }
      if (!events.Holds(row, asked.scope.filters)) continue;
      Seen one;
      one.user = user;
      one.time = events.Time(row);
      for (std::size_t s = 0; s < asked.selectors.size(); ++s) {
        if (!events.Selected(row, asked.selectors[s])) continue;
        (s < 64 ? one.matches : one.more) |= std::uint64_t{1} << s % 64;
      }
      if (asked.only_matches && one.matches == 0 && one.more == 0) continue;
      for (const std::string& text : asked.texts) {
        one.texts.push_back(events.Shown(row, text).value_or(""));
      }
      one.identities = one.texts;
      for (const std::string& number : asked.numbers) {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        one.numbers.push_back(Spell(events.Number(row, number).value_or(nan)));
      }
      seen.push_back(one);
    }
  }
  return seen;
}

TEST(MemoryTimelinesPropertyTest, EqualsWhatThePlanSaysOfEachEvent) {
  Random random(testing::RandomSeed());
  testing::EventsShape shape;
  shape.step_ms = 8'000'000;  // about 30 different times
  const int cases = testing::RandomCases(3'000);
  for (int i = 0; i < cases; ++i) {
    std::vector<Event> events = testing::RandomEvents(shape, &random);
    for (Event& event : events) {
      if (random.OneIn(2)) event.tab_id = "tab" + std::to_string(random.Below(2));
      if (random.OneIn(2)) event.seq = static_cast<std::uint64_t>(random.Below(5));
    }
    const Asked asked = RandomAsked(shape, &random);
    EventBatch batch;
    AppendEvents(events, &batch);
    ValueTable values;
    const auto rows_max = static_cast<std::size_t>(random.Between(1, 50));
    Collector collector(values, rows_max);
    ASSERT_TRUE(VisitTimelines(batch, PlanOf(asked), &values, rows_max, &collector).ok());
    ASSERT_EQ(collector.rows(), Twin(asked, EventTable(events))) << "case " << i;
  }
}

TEST(MemoryTimelinesTest, AnErrorOfTheVisitorEndsTheScan) {
  class Refusing final : public TimelineVisitor {
   public:
    Status Visit(const Timelines&) override {
      ++visits;
      return ResourceExhausted("full");
    }
    int visits = 0;
  };
  Random random(1);
  EventBatch batch;
  AppendEvents(testing::RandomEvents({.events_max = 40}, &random), &batch);
  ASSERT_GT(batch.rows, 2u);
  ValueTable values;
  Refusing visitor;
  const Status status = VisitTimelines(batch, {}, &values, 1, &visitor);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(visitor.visits, 1);
}

}  // namespace
}  // namespace insightflow
