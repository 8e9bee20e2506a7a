#include "lib/log/dedupe.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/log/dedupe_file.h"
#include "lib/log/dedupe_shard.h"
#include "tests/reference/dedupe_reference.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using testing::DedupeReference;

constexpr std::int64_t kYears = std::int64_t{1} << 40;

// Drives a window and its twin with the same keys and judges every answer.
class Judge {
 public:
  Judge(std::size_t bytes_max, std::int64_t window_ms, std::int64_t now_ms, std::uint64_t seed)
      : random_(seed),
        window_(std::make_unique<DedupeWindow>(bytes_max, window_ms)),
        bytes_max_(bytes_max),
        window_ms_(window_ms),
        generation_ms_((window_ms + 127) / 128),
        now_ms_(now_ms) {}

  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  void Advance(std::int64_t by_ms) { now_ms_ += by_ms; }
  const DedupeWindow& window() const { return *window_; }
  std::int64_t now_ms() const { return now_ms_; }

  // Sends `count` keys, about `repeats` percent of which were sent before. Empty, or what is wrong.
  std::string Send(std::size_t count, std::uint64_t repeats) {
    std::vector<Hash128> keys(count);
    for (Hash128& key : keys) {
      const bool again = !sent_.empty() && Below(100) < repeats;
      key = again ? sent_[Recent()] : Hash128{random_(), random_()};
      sent_.push_back(key);
    }
    std::vector<std::uint8_t> fresh(3, 7);  // what it held does not matter
    const std::size_t told = window_->Insert(keys, now_ms_, &fresh);
    if (fresh.size() != count) return "wrong size of the answer";
    std::size_t counted = 0;
    for (std::size_t i = 0; i < count; ++i) {
      counted += fresh[i];
      const std::string wrong = JudgeKey(keys[i], fresh[i] != 0);
      if (!wrong.empty()) return "key " + std::to_string(i) + ": " + wrong;
    }
    if (told != counted) return "wrong count of fresh keys";
    if (window_->bytes() > bytes_max_)
      return "over its budget: " + std::to_string(window_->bytes());
    return {};
  }

  // Forgets up to `count` keys: most were sent, some of them twice, others never were.
  std::string Erase(std::size_t count) {
    std::vector<Hash128> keys;
    std::uint64_t least = 0, most = 0;  // how many of them are known
    for (std::size_t i = 0; i < count && !sent_.empty(); ++i) {
      keys.push_back(Below(10) == 0 ? Hash128{random_(), random_()} : sent_[Recent()]);
      const auto seen = reference_.SeenAt(keys.back());
      if (!seen) continue;
      ++most;
      if (*seen >= window_->reach_ms() && now_ms_ - *seen <= window_ms_) ++least;
      reference_.Forget(keys.back());
    }
    const std::uint64_t before = window_->size();
    window_->Erase(keys);
    const std::uint64_t erased = before - window_->size();
    if (erased < least || erased > most) {
      return "erased " + std::to_string(erased) + ", not " + std::to_string(least) + " to " +
             std::to_string(most);
    }
    return {};
  }

  // Goes on with another window, which is read from the file of this one.
  std::string SaveAndLoad() {
    const TempDir dir;
    const DedupeMark mark = {sent_.size(), now_ms_, 3};
    auto loaded = std::make_unique<DedupeWindow>(bytes_max_, window_ms_);
    if (!WriteDedupeFile(dir.path(), 7, mark, *window_).ok()) return "not written";
    const auto read = ReadDedupeFile(
        dir.path(), 7, [](const DedupeMark&) { return true; }, loaded.get());
    if (read != mark) return "not read";
    if (loaded->size() != window_->size()) return "another size";
    // An outgrown table that is kept for the next one is not saved.
    const std::size_t kept = window_->bytes() - loaded->bytes();
    if (loaded->bytes() > window_->bytes() || kept > dedupe::kSplitBytes) return "another memory";
    if (loaded->State() != window_->State()) return "another state";
    window_ = std::move(loaded);
    return {};
  }

  // What counts the keys of a generation agrees with what counts them all.
  std::string ExpireAll() {
    Advance(3 * window_ms_);
    const std::string wrong = Send(1, 0);
    return wrong.empty() && window_->size() != 1 ? "size " + std::to_string(window_->size())
                                                 : wrong;
  }

