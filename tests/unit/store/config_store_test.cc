// Values under ids: what is kept, what is told apart, and what damage costs.
#include "lib/store/config_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr ConfigKind kThing = {.name = "thing"};
constexpr ConfigKind kThings = {.name = "things", .version = 3};

class ConfigStoreTest : public ::testing::Test {
 protected:
  ConfigStoreTest() { Open(); }

  void Open(rocksdb::Env* env = nullptr) {
    store_.reset();
    StoreOptions options;
    options.dir = dir_.path();
    options.env = env;
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(*store);
  }

  std::string Get(const ConfigKind& kind, std::string_view id) {
    const auto value = GetConfig(*store_, kind, id);
    if (!value.ok()) return value.status().ToString();
    return value->value_or("none");
  }

  std::string Raw(const std::string& key) {
    std::string value;
    EXPECT_TRUE(store_->db()
                    .Get(rocksdb::ReadOptions(), store_->family(Family::kConfig), key, &value)
                    .ok());
    return value;
  }

  void SetRaw(const std::string& key, const std::string& value) {
    ASSERT_TRUE(store_->db()
                    .Put(rocksdb::WriteOptions(), store_->family(Family::kConfig), key, value)
                    .ok());
  }

  std::map<std::string, std::string> All(const ConfigKind& kind) {
    std::map<std::string, std::string> all;
    const Status status =
        VisitConfig(*store_, kind, [&](std::string_view id, const Result<std::string_view>& value) {
          all[std::string(id)] = value.ok() ? std::string(*value) : value.status().ToString();
        });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return all;
  }

  TempDir dir_;
  std::unique_ptr<Store> store_;
};

const std::string kKey("thing\0a", 7);

TEST_F(ConfigStoreTest, KeepsAndRemovesValuesOfEachKind) {
  EXPECT_EQ(Get(kThing, "a"), "none");
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "b", "two").ok());
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "a", "").ok());
  ASSERT_TRUE(PutConfig(store_.get(), kThings, "a", "another kind").ok());
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "b", std::string("2\0", 2)).ok());
  ASSERT_TRUE(store_->Close().ok());
  Open();
  EXPECT_THAT(All(kThing), ElementsAre(Pair("a", ""), Pair("b", std::string("2\0", 2))));
  EXPECT_THAT(All(kThings), ElementsAre(Pair("a", "another kind")));
  ASSERT_TRUE(RemoveConfig(store_.get(), kThing, "a").ok());
  EXPECT_EQ(Get(kThing, "a"), "none");
  EXPECT_EQ(Get(kThings, "a"), "another kind");
}

TEST_F(ConfigStoreTest, IsSealedAsTheDocumentationSays) {
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "a", "value").ok());
  std::string expected = "\x01value";
  PutFixed(&expected, HashBytes(expected, HashBytes(kKey, 0)));
  EXPECT_EQ(Raw(kKey), expected);
}

TEST_F(ConfigStoreTest, EveryChangedBitAndEveryCutIsDamage) {
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "a", "value").ok());
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "b", "sound").ok());
  const std::string sealed = Raw(kKey);
  const std::string damaged = R"(data_loss: thing "a" is damaged: its checksum does not match)";
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string changed = sealed;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    SetRaw(kKey, changed);
    ASSERT_EQ(Get(kThing, "a"), damaged) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    SetRaw(kKey, sealed.substr(0, size));
    ASSERT_EQ(Get(kThing, "a"), damaged) << size;
  }
  SetRaw(kKey, Raw(std::string("thing\0b", 7)));
  EXPECT_EQ(Get(kThing, "a"), damaged) << "under another key";
  EXPECT_THAT(All(kThing), ElementsAre(Pair("a", damaged), Pair("b", "sound")));
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "a", "again").ok());
  EXPECT_EQ(Get(kThing, "a"), "again");
}

TEST_F(ConfigStoreTest, ReadsOlderVersionsAndRefusesNewerOnes) {
  constexpr ConfigKind kOlder = {.name = "things", .version = 1};
  ASSERT_TRUE(PutConfig(store_.get(), kOlder, "a", "old").ok());
  EXPECT_EQ(Get(kThings, "a"), "old");
  ASSERT_TRUE(PutConfig(store_.get(), kThings, "a", "new").ok());
  EXPECT_EQ(Get(kOlder, "a"),
            R"(failed_precondition: things "a" has version 3, this build reads up to 1; )"
            "use a newer build");
  std::string none(1, '\0');
  PutFixed(&none, HashBytes(none, HashBytes(kKey, 0)));
  SetRaw(kKey, none);
  EXPECT_THAT(Get(kThing, "a"), HasSubstr("damaged")) << "there is no version 0";
}

TEST_F(ConfigStoreTest, AnswersAfterTheSync) {
  ASSERT_TRUE(store_->Close().ok());
  const auto fs = std::make_shared<FaultyFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(fs);
  Open(env.get());
  ASSERT_TRUE(PutConfig(store_.get(), kThing, "a", "value").ok());
  fs->Arm(Fault::kSync, 0, rocksdb::IOStatus::IOError("Input/output error"));
  EXPECT_EQ(PutConfig(store_.get(), kThing, "a", "2").code(), StatusCode::kUnavailable);
  fs->Heal();
  EXPECT_EQ(RemoveConfig(store_.get(), kThing, "a").code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_->Health().code(), StatusCode::kUnavailable);
  store_.reset();
}

}  // namespace
}  // namespace insightflow
