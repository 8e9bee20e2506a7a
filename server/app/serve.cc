#include "server/app/serve.h"

#include <malloc.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "insightflow/engine.h"
#include "insightflow/version.h"
#include "server/app/context.h"
#include "server/app/log.h"
#include "server/app/proxies.h"
#include "server/app/report.h"
#include "server/app/routes.h"
#include "server/app/signals.h"
#include "server/http/listener.h"
#include "server/http/router.h"
#include "server/http/socket.h"

namespace insightflow::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kDrain{8};         // leaves the engine two of the ten seconds
constexpr seconds kDrainStopped{2};  // after a failed write: the answers under way
constexpr seconds kHealthPeriod{5};
constexpr seconds kReportPeriod{60};

// A busy probe or collector would drown the rest: those go to debug, one by one, and to a summary.
// What the listener refuses is in no summary.
LogLevel RequestLevel(const AnswerRecord& record) {
  const bool routine = IsCollectPath(record.path) || record.path == "/metrics" ||
                       record.path.substr(0, 7) == "/health";
  return routine && !record.refused ? LogLevel::kDebug : LogLevel::kInfo;
}

// The path without a user's id: a log is no place from which an erasure takes it.
std::string LoggedPath(std::string_view path) {
  std::string logged(path);
  if (!path.starts_with("/api/")) return logged;
  for (const std::string_view before : {"/users/", "/user/"}) {
    const std::size_t at = path.find(before);
    if (at == std::string_view::npos) continue;
    const std::size_t begin = at + before.size();
    const std::size_t end = std::min(path.find('/', begin), path.size());
    return logged.replace(begin, end - begin, ":id");
  }
  return logged;
}

void LogRequest(Log& log, const AnswerRecord& record) {
  const LogLevel level = RequestLevel(record);
  if (!log.Enabled(level)) return;
  const std::string path = LoggedPath(record.path);
  log.Write(level, "request",
            {{"method", record.method},
             {"path", std::string_view(path)},
             {"status", static_cast<std::uint64_t>(record.status)},
             {"ms", static_cast<double>(record.duration.count()) / 1e3},
             {"request_id", record.request_id},
             {"bytes_in", static_cast<std::uint64_t>(record.request_bytes)},
             {"bytes_out", static_cast<std::uint64_t>(record.response_bytes)},
             {"cut_off", static_cast<std::uint64_t>(record.cut_off ? 1 : 0)}});
}

// Tells once a minute what was collected, when anything was.
class CollectReport {
 public:
  void Tick(const CollectCounters& counters, Log& log) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + kReportPeriod;
    const std::uint64_t requests = counters.requests.load(std::memory_order_relaxed);
    if (requests == requests_) return;
    requests_ = requests;
    log.Write(LogLevel::kInfo, "collected since the start",
              {{"requests", requests},
               {"accepted", counters.accepted.load(std::memory_order_relaxed)},
               {"duplicates", counters.duplicates.load(std::memory_order_relaxed)},
               {"rejected", counters.rejected.load(std::memory_order_relaxed)},
               {"refused", counters.refused.load(std::memory_order_relaxed)}});
  }

 private:
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + kReportPeriod;
  std::uint64_t requests_ = 0;
};

EngineOptions ToEngineOptions(const ServeSettings& settings) {
  EngineOptions options;
  options.data_dir = settings.data;
  options.durability = settings.durability;
  options.dedupe_bytes_max = settings.dedupe_memory;
  options.in_flight_bytes_max = settings.in_flight_memory;
  options.disk_free_min = settings.disk_free_min;
  options.retention_days = settings.retention_days;
  return options;
}

ListenerOptions ToListenerOptions(const ServeSettings& settings, ListenAddress address,
                                  const ServerContext& context, Log& log) {
  ListenerOptions options;
  options.host = std::move(address.host);
  options.port = address.port;
  options.loops = static_cast<int>(settings.threads);
  options.limits.body_bytes_max = settings.body_max;
  for (const char* path : {"/api/import", "/api/v1/import"}) {
    options.limits.body_bytes_max_of.emplace_back(path, settings.import_max);
  }
  options.on_answer = [&log](const AnswerRecord& record) { LogRequest(log, record); };
  options.on_refusal = [&context](const HttpRequest& request, HttpResponse& response) {
    context.cors.Decorate(request, response);
  };
  return options;
}

