// A state from which users were erased answers as one that never met them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/base/coding.h"
#include "lib/live/live_state.h"
#include "tests/reference/live_answers.h"
#include "tests/reference/live_stream.h"
#include "tests/reference/live_twin.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using reference::ExpectHonest;
using reference::ExpectSame;
using reference::LiveEvent;
using reference::LiveStream;
using reference::LiveTwin;

constexpr std::uint64_t kHashSeed = 42;

// A log, what was erased from it, and two states of it: one is saved and loaded at times.
class World {
 public:
  World(const LiveLimits& limits, LiveStream* stream)
      : limits_(limits),
        stream_(stream),
        live_(std::make_unique<LiveState>(limits, kHashSeed)),
        steady_(limits, kHashSeed) {}

  void Apply(std::size_t events) {
    const std::size_t begin = log_.size();
    while (log_.size() < begin + events) log_.push_back(stream_->Next());
    erased_.resize(log_.size());
    const std::int64_t rows_max = stream_->Between(1, 40);
    const auto next_size = [&] { return stream_->Between(1, rows_max); };
    reference::ApplyRange(log_, begin, log_.size(), next_size, live_.get());
    reference::ApplyRange(log_, begin, log_.size(), next_size, &steady_);
  }

  void Erase(const std::string& user) {
    LiveErasure erasure(user);
    EventBatch batch;
    for (std::size_t i = 0; i < log_.size(); ++i) {
      if (erased_[i] || log_[i].user != user) continue;
      erased_[i] = true;
      if (batch.rows != 0 && (batch.received_ms != log_[i].received_ms || stream_->Below(4) == 0)) {
        erasure.Add(batch);
        batch.Clear();
      }
      reference::AppendTo(log_[i], &batch);
    }
    erasure.Add(batch);
    number_ += static_cast<std::uint64_t>(stream_->Between(1, 3));
    live_->Erase(erasure, number_);
    steady_.Erase(erasure, number_);
    // Done once, however often it is said.
    live_->Erase(erasure, number_);
    live_->Erase(erasure, number_ - 1);
    EXPECT_EQ(live_->erasures_applied(), number_);
  }

  void SaveAndLoad() {
    const std::string saved = Saved();
    live_ = std::make_unique<LiveState>(limits_, kHashSeed);
    ASSERT_TRUE(live_->Load(saved).ok());
    EXPECT_EQ(live_->erasures_applied(), number_);
    EXPECT_EQ(live_->applied_sequence(), log_.size());
  }

