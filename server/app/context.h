// What the handlers of one server share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "insightflow/engine.h"
#include "server/app/cors.h"
#include "server/app/proxies.h"
#include "server/app/settings.h"
#include "server/http/listener.h"
#include "server/http/router.h"

namespace insightflow::server {

// What was collected over HTTP. Each is a total since the start.
struct CollectCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> rejected{0};
  std::atomic<std::uint64_t> refused{0};          // whole requests: 4xx and 5xx
  std::atomic<std::uint64_t> privacy_signals{0};  // requests with Sec-GPC: 1 or DNT: 1
  std::atomic<std::uint64_t> privacy_counted{0};  // of those, taken anonymously
  std::atomic<std::uint64_t> privacy_dropped{0};  // of those, not kept
};

// Of queries over HTTP. Totals since the start, but for `running`.
struct QueryCounters {
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> running{0};
  std::atomic<std::uint64_t> cancelled{0};  // their clients left
  std::atomic<std::uint64_t> late{0};       // ended by the deadline
  std::atomic<std::uint64_t> refused{0};    // too many were under way
};

struct ServerContext {
  ServerContext(Engine& its_engine, const ServeSettings& settings, TrustedProxies its_proxies)
      : engine(its_engine),
        proxies(std::move(its_proxies)),
        cors(settings.cors_origins),
        privacy(settings.privacy),
        events_max(settings.events_max),
        body_max(settings.body_max),
        queries_max(settings.queries_max) {}

  Engine& engine;
  const Clock* clock = &Clock::System();
  TrustedProxies proxies;
  CorsPolicy cors;
  PrivacyPolicy privacy;
  std::size_t events_max;
  std::size_t body_max;
  std::size_t queries_max;  // 0: by the machine
  std::chrono::milliseconds query_deadline = std::chrono::seconds(10);

  CollectCounters collect;
  QueryCounters queries;
  Lane query_lane = 0;  // of the routes that ask the engine a query
  // Answers a query; a test may put something slow in its place.
  std::function<Result<Answer>(const Query&, const QueryOptions&)> query =
      [this](const Query& q, const QueryOptions& options) { return engine.Query(q, options); };
  std::atomic<bool> draining{false};
  // Log lines that were given up because stderr did not take them.
  std::function<std::uint64_t()> log_lines_dropped = [] { return std::uint64_t{0}; };
  std::atomic<const Listener*> listener{nullptr};  // while it runs
  // The engine stopped after a write error. Called from any thread, perhaps often; must not block.
  std::function<void()> store_stopped = [] {};
  // An export failed after its answer had begun, so that its client cannot be told why. Called from
  // any thread; must not block.
  std::function<void(const Status&)> export_failed = [](const Status&) {};
  std::atomic<int> exports{0};  // under way
  std::atomic<int> imports{0};
};

}  // namespace insightflow::server
