#include "lib/log/follower_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "lib/base/coding.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

constexpr std::size_t kChunk = FollowerStore::kChunkBytes;

std::string Pattern(std::size_t size, char salt) {
  std::string text(size, salt);
  for (std::size_t i = 0; i < size; i += 97) text[i] = static_cast<char>(i * 31 + salt);
  return text;
}

Status Cancelled() { return Status(StatusCode::kCancelled, "enough"); }

class FollowerStoreTest : public ::testing::Test {
 protected:
  FollowerStoreTest() { Reopen(); }
  void Reopen() {
    followers_.reset();
    if (store_ != nullptr) {
      ASSERT_TRUE(store_->Close().ok());
    }
    StoreOptions options;
    options.dir = dir_.path();
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(*store);
    followers_ = std::make_unique<FollowerStore>(store_.get());
  }
  void Expect(std::string_view name, std::uint64_t applied, const std::string& state) {
    const auto loaded = followers_->Load(name);
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    ASSERT_TRUE(loaded->has_value());
    EXPECT_EQ((*loaded)->applied_sequence, applied);
    EXPECT_TRUE((*loaded)->state == state) << name;
  }
  std::size_t Keys() const {
    std::size_t keys = 0;
    const std::unique_ptr<rocksdb::Iterator> rows(
        store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(Family::kCursors)));
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) ++keys;
    return keys;
  }
  void Put(const std::string& key, const std::string& value) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(store_->family(Family::kCursors), key, value).ok());
    ASSERT_TRUE(store_->Write(&batch, false).ok());
  }
  static std::string ChunkKey(const std::string& name, std::uint64_t generation, std::uint64_t i) {
    std::string key = name + '\0';
    PutBigEndian64(&key, generation);
    PutBigEndian64(&key, i);
    return key;
  }

  TempDir dir_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FollowerStore> followers_;
};

TEST_F(FollowerStoreTest, KeepsStatesOfEverySize) {
  const auto none = followers_->Load("live");
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  std::uint64_t applied = 0;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1,
                                 3 * kChunk, 20 * kChunk + 7, std::size_t{5}, 2 * kChunk}) {
    const std::string state = Pattern(size, static_cast<char>('a' + applied));
    ASSERT_TRUE(followers_->Save("live", ++applied, state).ok());
    Expect("live", applied, state);
    const std::size_t chunks = size <= kChunk ? 0 : (size + kChunk - 1) / kChunk;
    EXPECT_EQ(Keys(), 1 + chunks) << "old chunks are gone";
    Reopen();
    Expect("live", applied, state);
  }
}

TEST_F(FollowerStoreTest, PiecesOfAnySizeAreTheWholeState) {
  std::uint64_t applied = 0;
  for (const std::size_t size : {std::size_t{0}, kChunk, kChunk + 1, 3 * kChunk, 3 * kChunk + 5}) {
    for (const std::size_t piece : {std::size_t{1000}, kChunk - 1, kChunk, 2 * kChunk + 3}) {
      const std::string state = Pattern(size, static_cast<char>('a' + applied));
      const auto write = [&](const TakePiece& take) {
        for (std::size_t at = 0; at < size; at += piece) {
          if (Status status = take(std::string_view(state).substr(at, piece)); !status.ok()) {
            return status;
          }
          if (Status status = take({}); !status.ok()) return status;
        }
        return Status::Ok();
      };
      ASSERT_TRUE(followers_->Save("live", ++applied, write).ok());
      Expect("live", applied, state);
      EXPECT_EQ(Keys(), 1 + (size <= kChunk ? 0 : (size + kChunk - 1) / kChunk));
    }
  }
}

