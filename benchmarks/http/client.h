// An HTTP client that costs little: one thread, one epoll loop, keep-alive connections, no
// pipelining. Several streams of requests share the loop, each at its own pace.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/common/measure.h"
#include "benchmarks/http/requests.h"

namespace insightflow::benchmarks {

struct StreamOptions {
  std::size_t connections = 32;
  // Requests a second, sent on schedule whatever the answers do; a latency counts from the moment
  // that the schedule names, also when no connection was free then. 0: as fast as answers come.
  double rate = 0;
};

struct StreamResult {
  std::uint64_t requests = 0;     // answered while it was measured
  std::uint64_t sent_events = 0;  // of all requests, also those before and after
  std::uint64_t accepted_events = 0;
  std::uint64_t failed = 0;  // not 200, not all accepted, or the connection broke
  std::uint64_t unsent = 0;  // on the schedule and never sent, for want of a connection
  std::string first_failure;
  Latencies latency;
};

struct LoadResult {
  double seconds = 0;  // of the measured time
  std::string error;   // empty: connected and ran
  std::vector<StreamResult> streams;
};

struct Stream {
  StreamOptions options;
  std::unique_ptr<Requests> requests;
};

// Runs the streams against 127.0.0.1:port; the first `warm_up` seconds are not measured.
LoadResult RunLoad(int port, std::vector<Stream> streams, double warm_up, double seconds);

}  // namespace insightflow::benchmarks
