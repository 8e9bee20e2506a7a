// What a state is stored as: anything else is refused, whole or not at all.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/live/live_state.h"
#include "tests/reference/live_stream.h"

namespace insightflow {
namespace {

using reference::LiveEvent;
using reference::LiveStream;

constexpr std::uint64_t kHashSeed = 3;
constexpr std::uint64_t kChecksumSeed = 0x564c4649;

LiveLimits SmallLimits() {
  LiveLimits limits;
  limits.event_types_max = 5;
  limits.pages_max = 4;
  limits.elements_max = 50;
  limits.users_max = 8;
  limits.recent_events_max = 16;
  return limits;
}

std::string SavedState(int events) {
  LiveStream stream(5, 8, 10, 6);
  LiveState live(SmallLimits(), kHashSeed);
  std::vector<LiveEvent> log;
  for (int i = 0; i < events; ++i) log.push_back(stream.Next());
  reference::ApplyRange(
      log, 0, log.size(), [] { return 10; }, &live);
  std::string saved;
  live.Save(&saved);
  return saved;
}

void ExpectEmpty(const LiveState& live) {
  EXPECT_EQ(live.applied_sequence(), 0u);
  EXPECT_EQ(live.Totals().total, 0u);
  EXPECT_EQ(live.users(), 0u);
}

std::string WithChecksum(std::string body) {
  PutFixed(&body, HashBytes(body, kChecksumSeed));
  return body;
}

TEST(LiveSaveTest, AnEmptyStateIsAState) {
  LiveState live(SmallLimits(), kHashSeed);
  std::string saved;
  live.Save(&saved);
  LiveState loaded(SmallLimits(), kHashSeed);
  ASSERT_TRUE(loaded.Load(saved).ok());
  ExpectEmpty(loaded);
}

TEST(LiveSaveTest, SaveAppends) {
  LiveState live(SmallLimits(), kHashSeed);
  std::string saved, appended = "before";
  live.Save(&saved);
  live.Save(&appended);
  EXPECT_EQ(appended, "before" + saved);
}

TEST(LiveSaveTest, PiecesAreSmallAndMakeTheWhole) {
  constexpr int kEvents = 200'000;
  LiveLimits limits = SmallLimits();
  limits.recent_events_max = kEvents;
  limits.users_max = 5'000;
  LiveStream stream(5, 8, 5'000, 6);
  LiveState live(limits, kHashSeed);
  std::vector<LiveEvent> log;
  for (int i = 0; i < kEvents; ++i) log.push_back(stream.Next());
  reference::ApplyRange(
      log, 0, log.size(), [] { return 1000; }, &live);
  std::string whole, pieces;
  live.Save(&whole);
  std::size_t count = 0;
  const auto take = [&](std::string_view piece) {
    EXPECT_LE(piece.size(), 2 * PieceWriter::kPieceBytes);
    pieces.append(piece);
    ++count;
    return Status::Ok();
  };
  ASSERT_TRUE(live.Save(take).ok());
  EXPECT_GT(count, 2u);
  EXPECT_TRUE(pieces == whole);
  EXPECT_EQ(whole, WithChecksum(whole.substr(0, whole.size() - sizeof(std::uint64_t))));

  // The first error is the last piece.
  std::size_t left = 2;
  const auto stop = [&](std::string_view) {
    EXPECT_GT(left, 0u);
    return --left == 0 ? Status(StatusCode::kUnavailable, "full") : Status::Ok();
  };
  EXPECT_EQ(live.Save(stop).code(), StatusCode::kUnavailable);
}

TEST(LiveSaveTest, EveryCutAndEveryFlippedByteIsFound) {
  const std::string saved = SavedState(100);
  LiveState live(SmallLimits(), kHashSeed);
  ASSERT_TRUE(live.Load(saved).ok());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    ASSERT_EQ(live.Load(std::string_view(saved).substr(0, i)).code(), StatusCode::kDataLoss) << i;
    std::string flipped = saved;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    ASSERT_EQ(live.Load(flipped).code(), StatusCode::kDataLoss) << i;
  }
  ExpectEmpty(live);
  EXPECT_EQ(live.Load(saved + "x").code(), StatusCode::kDataLoss);
}

// Bytes that somebody made on purpose, with a checksum that matches.
TEST(LiveSaveTest, ForgedBytesNeverCrash) {
  const std::string saved = SavedState(100);
  const std::string body = saved.substr(0, saved.size() - sizeof(std::uint64_t));
  std::mt19937_64 random(1);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string forged = body;
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % forged.size();
      switch (random() % 3) {
        case 0: forged[at] = static_cast<char>(random()); break;
        case 1: forged.insert(at, 1, static_cast<char>(random() % 2 == 0 ? 0xff : random())); break;
        default: forged.erase(at, 1); break;
      }
      if (forged.empty()) forged = "x";
    }
    LiveState live(SmallLimits(), kHashSeed);
    const Status status = live.Load(WithChecksum(forged));
    if (!status.ok()) {
      ASSERT_EQ(status.code(), StatusCode::kDataLoss);
      ASSERT_EQ(live.applied_sequence(), 0u);
      ++refused;
      continue;
    }
    // What reads as a state must also behave as one.
    live.GetDashboard(10, 1'700'000'000'000);
    live.HotPages(Window::kHour, 10, 1'700'000'000'000);
    live.Recent("user1", 100);
    EventBatch batch;
    reference::AppendTo({"user1", "view", "/new", "", 1'700'000'000'000, 1'700'000'000'000},
                        &batch);
    live.Apply(batch, live.applied_sequence() + 1);
  }
  EXPECT_GT(refused, 10'000);
}

TEST(LiveSaveTest, OtherLimitsOrSeedsAreRefused) {
  const std::string saved = SavedState(10);
  LiveLimits limits = SmallLimits();
  ++limits.users_max;
  LiveState other_limits(limits, kHashSeed);
  EXPECT_EQ(other_limits.Load(saved).code(), StatusCode::kDataLoss);
  LiveState other_seed(SmallLimits(), kHashSeed + 1);
  EXPECT_EQ(other_seed.Load(saved).code(), StatusCode::kDataLoss);
  ExpectEmpty(other_seed);
}

TEST(LiveSaveTest, LoadReplacesWhatWasThere) {
  const std::string few = SavedState(10), many = SavedState(500);
  LiveState live(SmallLimits(), kHashSeed);
  ASSERT_TRUE(live.Load(many).ok());
  ASSERT_TRUE(live.Load(few).ok());
  EXPECT_EQ(live.applied_sequence(), 10u);
  std::string saved;
  live.Save(&saved);
  EXPECT_EQ(saved, few);
}

}  // namespace
}  // namespace insightflow
