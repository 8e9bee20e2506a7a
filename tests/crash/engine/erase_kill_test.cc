// kill -9 while users are erased and days expire, beside ingest, folds and merges (G3, G11): what
// was erased never comes back, and nobody else's event is lost or there twice.
//
// The steps of a child follow from its seed, so that the parent knows what must be there: the last
// step, whose answer it may have missed, has happened or not.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "insightflow/engine.h"
#include "tests/support/killed_child.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr int kKillsAStore = 10;
constexpr int kUsers = 9;
constexpr std::int64_t kDayMillis = 86'400'000;
constexpr std::int64_t kToday = 19'100;
// Events of the first day are expired from the start.
constexpr std::uint32_t kRetentionDays = 50;

EngineOptions OptionsFor(const std::string& dir, const Clock* clock) {
  EngineOptions options;
  options.data_dir = dir;
  options.dedupe_bytes_max = 4u << 20;
  options.disk_free_min = 0;
  options.fold_rows = 150;
  options.live_save_events = 400;
  options.retention_days = kRetentionDays;
  options.clock = clock;
  return options;
}

struct Step {
  std::string erased;  // a user, or empty: then events
  std::vector<Event> events;
};

class Steps {
 public:
  explicit Steps(std::uint64_t seed) : seed_(seed), random_(seed) {}

  Step Next() {
    Step step;
    if (random_() % 4 == 0) {
      step.erased = "u" + std::to_string(random_() % kUsers);
      return step;
    }
    step.events.resize(1 + random_() % 100);
    for (Event& event : step.events) {
      event.event_id = std::to_string(seed_) + "-" + std::to_string(++ids_);
      // Who is erased after their events have expired leaves traces in totals of all time.
      const bool is_old = random_() % 5 == 0;
      event.user_id = is_old ? "old" : "u" + std::to_string(random_() % kUsers);
      event.session_id = "s";
      event.event_type = "view";
      event.page_url = "/" + std::to_string(random_() % 20);
      const std::int64_t day = is_old ? kToday - 60 : kToday - 1;
      event.timestamp =
          FromMillis(day * kDayMillis + static_cast<std::int64_t>(random_() % kDayMillis));
    }
    return step;
  }

 private:
  const std::uint64_t seed_;
  std::mt19937_64 random_;
  std::uint64_t ids_ = 0;
};

int RunChild(const std::string& dir, std::uint64_t seed, int pipe_fd) {
  const ManualClock clock(FromMillis(kToday * kDayMillis));
  auto engine = Engine::Open(OptionsFor(dir, &clock));
  if (!engine.ok()) {
    std::fprintf(stderr, "child: %s\n", engine.status().ToString().c_str());
    return 3;
  }
  std::thread folder([&] {
    while (true) {
      const Status folded = (*engine)->Fold();
      if (folded.ok()) continue;
      std::fprintf(stderr, "child: %s\n", folded.ToString().c_str());
      std::_Exit(6);
    }
  });
  Steps steps(seed);
  while (true) {
    const Step step = steps.Next();
    if (step.events.empty()) {
      if (!(*engine)->EraseUser(step.erased).ok()) std::_Exit(7);
    } else {
      const auto result = (*engine)->Ingest(step.events);
      if (!result.ok() || result->accepted != step.events.size()) std::_Exit(4);
    }
    const int answer = 1;
    if (::write(pipe_fd, &answer, sizeof answer) != sizeof answer) std::_Exit(5);
  }
}

bool IsKept(const Event& event) {
  return event.timestamp >= FromMillis((kToday - kRetentionDays) * kDayMillis);
}

class EraseKillTest : public ::testing::Test {
 protected:
  void Apply(const Step& step) {
    if (!step.erased.empty()) events_.erase(step.erased);
    for (const Event& event : step.events) events_[event.user_id].push_back(event);
  }