TEST_F(FollowerStoreTest, AStateThatIsNotWrittenToItsEndLeavesTheOldOne) {
  const std::string old = Pattern(2 * kChunk + 1, 'o');
  ASSERT_TRUE(followers_->Save("live", 1, old).ok());
  const auto fail = [](const TakePiece& take) {
    EXPECT_TRUE(take(std::string(3 * kChunk, 'n')).ok());
    return Cancelled();
  };
  EXPECT_EQ(followers_->Save("live", 2, fail).code(), StatusCode::kCancelled);
  Expect("live", 1, old);
  Reopen();
  Expect("live", 1, old);
  ASSERT_TRUE(followers_->Save("live", 3, Pattern(kChunk + 1, 'c')).ok());
  Expect("live", 3, Pattern(kChunk + 1, 'c'));
  EXPECT_EQ(Keys(), 3u) << "what was begun is gone";
}

TEST_F(FollowerStoreTest, KeepsFollowersApart) {
  const std::string big = Pattern(2 * kChunk, 'x');
  ASSERT_TRUE(followers_->Save("a", 1, big).ok());
  ASSERT_TRUE(followers_->Save("ab", 2, "small").ok());
  ASSERT_TRUE(followers_->Save("a", 3, "").ok());
  ASSERT_TRUE(followers_->Save("ab", 4, big).ok());
  ASSERT_TRUE(followers_->Save("a", 5, "last").ok());
  Expect("a", 5, "last");
  Expect("ab", 4, big);
  EXPECT_TRUE(CheckFollowers(*store_).empty());
}

TEST_F(FollowerStoreTest, RefusesBadNames) {
  for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("a b"),
                                  std::string("a\0b", 3), std::string("é")}) {
    EXPECT_EQ(followers_->Save(name, 1, "").code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(followers_->Load(name).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(followers_->Save(std::string(64, 'a'), 1, "").ok());
}

TEST_F(FollowerStoreTest, ACrashBetweenChunksKeepsTheOldState) {
  const std::string old_state = Pattern(3 * kChunk, 'o');
  ASSERT_TRUE(followers_->Save("live", 7, old_state).ok());
  for (std::uint64_t i = 0; i < 9; ++i) Put(ChunkKey("live", 2, i), "half written");
  Reopen();
  Expect("live", 7, old_state);
  const std::string new_state = Pattern(2 * kChunk, 'n');
  ASSERT_TRUE(followers_->Save("live", 8, new_state).ok());
  Expect("live", 8, new_state);
  EXPECT_EQ(Keys(), 3u) << "what the crash left is gone";
}

TEST_F(FollowerStoreTest, DamageIsNeverSilentAndCanBeReplaced) {
  const std::string state = Pattern(2 * kChunk, 's');
  ASSERT_TRUE(followers_->Save("live", 1, state).ok());
  Put(ChunkKey("live", 1, 1), Pattern(kChunk, 't'));
  EXPECT_EQ(followers_->Load("live").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(CheckFollowers(*store_).size(), 1u);
  Put(ChunkKey("live", 1, 1), "short");
  EXPECT_EQ(followers_->Load("live").status().code(), StatusCode::kDataLoss);
  Put("live", "not a head");
  EXPECT_EQ(followers_->Load("live").status().code(), StatusCode::kDataLoss);
  ASSERT_TRUE(followers_->Save("live", 2, state).ok());
  Expect("live", 2, state);
  EXPECT_EQ(Keys(), 3u);
}

TEST_F(FollowerStoreTest, LoadsWholeStatesWhileTheyAreReplaced) {
  ASSERT_TRUE(followers_->Save("live", 0, Pattern(2 * kChunk, 'a')).ok());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::uint64_t i = 1; !stop; ++i) {
      const char salt = static_cast<char>('a' + i % 3);
      EXPECT_TRUE(followers_->Save("live", i % 3, Pattern((2 + i % 3) * kChunk, salt)).ok());
    }
  });
  for (int i = 0; i < 20; ++i) {
    const auto loaded = followers_->Load("live");
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    const auto applied = (*loaded)->applied_sequence;
    EXPECT_TRUE((*loaded)->state ==
                Pattern((2 + applied) * kChunk, static_cast<char>('a' + applied)));
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace insightflow