  // Not behind the newest event: what windows have lost by then cannot come back.
  std::int64_t ReaderNow() const {
    switch (stream_->Below(4)) {
      case 0: return stream_->now_ms() + stream_->Between(0, 120'000);
      case 1: return stream_->now_ms() + stream_->Between(0, 90'000'000);
      default: return stream_->now_ms();
    }
  }

  LiveTwin Twin(const LiveLimits& limits) const {
    LiveTwin twin(limits);
    for (std::size_t i = 0; i < log_.size(); ++i) {
      if (!erased_[i]) twin.Add(log_[i]);
    }
    return twin;
  }
  std::vector<LiveEvent> Left() const {
    std::vector<LiveEvent> left;
    for (std::size_t i = 0; i < log_.size(); ++i) {
      if (!erased_[i]) left.push_back(log_[i]);
    }
    return left;
  }
  std::string Saved() const {
    std::string saved;
    live_->Save(&saved);
    return saved;
  }
  const LiveState& live() const { return *live_; }

  void ExpectSavesLeaveNoTrace() const {
    std::string steady;
    steady_.Save(&steady);
    EXPECT_EQ(Saved(), steady);
  }

  void ExpectRecent(const std::string& user, std::size_t limit) const {
    const LiveState::RecentEvents recent = live_->Recent(user, limit);
    std::vector<std::uint64_t> truth;  // newest first
    for (std::size_t i = log_.size(); i > 0; --i) {
      if (!erased_[i - 1] && log_[i - 1].user == user) truth.push_back(i);
    }
    ASSERT_LE(recent.sequences.size(), std::min(limit, truth.size()));
    EXPECT_TRUE(std::equal(recent.sequences.begin(), recent.sequences.end(), truth.begin()));
    const bool profile = live_->User(user, 0).has_value();
    for (std::size_t i = recent.sequences.size(); i < truth.size(); ++i) {
      EXPECT_LT(truth[i], recent.complete_from) << user;
      const bool reached = truth[i] + limits_.recent_events_max > log_.size();
      EXPECT_TRUE(!profile || !reached || recent.sequences.size() == limit) << user;
    }
    const bool complete = profile || live_->users_overflow_events() == 0;
    if (complete && recent.sequences.size() == truth.size() && limit > truth.size()) {
      EXPECT_EQ(recent.complete_from, 1u) << user;
    }
  }

  // No text that only erased events had is in the saved bytes.
  void ExpectTextsGone() const {
    std::set<std::string> gone, left;
    for (std::size_t i = 0; i < log_.size(); ++i) {
      std::set<std::string>& texts = erased_[i] ? gone : left;
      const LiveEvent& e = log_[i];
      texts.insert({e.user, e.type});
      if (e.type == "view" && !e.page.empty()) texts.insert(e.page);
      if (e.type == "click" && !e.element.empty()) texts.insert(e.element);
    }
    const std::string saved = Saved();
    for (const std::string& text : gone) {
      if (left.contains(text)) continue;
      std::string stored;
      PutBytes(&stored, text);
      EXPECT_EQ(saved.find(stored), std::string::npos) << text;
    }
  }

 private:
  const LiveLimits limits_;
  LiveStream* const stream_;
  std::unique_ptr<LiveState> live_;
  LiveState steady_;
  std::vector<LiveEvent> log_;
  std::vector<bool> erased_;
  std::uint64_t number_ = 0;
};

void ExpectSameAnswers(const World& world, const LiveLimits& limits, LiveStream* stream) {
  const LiveState& live = world.live();
  const LiveTwin twin = world.Twin(limits);
  const std::int64_t now_ms = world.ReaderNow();
  const std::size_t limit = stream->Below(12);
  ExpectSame(live.Online(now_ms), twin.Online(now_ms));
  ExpectSame(live.Totals(), twin.Totals());
  ExpectSame(live.Rates(now_ms), twin.Rates(now_ms));
  ExpectSame(live.ConversionRate(), twin.ConversionRate());
  for (const Window window : {Window::kHour, Window::kDay, Window::kAll}) {
    ExpectSame(live.HotPages(window, limit, now_ms), twin.pages.Top(window, limit, now_ms));
    ExpectSame(live.HotElements(window, limit, now_ms), twin.elements.Top(window, limit, now_ms));
  }
  const Dashboard dashboard = live.GetDashboard(limit, now_ms);
  ExpectSame(dashboard.online, twin.Online(now_ms));
  ExpectSame(dashboard.totals, twin.Totals());
  ExpectSame(dashboard.rates, twin.Rates(now_ms));
  ExpectSame(dashboard.hot_pages, twin.pages.Top(Window::kAll, limit, now_ms));
  ExpectSame(dashboard.conversion, twin.ConversionRate());
  EXPECT_EQ(live.users(), twin.Totals().users);
  EXPECT_EQ(live.users_overflow_events(), 0u);
  EXPECT_EQ(live.types_overflow_events(), twin.TypesOverflowEvents());
  for (int i = 0; i < 4; ++i) {
    const std::string user = stream->User();
    const auto profile = live.User(user, now_ms);
    const auto expected = twin.User(user, now_ms);
    ASSERT_EQ(profile.has_value(), expected.has_value()) << user;
    if (expected.has_value()) ExpectSame(*profile, *expected);
    world.ExpectRecent(user, stream->Below(4) == 0 ? 1000 : stream->Below(5));
  }
}

// Every type with a row of its own is exact; the others are together in kOtherType.
void ExpectTypes(const std::vector<TypeCount>& rows, const std::vector<TypeCount>& truth) {
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t left = 0;
  for (const TypeCount& type : truth) {
    counts[type.type] = type.count;
    left += type.count;
  }
  for (const TypeCount& row : rows) {
    left -= row.count;
    if (row.type != "__other__") {
      EXPECT_EQ(row.count, counts[row.type]) << row.type;
    }
  }
  EXPECT_EQ(left, 0u);
}

// What holds past all bounds: `twin` has none, so it knows the truth.
void ExpectPromisesKept(const World& world, LiveStream* stream) {
  const LiveState& live = world.live();
  const LiveTwin twin = world.Twin(LiveLimits());
  const std::int64_t now_ms = world.ReaderNow();
  for (const Window window : {Window::kHour, Window::kDay, Window::kAll}) {
    SCOPED_TRACE("window " + std::to_string(static_cast<int>(window)));
    ExpectHonest(live.HotPages(window, SIZE_MAX, now_ms), twin.pages, window, now_ms);
    ExpectHonest(live.HotElements(window, SIZE_MAX, now_ms), twin.elements, window, now_ms);
  }
  const EventRates rates = live.Rates(now_ms), true_rates = twin.Rates(now_ms);
  ExpectTypes(live.Totals().by_type, twin.Totals().by_type);
  ExpectTypes(rates.last_minute_by_type, true_rates.last_minute_by_type);
  EXPECT_EQ(rates.seconds, true_rates.seconds);
  EXPECT_EQ(rates.minutes, true_rates.minutes);
  EXPECT_EQ(rates.hours, true_rates.hours);
  EXPECT_DOUBLE_EQ(live.ConversionRate().rate_events, twin.ConversionRate().rate_events);
  // Each user has a whole profile or none; what is said about users is about those with one.
  std::vector<LiveEvent> known;
  std::uint64_t unknown = 0;
  for (const LiveEvent& e : world.Left()) {
    if (live.User(e.user, now_ms).has_value()) {
      known.push_back(e);
    } else {
      ++unknown;
    }
  }
  LiveTwin of_known((LiveLimits()));
  for (const LiveEvent& e : known) of_known.Add(e);
  EXPECT_EQ(live.users_overflow_events(), unknown);
  EXPECT_EQ(live.users(), of_known.Totals().users);
  ExpectSame(live.Online(now_ms), of_known.Online(now_ms));
  EXPECT_EQ(live.ConversionRate().users_viewed, of_known.ConversionRate().users_viewed);
  EXPECT_EQ(live.ConversionRate().users_purchased, of_known.ConversionRate().users_purchased);
  for (int i = 0; i < 4; ++i) {
    const std::string user = stream->User();
    const auto profile = live.User(user, now_ms);
    if (profile.has_value()) ExpectSame(*profile, *of_known.User(user, now_ms));
    world.ExpectRecent(user, stream->Below(4) == 0 ? 1000 : stream->Below(5));
  }
}

// Random steps; check(world) after each.
template <typename Check>
void Run(const LiveLimits& limits, LiveStream* stream, Check check) {
  World world(limits, stream);
  const int steps = static_cast<int>(stream->Between(2, 12));
  for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    switch (stream->Below(4)) {
      case 0: world.SaveAndLoad(); break;
      case 1: world.Apply(stream->Below(60)); break;
      case 2: world.Apply(stream->Below(6)); [[fallthrough]];
      default: world.Erase(stream->User()); break;
    }
    check(world);
    world.ExpectTextsGone();
  }
  world.ExpectSavesLeaveNoTrace();
}

