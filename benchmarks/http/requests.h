// The requests that the load program sends, made before the clock starts.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/batches.h"

namespace insightflow::benchmarks {

// One request's bytes in two parts, which stay as they are until Return(slot).
struct Request {
  std::size_t slot = 0;
  std::string_view head;
  std::string_view body;
};

class Requests {
 public:
  virtual ~Requests() = default;
  virtual Request Take() = 0;
  virtual void Return(std::size_t slot) = 0;
  // Events that an answer must say were accepted; 0: any answer of status 200 will do.
  virtual std::uint64_t events() const = 0;
};

// POSTs of `batch_events` events, each event with an id that no other request has. `seed` must not
// be one that the server has seen. Null when the memory cannot be had.
std::unique_ptr<Requests> MakeCollectRequests(std::size_t batch_events, std::size_t slots,
                                              std::uint64_t seed, const std::string& path);

// GETs of the paths in turn.
std::unique_ptr<Requests> MakeGetRequests(const std::vector<std::string>& paths);

}  // namespace insightflow::benchmarks
