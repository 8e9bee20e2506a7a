#include "benchmarks/common/batches.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <thread>

namespace insightflow::benchmarks {
namespace {

// Address space, not memory: pages exist once they are written.
constexpr std::size_t kEventBytesMax = 512;
constexpr std::size_t kBatchBytesMax = 64;

char* MapSharedMemory(std::size_t bytes) {
  const int fd = memfd_create("batches", MFD_CLOEXEC);
  if (fd < 0) return nullptr;
  void* memory = MAP_FAILED;
  if (ftruncate(fd, static_cast<off_t>(bytes)) == 0) {
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

}  // namespace

std::unique_ptr<Batches> Batches::Create(const BatchesOptions& options) {
  std::unique_ptr<Batches> batches(new Batches);
  const std::size_t shards = std::max<std::size_t>(options.shards, 1);
  batches->batch_events_ = std::max<std::size_t>(options.batch_events, 1);
  batches->batches_a_shard_ =
      std::max<std::size_t>(options.events / batches->batch_events_ / shards, 1);
  batches->shards_.resize(shards);
  for (Shard& shard : batches->shards_) {
    shard.mapped =
        batches->batches_a_shard_ * (batches->batch_events_ * kEventBytesMax + kBatchBytesMax);
    shard.begin = MapSharedMemory(shard.mapped);
    if (shard.begin == nullptr) return nullptr;
  }
  std::vector<std::thread> threads;
  for (std::size_t s = 0; s < shards; ++s) {
    GeneratorOptions generator = options.generator;
    generator.seed += s;
    generator.events_per_second = std::max<std::uint64_t>(generator.events_per_second / shards, 1);
    threads.emplace_back(
        [&batches, generator, s] { batches->Fill(generator, &batches->shards_[s]); });
  }
  for (std::thread& thread : threads) thread.join();
  return batches;
}

Batches::~Batches() {
  for (const Shard& shard : shards_) {
    if (shard.begin != nullptr) munmap(shard.begin, shard.mapped);
  }
}

void Batches::Fill(GeneratorOptions options, Shard* shard) const {
  Generator generator(options);
  std::string body;
  std::size_t end = 0;
  for (std::size_t i = 0; i < batches_a_shard_; ++i) {
    body = R"({"events":[)";
    for (std::size_t k = 0; k < batch_events_; ++k) {
      if (k > 0) body.push_back(',');
      const GeneratedEvent event = generator.Next();
      ++shard->kinds[static_cast<std::size_t>(event.kind)];
      shard->ids.push_back(static_cast<std::uint32_t>(body.size() + kJsonIdOffset));
      AppendJson(event, &body);
    }
    body += "]}";
    std::memcpy(shard->begin + end, body.data(), body.size());
    end += body.size();
    shard->ends.push_back(end);
  }
}

std::size_t Batches::BeginOf(std::size_t i) const {
  const std::size_t at = i / shards_.size();
  return at == 0 ? 0 : shards_[i % shards_.size()].ends[at - 1];
}

std::string_view Batches::at(std::size_t i) const {
  const Shard& shard = shards_[i % shards_.size()];
  const std::size_t begin = BeginOf(i);
  return {shard.begin + begin, shard.ends[i / shards_.size()] - begin};
}

std::array<std::uint64_t, kKindCount> Batches::kinds() const {
  std::array<std::uint64_t, kKindCount> sum = {};
  for (const Shard& shard : shards_) {
    for (std::size_t k = 0; k < kKindCount; ++k) sum[k] += shard.kinds[k];
  }
  return sum;
}

std::uint64_t Batches::bytes() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.ends.back();
  return sum;
}

void Batches::Renew(std::size_t i, std::uint32_t pass) {
  Shard& shard = shards_[i % shards_.size()];
  char* body = shard.begin + BeginOf(i);
  char digits[8];
  for (int d = 7; d >= 0; --d, pass >>= 4) digits[d] = "0123456789abcdef"[pass & 15];
  const std::uint32_t* ids = shard.ids.data() + i / shards_.size() * batch_events_;
  // The other 24 digits stay random, and they already tell the events of one pass apart.
  for (std::size_t k = 0; k < batch_events_; ++k) std::memcpy(body + ids[k], digits, 8);
}

}  // namespace insightflow::benchmarks