// Runs until a signal (true) or until the engine has stopped (false).
bool WaitForEnd(Signals& signals, const ServerContext& context, Log& log) {
  CollectReport report;
  while (true) {
    switch (signals.Wait(kHealthPeriod)) {
      case Signals::Event::kSignal: return true;
      case Signals::Event::kNotified: return false;
      default: break;
    }
    if (context.engine.Health().code() == StatusCode::kUnavailable) return false;
    report.Tick(context.collect, log);
  }
}

Status RunServer(const ServeSettings& settings, ListenAddress address, ServerContext& context,
                 Signals& signals, Log& log) {
  context.store_stopped = [&signals] { signals.Notify(); };
  context.log_lines_dropped = [&log] { return log.LinesDropped(); };
  context.export_failed = [&log](const Status& status) {
    log.Write(LogLevel::kWarn, "export failed", {{"why", std::string_view(status.message())}});
  };
  Router router;
  AddRoutes(router, context);
  auto started =
      Listener::Start(ToListenerOptions(settings, std::move(address), context, log), router);
  if (!started.ok()) return started.status();
  Listener& listener = **started;
  context.listener.store(&listener, std::memory_order_release);
  Announce("listening on http://" + listener.host() + ":" + std::to_string(listener.port()));
  log.Write(LogLevel::kInfo, "started",
            {{"version", std::string_view(Version())},
             {"data", std::string_view(settings.data)},
             {"durability", std::string_view(DurabilityName(settings.durability))}});

  if (const Status ids = context.engine.Metrics().ids_status; !ids.ok()) {
    log.Write(LogLevel::kWarn,
              "ids of some stored events are unknown, so that a repeat counts again",
              {{"why", std::string_view(ids.message())}});
  }
  if (const Status live = context.engine.Metrics().live_status; !live.ok()) {
    log.Write(LogLevel::kWarn, "the live numbers lack events of a damaged part of the store",
              {{"why", std::string_view(live.message())}});
  }
  const bool asked = WaitForEnd(signals, context, log);
  context.draining.store(true, std::memory_order_relaxed);
  signals.RestoreDefaults();
  log.Write(LogLevel::kInfo, asked ? "signal: draining" : "the store has stopped: draining");
  const bool drained = listener.Drain(asked ? kDrain : kDrainStopped);
  if (!drained) log.Write(LogLevel::kWarn, "requests were cut off by the drain's deadline");
  listener.Stop();
  context.listener.store(nullptr, std::memory_order_release);
  Status health = context.engine.Health();
  Status closed = context.engine.Close();
  if (!asked) return health.ok() ? Unavailable("the store has stopped") : health;
  if (closed.ok()) log.Write(LogLevel::kInfo, "closed");
  return closed;
}

// Serving without keys is for this machine only.
Status CheckExposure(const ServeSettings& settings, const ListenAddress& address) {
  if (settings.insecure || IsLoopback(address.host)) return Status::Ok();
  return InvalidArgument("--listen " + settings.listen +
                         " is open to other machines and no keys protect it: listen on 127.0.0.1, "
                         "or allow it with --insecure");
}

Status ServeUntilEnd(const ServeSettings& settings) {
  const Result<ListenAddress> address = ParseListen(settings.listen);
  if (!address.ok()) return address.status();
  if (Status status = CheckHost(address->host); !status.ok()) return status;
  if (Status status = CheckExposure(settings, *address); !status.ok()) return status;
  Result<TrustedProxies> proxies = TrustedProxies::Create(settings.trusted_proxies);
  if (!proxies.ok()) return proxies.status();
  // A heap for each thread would cost more than it brings: threads here seldom allocate at once.
  mallopt(M_ARENA_MAX, 2);
  Signals signals;
  Log log(settings.log_format, settings.log_level);
  const auto engine = Engine::Open(ToEngineOptions(settings));
  if (!engine.ok()) return engine.status();
  ServerContext context(**engine, settings, std::move(*proxies));
  return RunServer(settings, *address, context, signals, log);
}

}  // namespace

Result<ListenAddress> ParseListen(std::string_view text) {
  const Status wrong =
      InvalidArgument("--listen " + std::string(text) + " is not HOST:PORT such as 127.0.0.1:8080");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong;
  }
  ListenAddress address{std::string(host), 0};
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, address.port);
  if (host.empty() || error != std::errc() || stop != end) return wrong;
  return address;
}

int Serve(const ServeSettings& settings) {
  const Status status = ServeUntilEnd(settings);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace insightflow::server
