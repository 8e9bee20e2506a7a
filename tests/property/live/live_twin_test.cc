// Live numbers equal their naive twin's, over random logs with tiny bounds.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lib/live/live_state.h"
#include "tests/reference/live_answers.h"
#include "tests/reference/live_stream.h"
#include "tests/reference/live_twin.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using reference::ExpectHonest;
using reference::ExpectSame;
using reference::HotTwin;
using reference::LiveEvent;
using reference::LiveStream;
using reference::LiveTwin;
using reference::RandomLimits;
using reference::RandomStream;

constexpr std::uint64_t kHashSeed = 42;

// Space-Saving's own promise: a value more frequent than total / max has a place.
void ExpectFrequentHeld(const Ranking& all, const HotTwin& twin, std::size_t max) {
  if (max == 0) return;
  const std::uint64_t total = twin.TruthOfAll(Window::kAll, 0);
  for (const std::string& value : twin.Values()) {
    if (twin.Truth(value, Window::kAll, 0) * max <= total) continue;
    EXPECT_TRUE(std::any_of(all.rows.begin(), all.rows.end(), [&](const RankedCount& row) {
      return row.value == value;
    })) << value;
  }
}

void ExpectSameRankings(const LiveState& live, const LiveTwin& twin, const LiveLimits& limits,
                        std::size_t limit, std::int64_t now_ms) {
  for (const Window window : {Window::kHour, Window::kDay, Window::kAll}) {
    SCOPED_TRACE("window " + std::to_string(static_cast<int>(window)));
    ExpectSame(live.HotPages(window, limit, now_ms), twin.pages.Top(window, limit, now_ms));
    ExpectSame(live.HotElements(window, limit, now_ms), twin.elements.Top(window, limit, now_ms));
    ExpectHonest(live.HotPages(window, SIZE_MAX, now_ms), twin.pages, window, now_ms);
    ExpectHonest(live.HotElements(window, SIZE_MAX, now_ms), twin.elements, window, now_ms);
  }
  ExpectFrequentHeld(live.HotPages(Window::kAll, SIZE_MAX, now_ms), twin.pages, limits.pages_max);
}

void ExpectSameRecent(const LiveState& live, const LiveTwin& twin, const LiveLimits& limits,
                      const std::string& user, std::size_t limit) {
  SCOPED_TRACE(user + ", limit " + std::to_string(limit));
  const LiveState::RecentEvents recent = live.Recent(user, limit);
  const std::vector<std::uint64_t> truth = twin.Sequences(user);
  ASSERT_LE(recent.sequences.size(), std::min(limit, truth.size()));
  EXPECT_TRUE(std::equal(recent.sequences.begin(), recent.sequences.end(), truth.begin()));
  for (const std::uint64_t sequence : truth) {
    const bool listed = std::find(recent.sequences.begin(), recent.sequences.end(), sequence) !=
                        recent.sequences.end();
    EXPECT_TRUE(listed || sequence < recent.complete_from) << sequence;
    const bool reached = sequence + limits.recent_events_max > twin.size();
    if (twin.HasProfile(user) && reached && !listed) {
      EXPECT_EQ(recent.sequences.size(), limit);
    }
  }
  const bool complete = recent.sequences.size() == truth.size() &&
                        (twin.HasProfile(user) || twin.UsersOverflowEvents() == 0);
  if (complete && limit > truth.size()) {
    EXPECT_EQ(recent.complete_from, 1u);
  }
}

void ExpectSameAnswers(const LiveState& live, const LiveTwin& twin, const LiveLimits& limits,
                       LiveStream* stream) {
  const std::int64_t now_ms = stream->ReaderNow();
  SCOPED_TRACE("now " + std::to_string(now_ms));
  const std::size_t limit = stream->Below(12);
  ExpectSame(live.Online(now_ms), twin.Online(now_ms));
  ExpectSame(live.Totals(), twin.Totals());
  ExpectSame(live.Rates(now_ms), twin.Rates(now_ms));
  ExpectSame(live.ConversionRate(), twin.ConversionRate());
  ExpectSameRankings(live, twin, limits, limit, now_ms);
  const Dashboard dashboard = live.GetDashboard(limit, now_ms);
  ExpectSame(dashboard.online, twin.Online(now_ms));
  ExpectSame(dashboard.totals, twin.Totals());
  ExpectSame(dashboard.rates, twin.Rates(now_ms));
  ExpectSame(dashboard.hot_pages, twin.pages.Top(Window::kAll, limit, now_ms));
  ExpectSame(dashboard.conversion, twin.ConversionRate());
  EXPECT_EQ(live.users_overflow_events(), twin.UsersOverflowEvents());
  EXPECT_EQ(live.types_overflow_events(), twin.TypesOverflowEvents());
  EXPECT_EQ(live.applied_sequence(), twin.size());
  for (int i = 0; i < 4; ++i) {
    const std::string user = stream->User();
    const auto profile = live.User(user, now_ms);
    const auto expected = twin.User(user, now_ms);
    ASSERT_EQ(profile.has_value(), expected.has_value());
    if (expected.has_value()) ExpectSame(*profile, *expected);
    ExpectSameRecent(live, twin, limits, user, stream->Below(4) == 0 ? 1000 : stream->Below(5));
  }
}

