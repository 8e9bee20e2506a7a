// What a store tells about itself: the result of a check, and the events it refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "insightflow/ingest.h"
#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

// What a check of a store found.
struct CheckReport {
  std::uint64_t records = 0;  // log records read
  std::uint64_t events = 0;   // in the log and in segments, each once
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;            // read in full, beside the log
  std::vector<std::string> damage = {};  // one line each: what, where, which range; empty: sound
};

// A rejected event that was kept for inspection.
struct FailedEvent {
  std::uint64_t id = 0;
  Timestamp received = {};
  RejectCode code = RejectCode::kMissingField;
  std::string field = {};
  std::string message = {};
  std::string event = {};  // as it was sent, cut at 4 KiB; empty when anonymous
};

}  // namespace v1
}  // namespace insightflow