 private:
  // Mostly what was sent lately, sometimes anything.
  std::size_t Recent() {
    const std::size_t back =
        Below(2) == 0 ? std::min<std::size_t>(sent_.size(), 2'000) : sent_.size();
    return sent_.size() - 1 - Below(back);
  }

  std::string JudgeKey(const Hash128& key, bool fresh) {
    const auto seen = reference_.SeenAt(key);
    if (fresh) {
      // The reach after the call: it may have moved on during it.
      if (seen && *seen >= window_->reach_ms() && now_ms_ - *seen <= window_ms_) {
        return "forgotten, seen at " + std::to_string(*seen) + ", now " + std::to_string(now_ms_);
      }
      reference_.Remember(key, now_ms_);
      return {};
    }
    if (!seen) return "never seen, yet known";
    if (now_ms_ - *seen > window_ms_ + generation_ms_) return "known beyond the window";
    return {};
  }

  std::mt19937_64 random_;
  std::unique_ptr<DedupeWindow> window_;
  DedupeReference reference_;
  std::vector<Hash128> sent_;
  std::size_t bytes_max_;
  std::int64_t window_ms_;
  std::int64_t generation_ms_;
  std::int64_t now_ms_;
};

class DedupePropertyTest : public ::testing::Test {
 protected:
  const std::uint64_t seed_ = testing::RandomSeed();
};

TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileTimePasses) {
  for (const std::int64_t window_ms : {1, 100, 10'000, 604'800'000}) {
    Judge judge(std::size_t{1} << 20, window_ms, -5'000, seed_);
    for (int i = 0; i < 600; ++i) {
      ASSERT_EQ(judge.Send(judge.Below(200), 50), "") << window_ms;
      judge.Advance(static_cast<std::int64_t>(judge.Below(
          static_cast<std::uint64_t>(judge.Below(20) == 0 ? window_ms * 2 : window_ms / 50 + 2))));
    }
  }
}

TEST_F(DedupePropertyTest, AgreesWithTheTwinWhenTheBudgetIsSpent) {
  Judge judge(std::size_t{1} << 20, 1'000'000, 0, seed_);
  for (int i = 0; i < 250; ++i) {
    ASSERT_EQ(judge.Send(judge.Below(3'000), 30), "");
    judge.Advance(static_cast<std::int64_t>(judge.Below(40)));
  }
  EXPECT_GT(judge.window().size(), 80'000u);
  EXPECT_GT(judge.window().reach_ms(), 0);
  EXPECT_LT(judge.window().reach_ms(), judge.now_ms());
}

// Codes of generations come round several times while slots of old ones are still there.
TEST_F(DedupePropertyTest, AgreesWithTheTwinOverManyWindows) {
  Judge judge(std::size_t{1} << 20, 1'280, 0, seed_);
  for (int i = 0; i < 1'500; ++i) {
    ASSERT_EQ(judge.Send(judge.Below(300), 30), "");
    judge.Advance(static_cast<std::int64_t>(judge.Below(30)));
  }
}

TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileShardsSplitAndExpire) {
  Judge judge(std::size_t{1} << 30, 1'280, 0, seed_);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(judge.Send(judge.Below(6'000), 30), "");
    judge.Advance(static_cast<std::int64_t>(judge.Below(i < 150 ? 10 : 60)));
  }
}

// Through growth, expiry and codes that come round again.
TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileKeysAreErased) {
  for (const std::int64_t window_ms : {1, 1'280, 100'000}) {
    Judge judge(std::size_t{1} << 20, window_ms, -5'000, seed_);
    for (int i = 0; i < 600; ++i) {
      ASSERT_EQ(judge.Send(judge.Below(300), 50), "") << window_ms;
      if (judge.Below(3) == 0) {
        ASSERT_EQ(judge.Erase(judge.Below(200)), "") << window_ms;
      }
      judge.Advance(static_cast<std::int64_t>(judge.Below(30)));
    }
    ASSERT_EQ(judge.ExpireAll(), "") << window_ms;
  }
}

TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileKeysAreErasedFromCompactTables) {
  Judge judge(std::size_t{1} << 20, 1'000'000, 0, seed_);
  for (int i = 0; i < 250; ++i) {
    ASSERT_EQ(judge.Send(judge.Below(3'000), 30), "");
    if (judge.Below(2) == 0) {
      ASSERT_EQ(judge.Erase(judge.Below(1'000)), "");
    }
    judge.Advance(static_cast<std::int64_t>(judge.Below(40)));
  }
  EXPECT_GT(judge.window().size(), 65'536u);  // full slots would not fit the budget
  EXPECT_GT(judge.window().reach_ms(), 0);
  ASSERT_EQ(judge.ExpireAll(), "");
}

TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileKeysAreErasedAndShardsSplit) {
  Judge judge(std::size_t{1} << 30, 1'280, 0, seed_);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(judge.Send(judge.Below(6'000), 30), "");
    if (judge.Below(2) == 0) {
      ASSERT_EQ(judge.Erase(judge.Below(3'000)), "");
    }
    judge.Advance(static_cast<std::int64_t>(judge.Below(i < 150 ? 10 : 60)));
  }
  ASSERT_EQ(judge.ExpireAll(), "");
}

// Saved and loaded at any moment: empty tables, growth, dead generations, codes that come round.
TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileItIsSavedAndLoaded) {
  for (const std::int64_t window_ms : {1, 1'280, 100'000}) {
    Judge judge(std::size_t{1} << 20, window_ms, -5'000, seed_);
    for (int i = 0; i < 400; ++i) {
      if (judge.Below(5) == 0) {
        ASSERT_EQ(judge.SaveAndLoad(), "") << window_ms;
      }
      ASSERT_EQ(judge.Send(judge.Below(300), 50), "") << window_ms;
      if (judge.Below(3) == 0) {
        ASSERT_EQ(judge.Erase(judge.Below(200)), "") << window_ms;
      }
      judge.Advance(static_cast<std::int64_t>(judge.Below(30)));
    }
    ASSERT_EQ(judge.SaveAndLoad(), "") << window_ms;
    ASSERT_EQ(judge.ExpireAll(), "") << window_ms;
  }
}

TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileCompactTablesAreSavedAndLoaded) {
  Judge judge(std::size_t{1} << 20, 1'000'000, 0, seed_);
  for (int i = 0; i < 250; ++i) {
    ASSERT_EQ(judge.Send(judge.Below(3'000), 30), "");
    if (judge.Below(3) == 0) {
      ASSERT_EQ(judge.Erase(judge.Below(1'000)), "");
    }
    if (judge.Below(5) == 0) {
      ASSERT_EQ(judge.SaveAndLoad(), "");
    }
    judge.Advance(static_cast<std::int64_t>(judge.Below(40)));
  }
  EXPECT_GT(judge.window().size(), 65'536u);  // full slots would not fit the budget
  EXPECT_GT(judge.window().reach_ms(), 0);
  ASSERT_EQ(judge.SaveAndLoad(), "");
  ASSERT_EQ(judge.ExpireAll(), "");
}

TEST_F(DedupePropertyTest, AgreesWithTheTwinWhileSplitShardsAreSavedAndLoaded) {
  Judge judge(std::size_t{1} << 30, 1'280, 0, seed_);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(judge.Send(judge.Below(6'000), 30), "");
    if (judge.Below(10) == 0) {
      ASSERT_EQ(judge.SaveAndLoad(), "");
    }
    judge.Advance(static_cast<std::int64_t>(judge.Below(i < 150 ? 10 : 60)));
  }
  ASSERT_EQ(judge.SaveAndLoad(), "");
  ASSERT_EQ(judge.ExpireAll(), "");
}

TEST_F(DedupePropertyTest, ReachNeverGoesBackAndAllIsRememberedBeforeAnythingIsForgotten) {
  Judge judge(std::size_t{2} << 20, kYears, 0, seed_);
  std::int64_t reach = std::numeric_limits<std::int64_t>::min();
  for (int i = 0; i < 110; ++i) {
    ASSERT_EQ(judge.Send(3'000, 10), "");
    ASSERT_GE(judge.window().reach_ms(), reach);
    reach = judge.window().reach_ms();
    if (i == 50) {
      ASSERT_EQ(reach, std::numeric_limits<std::int64_t>::min());
    }
    judge.Advance(7);
  }
  EXPECT_GT(reach, 0);
}

}  // namespace
}  // namespace insightflow
