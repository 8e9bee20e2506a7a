// A funnel over one user's events, without a store: what is counted, and by which events.

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "insightflow/analytics.h"

namespace {

using insightflow::Event;

// An event of the user, so many minutes after the beginning.
Event At(int minute, const std::string& type) {
  constexpr std::int64_t kStartMs = 1'700'000'000'000;
  return {.user_id = "ann",
          .event_type = type,
          .timestamp = insightflow::FromMillis(kStartMs + std::int64_t{minute} * 60'000)};
}

bool Expect(bool holds, const char* what) {
  if (!holds) std::printf("not so: %s\n", what);
  return holds;
}

}  // namespace

int main() {
  insightflow::FunnelQuery funnel;
  funnel.steps = {{.event = {{"view"}}}, {.event = {{"cart"}}}, {.event = {{"purchase"}}}};
  funnel.window = std::chrono::hours(1);

  // The first try takes too long. The second, which begins in its midst, does not.
  const std::vector<Event> timeline = {At(0, "view"), At(50, "cart"), At(55, "view"),
                                       At(70, "cart"), At(90, "purchase")};

  const auto paths = insightflow::FunnelPaths(funnel, timeline);
  if (!paths.ok()) {
    std::printf("%s\n", paths.status().ToString().c_str());
    return 1;
  }
  bool ok = Expect(paths->size() == 1 && paths->front().level == 3, "ann bought something");
  for (const insightflow::FunnelPathStep& step : paths->front().steps) {
    const auto passed = std::chrono::floor<std::chrono::minutes>(step.time - timeline[0].timestamp);
    std::printf("step %zu after %d min\n", step.step, static_cast<int>(passed.count()));
  }

  const auto answer = insightflow::Analyze(funnel, timeline, timeline.back().timestamp);
  if (!answer.ok()) {
    std::printf("%s\n", answer.status().ToString().c_str());
    return 1;
  }
  const auto& body = std::get<insightflow::FunnelAnswer>(answer->body);
  ok = Expect(body.counts.total_users == 1, "one user saw something") && ok;
  ok = Expect(body.counts.conversion_rate == 100, "all of them bought") && ok;
  ok = Expect(body.time_to_convert && body.time_to_convert->median_ms == 35 * 60'000,
              "it took 35 minutes") &&
       ok;
  return ok ? 0 : 1;
}
