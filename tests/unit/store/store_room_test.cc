// A store on a full disk: it says so before it changes anything.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "lib/store/store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

class SmallDisk final : public FaultyFileSystem {
 public:
  const char* Name() const override { return "SmallDisk"; }
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&,
                                 std::uint64_t* bytes, rocksdb::IODebugContext*) override {
    *bytes = free;
    return rocksdb::IOStatus::OK();
  }

  std::uint64_t free = std::uint64_t{1} << 30;
};

TEST(StoreRoom, AStoreIsNotOpenedOnAFullDisk) {
  const TempDir dir;
  const auto fs = std::make_shared<SmallDisk>();
  const auto env = rocksdb::NewCompositeEnv(fs);
  StoreOptions options;
  options.dir = dir.path();
  options.env = env.get();
  options.disk_free_min = 0;
  ASSERT_TRUE((*Store::Open(options))->Close().ok());
  fs->free = 36 << 10;
  const Status full = Store::Open(options).status();
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(full.message(), testing::HasSubstr("is full (36 KiB free"));
  fs->free = 1 << 20;
  EXPECT_TRUE(Store::Open(options).ok());
}

}  // namespace
}  // namespace insightflow