std::vector<LiveEvent> Log(LiveStream* stream, std::size_t size) {
  std::vector<LiveEvent> log;
  while (log.size() < size) log.push_back(stream->Next());
  return log;
}

TEST(LiveTwinTest, AnswersEqualTheTwinsThroughSavesAndLoads) {
  const std::uint64_t seed = testing::RandomSeed();
  for (std::uint64_t round = 0; round < 3'000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    LiveStream stream = RandomStream(seed + round);
    const LiveLimits limits = RandomLimits(&stream);
    auto live = std::make_unique<LiveState>(limits, kHashSeed);
    LiveTwin twin(limits);
    std::vector<LiveEvent> log;
    const int steps = static_cast<int>(stream.Between(1, 4));
    for (int step = 0; step < steps; ++step) {
      const std::size_t begin = log.size();
      const std::size_t size = begin + stream.Below(step == 0 ? 3 : 60);
      while (log.size() < size) {
        log.push_back(stream.Next());
        twin.Add(log.back());
      }
      const std::int64_t rows_max = stream.Between(1, 40);
      ApplyRange(
          log, begin, log.size(), [&] { return stream.Between(1, rows_max); }, live.get());
      ExpectSameAnswers(*live, twin, limits, &stream);
      if (stream.Below(2) == 0) {
        std::string saved;
        live->Save(&saved);
        live = std::make_unique<LiveState>(limits, kHashSeed);
        ASSERT_TRUE(live->Load(saved).ok());
        ExpectSameAnswers(*live, twin, limits, &stream);
      }
    }
    if (HasFailure()) return;
  }
}

TEST(LiveTwinTest, BatchBoundariesAndRestartsLeaveNoTrace) {
  const std::uint64_t seed = testing::RandomSeed();
  for (std::uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    LiveStream stream = RandomStream(seed + round);
    const LiveLimits limits = RandomLimits(&stream);
    const std::vector<LiveEvent> log = Log(&stream, stream.Between(0, 400));
    LiveState whole(limits, kHashSeed);
    ApplyRange(
        log, 0, log.size(), [] { return 1'000; }, &whole);
    auto parts = std::make_unique<LiveState>(limits, kHashSeed);
    for (std::size_t begin = 0; begin < log.size();) {
      const std::size_t end = std::min<std::size_t>(log.size(), begin + stream.Between(1, 200));
      ApplyRange(
          log, begin, end, [&] { return stream.Between(1, 7); }, parts.get());
      begin = end;
      std::string saved;
      parts->Save(&saved);
      parts = std::make_unique<LiveState>(limits, kHashSeed);
      ASSERT_TRUE(parts->Load(saved).ok());
    }
    std::string saved_whole, saved_parts;
    whole.Save(&saved_whole);
    parts->Save(&saved_parts);
    ASSERT_EQ(saved_whole, saved_parts);
  }
}

// Readers leave no trace either: asked at any time, the state stays what the log made it.
TEST(LiveTwinTest, ReadersLeaveNoTrace) {
  const std::uint64_t seed = testing::RandomSeed();
  for (std::uint64_t round = 0; round < 100; ++round) {
    LiveStream stream = RandomStream(seed + round);
    const LiveLimits limits = RandomLimits(&stream);
    const std::vector<LiveEvent> log = Log(&stream, 200);
    LiveState quiet(limits, kHashSeed), asked(limits, kHashSeed);
    ApplyRange(
        log, 0, log.size(), [] { return 10; }, &quiet);
    for (std::size_t begin = 0; begin < log.size(); begin += 20) {
      ApplyRange(
          log, begin, begin + 20, [] { return 10; }, &asked);
      asked.GetDashboard(5, stream.ReaderNow());
      asked.HotPages(Window::kHour, 5, stream.ReaderNow());
      asked.HotElements(Window::kDay, 5, stream.ReaderNow());
      asked.Recent(stream.User(), 5);
    }
    std::string saved_quiet, saved_asked;
    quiet.Save(&saved_quiet);
    asked.Save(&saved_asked);
    ASSERT_EQ(saved_quiet, saved_asked) << "seed " << seed << " round " << round;
  }
}

}  // namespace
}  // namespace insightflow
