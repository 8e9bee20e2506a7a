#include "lib/store/file_checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr char kName[] = "insightflow.xxh3";  // stored beside each checksum

class Xxh3Generator final : public rocksdb::FileChecksumGenerator {
 public:
  Xxh3Generator() { XXH3_128bits_reset(&state_); }

  void Update(const char* data, std::size_t size) override {
    XXH3_128bits_update(&state_, data, size);
  }
  void Finalize() override {
    const XXH128_hash_t hash = XXH3_128bits_digest(&state_);
    checksum_.clear();
    PutFixed(&checksum_, hash.low64);
    PutFixed(&checksum_, hash.high64);
  }
  std::string GetChecksum() const override { return checksum_; }
  const char* Name() const override { return kName; }

 private:
  XXH3_state_t state_;
  std::string checksum_;
};

class Xxh3Factory final : public rocksdb::FileChecksumGenFactory {
 public:
  const char* Name() const override { return kName; }
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(
      const rocksdb::FileChecksumGenContext&) override {
    return std::make_unique<Xxh3Generator>();
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileChecksumGenFactory> FileChecksumFactory() {
  static const auto factory = std::make_shared<Xxh3Factory>();
  return factory;
}

}  // namespace v1
}  // namespace insightflow
