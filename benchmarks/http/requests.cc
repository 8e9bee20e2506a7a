#include "benchmarks/http/requests.h"

#include <chrono>
#include <utility>

namespace insightflow::benchmarks {
namespace {

class CollectRequests final : public Requests {
 public:
  CollectRequests(std::unique_ptr<Batches> batches, const std::string& path)
      : batches_(std::move(batches)), uses_(batches_->size()), busy_(batches_->size()) {
    for (std::size_t i = 0; i < batches_->size(); ++i) {
      heads_.push_back("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                       "Content-Type: application/json\r\nContent-Length: " +
                       std::to_string(batches_->at(i).size()) + "\r\n\r\n");
    }
  }

  Request Take() override {
    do {
      at_ = (at_ + 1) % busy_.size();
    } while (busy_[at_]);
    busy_[at_] = true;
    // The first time too: an id as it was made may be that of a later pass.
    batches_->Renew(at_, ++uses_[at_]);
    return {at_, heads_[at_], batches_->at(at_)};
  }

  void Return(std::size_t slot) override { busy_[slot] = false; }
  std::uint64_t events() const override { return batches_->batch_events(); }

 private:
  std::unique_ptr<Batches> batches_;
  std::vector<std::string> heads_;
  std::vector<std::uint32_t> uses_;
  std::vector<bool> busy_;
  std::size_t at_ = 0;
};

class GetRequests final : public Requests {
 public:
  explicit GetRequests(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      heads_.push_back("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
  }

  Request Take() override {
    at_ = (at_ + 1) % heads_.size();
    return {at_, heads_[at_], {}};
  }
  void Return(std::size_t) override {}
  std::uint64_t events() const override { return 0; }

 private:
  std::vector<std::string> heads_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<Requests> MakeCollectRequests(std::size_t batch_events, std::size_t slots,
                                              std::uint64_t seed, const std::string& path) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  BatchesOptions options;
  options.generator.seed = seed;
  options.generator.start_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count() - 60'000;
  options.generator.events_per_second = 100'000;
  options.events = batch_events * slots;
  options.batch_events = batch_events;
  options.shards = 1;
  auto batches = Batches::Create(options);
  return batches == nullptr ? nullptr : std::make_unique<CollectRequests>(std::move(batches), path);
}

std::unique_ptr<Requests> MakeGetRequests(const std::vector<std::string>& paths) {
  return std::make_unique<GetRequests>(paths);
}

}  // namespace insightflow::benchmarks
