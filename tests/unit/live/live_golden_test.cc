// Saved live numbers that this and earlier versions wrote, with their answers as text.
// INSIGHTFLOW_GOLDEN_WRITE=1 writes those of the newest version: only for a new version, beside the
// old files.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "lib/live/live_state.h"
#include "tests/reference/live_stream.h"

namespace insightflow {
namespace {

constexpr std::uint64_t kHashSeed = 9;
constexpr std::int64_t kStart = 1'700'000'000'000;
constexpr int kEvents = 600;
constexpr int kNewest = 2;

// Pages and users past their bounds, elements and types within them.
LiveLimits Limits() {
  LiveLimits limits;
  limits.event_types_max = 12;
  limits.pages_max = 6;
  limits.elements_max = 50;
  limits.users_max = 20;
  limits.recent_events_max = 300;
  return limits;
}

reference::LiveEvent EventOf(int i) {
  const std::string types[] = {"view", "click", "view", "purchase", "view", "search"};
  reference::LiveEvent e;
  e.user = (i % 3 == 0 ? "user-with-a-long-name-" : "u") + std::to_string(i * i % 23);
  e.type = types[i % 6];
  e.page = "/page/" + std::to_string(i * i % 37 % 11);
  e.element = "element" + std::to_string(i % 13);
  e.received_ms = kStart + std::int64_t{i / 10} * 100'000;
  e.time_ms = e.received_ms - i % 7 * 60'000;
  return e;
}

void ApplyEvents(LiveState* live) {
  for (int i = 0; i < kEvents; ++i) {
    EventBatch batch;
    reference::AppendTo(EventOf(i), &batch);
    live->Apply(batch, live->applied_sequence() + 1);
  }
}

// Version 2 came with erasures.
void EraseUsers(LiveState* live) {
  for (const std::string user : {"u1", "user-with-a-long-name-12", "u8"}) {
    LiveErasure erasure(user);
    for (int i = 0; i < kEvents; ++i) {
      if (EventOf(i).user != user) continue;
      EventBatch batch;
      reference::AppendTo(EventOf(i), &batch);
      erasure.Add(batch);
    }
    EXPECT_GT(erasure.events(), 0u);
    live->Erase(erasure, live->erasures_applied() + 5);
  }
}

void Describe(const Ranking& ranking, std::ostream* out) {
  *out << "other " << ranking.other << (ranking.exact ? ", exact" : "") << '\n';
  for (const RankedCount& row : ranking.rows) {
    *out << "  " << row.value << ' ' << row.count << " -" << row.count_error_max << '\n';
  }
}

void Describe(const std::vector<TypeCount>& types, std::ostream* out) {
  for (const TypeCount& type : types) *out << "  " << type.type << ' ' << type.count << '\n';
}

std::string Describe(const LiveState& live) {
  const std::int64_t now = EventOf(kEvents - 1).received_ms;
  std::ostringstream out;
  const Dashboard dashboard = live.GetDashboard(0, now);
  out << "applied " << live.applied_sequence();
  if (live.erasures_applied() != 0) out << ", erasures " << live.erasures_applied();
  out << "\nonline " << dashboard.online.last_5_minutes << ' ' << dashboard.online.last_30_minutes
      << "\nusers " << dashboard.totals.users << ", events of others "
      << live.users_overflow_events() << "\nviewed " << dashboard.conversion.users_viewed
      << ", purchased " << dashboard.conversion.users_purchased << "\ntotals\n";
  Describe(dashboard.totals.by_type, &out);
  out << "minutes";
  for (const std::uint64_t count : dashboard.rates.minutes) out << ' ' << count;
  out << "\nhours";
  for (const std::uint64_t count : dashboard.rates.hours) out << ' ' << count;
  for (const Window window : {Window::kHour, Window::kDay, Window::kAll}) {
    out << "\npages ";
    Describe(live.HotPages(window, 100, now), &out);
    out << "elements ";
    Describe(live.HotElements(window, 100, now), &out);
  }
  for (const char* user : {"u1", "user-with-a-long-name-9", "u6"}) {
    const auto profile = live.User(user, now);
    out << user << (profile.has_value() ? "" : " unknown") << '\n';
    if (profile.has_value()) Describe(profile->by_type, &out);
    const LiveState::RecentEvents recent = live.Recent(user, 100);
    for (const std::uint64_t sequence : recent.sequences) out << ' ' << sequence;
    out << " from " << recent.complete_from << '\n';
  }
  return out.str();
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::filesystem::path PathOf(int version, const char* ending) {
  return std::filesystem::path(INSIGHTFLOW_SOURCE_DIR) / "tests/golden/formats" /
         ("live-v" + std::to_string(version) + ending);
}

TEST(LiveGoldenTest, StatesOfAllVersionsOpenAndAnswerAsBefore) {
  if (std::getenv("INSIGHTFLOW_GOLDEN_WRITE") != nullptr) {
    LiveState live(Limits(), kHashSeed);
    ApplyEvents(&live);
    EraseUsers(&live);
    std::string saved;
    live.Save(&saved);
    std::ofstream(PathOf(kNewest, ".bin"), std::ios::binary) << saved;
    std::ofstream(PathOf(kNewest, ".txt"), std::ios::binary) << Describe(live);
  }
  for (int version = 1; version <= kNewest; ++version) {
    LiveState live(Limits(), kHashSeed);
    const std::string bytes = ReadFile(PathOf(version, ".bin"));
    ASSERT_TRUE(live.Load(bytes).ok()) << version;
    EXPECT_EQ(Describe(live), ReadFile(PathOf(version, ".txt"))) << version;
  }
}

TEST(LiveGoldenTest, TheNewestIsWrittenAsItWas) {
  const std::string bytes = ReadFile(PathOf(kNewest, ".bin"));
  LiveState live(Limits(), kHashSeed);
  ASSERT_TRUE(live.Load(bytes).ok());
  std::string saved;
  live.Save(&saved);
  EXPECT_EQ(saved, bytes);
}

// What was counted before there were erasures can be erased.
TEST(LiveGoldenTest, UsersAreErasedFromAStateOfVersionOne) {
  LiveState old(Limits(), kHashSeed), now(Limits(), kHashSeed);
  ASSERT_TRUE(old.Load(ReadFile(PathOf(1, ".bin"))).ok());
  EXPECT_EQ(old.erasures_applied(), 0u);
  EraseUsers(&old);
  ApplyEvents(&now);
  EraseUsers(&now);
  EXPECT_EQ(Describe(old), Describe(now));
  std::string saved_old, saved_now;
  old.Save(&saved_old);
  now.Save(&saved_now);
  EXPECT_EQ(saved_old.size(), saved_now.size());
}

}  // namespace
}  // namespace insightflow