  // After the last acknowledged step; `last` may have happened.
  void ExpectStore(const std::string& dir, const Step& last) {
    const ManualClock clock(FromMillis(kToday * kDayMillis));
    EngineOptions options = OptionsFor(dir, &clock);
    options.fold = false;
    auto engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    std::map<std::string, std::set<std::string>> found;
    std::size_t count = 0;
    for (int u = 0; u < kUsers; ++u) {
      const std::string user = "u" + std::to_string(u);
      std::optional<Timestamp> before;
      while (true) {
        const auto page = (*engine)->UserEvents(user, 1000, before);
        ASSERT_TRUE(page.ok()) << page.status().ToString();
        for (const StoredEvent& event : *page) found[user].insert(event.event.event_id);
        count += page->size();
        if (page->size() < 1000) break;
        before = page->back().event.timestamp;
      }
      const auto profile = (*engine)->User(user);
      Expect(user, found[user], profile.ok() ? profile->events : 0, last);
      if (HasFatalFailure()) return;
    }
    std::string lines;
    ASSERT_TRUE((*engine)
                    ->Export({},
                             [&](std::string_view part) {
                               lines += part;
                               return Status::Ok();
                             })
                    .ok());
    ASSERT_EQ(static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')), count);
    const std::uint64_t total = (*engine)->Totals().total;
    if (total != Total()) Apply(last);
    ASSERT_EQ(total, Total());
    ASSERT_TRUE((*engine)->Close().ok());
    const auto report = CheckStore(dir);
    ASSERT_TRUE(report.ok());
    ASSERT_TRUE(report->damage.empty()) << report->damage.front();
  }

  std::uint64_t Total() const {
    std::uint64_t sum = 0;
    for (const auto& [user, events] : events_) sum += events.size();
    return sum;
  }

  // A user's timeline and the count in the profile, without the last step or with it.
  void Expect(const std::string& user, const std::set<std::string>& found, std::uint64_t counted,
              const Step& last) {
    std::vector<Event> without;
    if (const auto at = events_.find(user); at != events_.end()) without = at->second;
    std::vector<Event> with = without;
    if (last.erased == user) with.clear();
    for (const Event& event : last.events) {
      if (event.user_id == user) with.push_back(event);
    }
    const auto fits = [&](const std::vector<Event>& events) {
      std::set<std::string> ids;
      for (const Event& event : events) {
        if (IsKept(event)) ids.insert(event.event_id);
      }
      return ids == found && counted == events.size();
    };
    ASSERT_TRUE(fits(without) || fits(with))
        << user << ": " << found.size() << " found, " << counted << " counted, " << without.size()
        << " expected, or " << with.size();
  }

  std::map<std::string, std::vector<Event>> events_;  // by user, what was not erased
};

TEST_F(EraseKillTest, WhatWasErasedStaysAway) {
  std::mt19937_64 random(testing::RandomSeed());
  TempDir dir;
  std::string store;
  std::uint64_t erased = 0;
  const int kills = testing::RandomCases(50);
  for (int kill = 0; kill < kills; ++kill) {
    if (kill % kKillsAStore == 0) {
      store = dir.path() + "/" + std::to_string(kill);
      events_.clear();
    }
    const std::uint64_t seed = random();
    const std::uint64_t answered = testing::LiveAndDie(store, seed, random() % 40);
    if (HasFailure()) FAIL();
    Steps steps(seed);
    for (std::uint64_t i = 0; i < answered; ++i) {
      const Step step = steps.Next();
      erased += step.erased.empty() ? 0 : 1;
      Apply(step);
    }
    ExpectStore(store, steps.Next());
    if (HasFailure()) FAIL() << "after kill " << kill;
  }
  EXPECT_GT(erased, static_cast<std::uint64_t>(kills)) << "the kills have met no erasing";
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  if (const auto code = insightflow::testing::ChildMain(argc, argv, insightflow::RunChild)) {
    return *code;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
