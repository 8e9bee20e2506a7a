// An engine over a folder and a clock of its own, and events to give to it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "insightflow/engine.h"
#include "tests/support/temp_dir.h"

namespace insightflow {

inline constexpr std::int64_t kNow = 1'700'000'000'000;

inline std::string EventJson(const std::string& id, const std::string& user,
                             const std::string& type, const std::string& page, std::int64_t time) {
  return R"({"event_id":")" + id + R"(","user_id":")" + user +
         R"(","session_id":"s","event_type":")" + type + R"(","page_url":")" + page +
         R"(","timestamp":)" + std::to_string(time) + "}";
}

inline std::string Envelope(const std::vector<std::string>& events) {
  std::string body = R"({"events":[)";
  for (std::size_t i = 0; i < events.size(); ++i) body += (i == 0 ? "" : ",") + events[i];
  return body + "]}";
}

class EngineTest : public testing::Test {
 protected:
  EngineTest() : clock_(FromMillis(kNow)) {
    options_.data_dir = dir_.path();
    options_.clock = &clock_;
    options_.dedupe_bytes_max = 16u << 20;
  }

  std::unique_ptr<Engine> Open() {
    Result<std::unique_ptr<Engine>> engine = Engine::Open(options_);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    return engine.ok() ? std::move(*engine) : nullptr;
  }

  TempDir dir_;
  ManualClock clock_;
  EngineOptions options_;
};

}  // namespace insightflow