template <typename Limits, typename Check>
void RunCases(int usual, Limits limits_of, Check check) {
  const std::uint64_t seed = testing::RandomSeed();
  const int cases = testing::RandomCases(usual);
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " case " + std::to_string(i));
    LiveStream stream = reference::RandomStream(seed + static_cast<std::uint64_t>(i));
    const LiveLimits limits = limits_of(&stream);
    Run(limits, &stream, [&](const World& world) { check(world, limits, &stream); });
  }
}

// Streams have at most 20 users, pages and elements, and 24 types: full tables are exact too.
TEST(LiveEraseTest, AnswersEqualTheTwinsThatNeverMetTheUser) {
  RunCases(
      3'000,
      [](LiveStream* stream) {
        LiveLimits limits;
        limits.event_types_max = stream->Below(2) == 0 ? 24 : 255;
        limits.pages_max = stream->Below(2) == 0 ? 20 : 1'000;
        limits.elements_max = stream->Below(2) == 0 ? 20 : 1'000;
        limits.users_max = stream->Below(2) == 0 ? 20 : 1'000;
        limits.recent_events_max = std::vector<std::size_t>{0, 1, 7, 64, 100'000}[stream->Below(5)];
        return limits;
      },
      ExpectSameAnswers);
}

TEST(LiveEraseTest, PromisesHoldPastEveryBound) {
  RunCases(6'000, reference::RandomLimits,
           [](const World& world, const LiveLimits&, LiveStream* stream) {
             ExpectPromisesKept(world, stream);
           });
}

}  // namespace
}  // namespace insightflow
