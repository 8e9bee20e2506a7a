// insightflow_load: loads a server on this machine over HTTP and prints one JSON object.
//
//   insightflow_load --server build/release/server/insightflow --events 100
//   insightflow_load --port 8080 --events 1 --rate 12000 --query-rate 200
//
// Every event has an id of its own, and every answer must be 200 and accept what was sent;
// otherwise the program fails. It refuses to load anything but the loopback interface.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/common/measure.h"
#include "benchmarks/http/client.h"
#include "benchmarks/http/requests.h"
#include "benchmarks/http/server_process.h"

namespace insightflow::benchmarks {
namespace {

constexpr std::size_t kInputBytes = 64 << 20;
constexpr std::size_t kEventBytes = 340;
constexpr std::chrono::seconds kIdle{2};

struct Settings {
  int port = 0;
  std::string server;
  std::vector<std::string> server_options;
  std::string dir;
  std::size_t batch_events = 100;  // 0: only queries
  std::string path = "/api/events";
  StreamOptions collect = {.connections = 32};
  StreamOptions query = {.connections = 4};
  std::vector<std::string> query_paths = {"/api/stats/dashboard", "/api/stats/hot-pages",
                                          "/api/stats/online"};
  std::uint64_t seed = 0;
  double warm_up = 1;
  double seconds = 5;
};

std::optional<std::vector<Stream>> MakeStreams(const Settings& settings) {
  std::vector<Stream> streams;
  if (settings.batch_events > 0) {
    std::uint64_t seed = settings.seed;
    if (seed == 0) {
      seed =
          static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    }
    // More requests than connections, so that one is always free.
    const std::size_t slots = std::max(kInputBytes / (settings.batch_events * kEventBytes),
                                       settings.collect.connections * 2);
    auto requests = MakeCollectRequests(settings.batch_events, slots, seed, settings.path);
    if (requests == nullptr) return std::nullopt;
    streams.push_back({settings.collect, std::move(requests)});
  }
  if (settings.query.rate > 0 || settings.batch_events == 0) {
    streams.push_back({settings.query, MakeGetRequests(settings.query_paths)});
  }
  return streams;
}

JsonObject Describe(const StreamResult& result, double rate, double seconds) {
  JsonObject object;
  object.Add("requests", result.requests);
  object.Add("requests_per_second", static_cast<double>(result.requests) / seconds);
  object.Add("rate_wanted", rate).Add("latency", result.latency);
  object.Add("failed", result.failed).Add("unsent", result.unsent);
  object.Add("events_sent", result.sent_events).Add("events_accepted", result.accepted_events);
  return object;
}

bool Good(const StreamResult& result) {
  if (result.failed > 0) {
    std::fprintf(stderr, "%llu requests failed; the first: %s\n",
                 static_cast<unsigned long long>(result.failed), result.first_failure.c_str());
  }
  return result.failed == 0 && result.sent_events == result.accepted_events && result.requests > 0;
}

// The server's side of a run: memory at rest and at work, and processor time.
class Watch {
 public:
  explicit Watch(ServerProcess* server) : server_(server) {
    if (server_ == nullptr) return;
    std::this_thread::sleep_for(kIdle);
    idle_ = ReadMemory(server_->pid()).used();
    peak_ = std::make_unique<MemoryPeak>(server_->pid());
    cpu_ = server_->CpuSeconds();
  }

  // False when the server did not end well.
  bool Finish(std::uint64_t events, JsonObject* out) {
    if (server_ == nullptr) return true;
    const double cpu = server_->CpuSeconds() - cpu_;
    JsonObject object;
    object.Add("memory_idle_bytes", idle_).Add("memory_peak_bytes", peak_->Stop());
    object.Add("cpu_seconds", cpu);
    if (events > 0) object.Add("cpu_us_per_event", 1e6 * cpu / static_cast<double>(events));
    out->Add("server", object);
    if (server_->Stop()) return true;
    std::fprintf(stderr, "the server did not end with status 0\n");
    return false;
  }

 private:
  ServerProcess* server_;
  std::uint64_t idle_ = 0;
  double cpu_ = 0;
  std::unique_ptr<MemoryPeak> peak_;
};

int Load(Settings settings) {
  ScratchDir dir(settings.dir);
  std::unique_ptr<ServerProcess> server;
  if (!settings.server.empty()) {
    server = ServerProcess::Start(settings.server, dir.path(), settings.server_options);
    if (server == nullptr) return 1;
    settings.port = server->port();
  }
  auto streams = MakeStreams(settings);
  if (!streams) {
    std::fprintf(stderr, "no memory for the input\n");
    return 1;
  }
  Watch watch(server.get());
  const std::clock_t cpu = std::clock();
  const LoadResult result =
      RunLoad(settings.port, std::move(*streams), settings.warm_up, settings.seconds);
  if (!result.error.empty()) {
    std::fprintf(stderr, "%s\n", result.error.c_str());
    return 1;
  }
  JsonObject out;
  out.Add("benchmark", "http").Add("seconds", result.seconds);
  bool good = true;
  std::uint64_t events = 0;
  for (std::size_t i = 0; i < result.streams.size(); ++i) {
    const StreamResult& stream = result.streams[i];
    const bool collect = settings.batch_events > 0 && i == 0;
    JsonObject object =
        Describe(stream, collect ? settings.collect.rate : settings.query.rate, result.seconds);
    if (collect) {
      events = stream.accepted_events;
      object.Add("batch_events", std::uint64_t{settings.batch_events});
      object.Add("events_per_second", static_cast<double>(stream.requests) *
                                          static_cast<double>(settings.batch_events) /
                                          result.seconds);
    }
    out.Add(collect ? "collect" : "query", object);
    good = Good(stream) && good;
  }
  out.Add("client_cpu_seconds", static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
  good = watch.Finish(events, &out) && good;
  std::printf("%s\n", out.str().c_str());
  return good ? 0 : 1;
}

int Main(int argc, char** argv) {
  CLI::App app("Loads a server on this machine over HTTP");
  Settings settings;
  bool smoke = false;
  auto* port = app.add_option("--port", settings.port, "of a server that runs on 127.0.0.1")
                   ->check(CLI::Range(1, 65535));
  app.add_option("--server", settings.server, "program to start, watch and stop instead")
      ->check(CLI::ExistingFile)
      ->excludes(port);
  app.add_option("--server-option", settings.server_options, "passed on to it");
  app.add_option("--dir", settings.dir, "where its store is made; default: temporary");
  app.add_option("--events", settings.batch_events, "events a request; 0: queries only")
      ->check(CLI::Range(0u, 10'000u))
      ->capture_default_str();
  app.add_option("--path", settings.path, "to post to")->capture_default_str();
  app.add_option("--connections", settings.collect.connections, "that post")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  app.add_option("--rate", settings.collect.rate, "posts a second; 0: as fast as answers come")
      ->capture_default_str();
  app.add_option("--query-rate", settings.query.rate, "queries a second beside the posts")
      ->capture_default_str();
  app.add_option("--query-connections", settings.query.connections, "that ask")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  app.add_option("--query-path", settings.query_paths, "asked in turn")->capture_default_str();
  app.add_option("--seed", settings.seed, "of the events; 0: from the clock")
      ->capture_default_str();
  app.add_option("--warm-up", settings.warm_up, "seconds before measuring")->capture_default_str();
  app.add_option("--seconds", settings.seconds, "to measure")->capture_default_str();
  app.add_flag("--smoke", smoke, "a short run at a low rate");
  CLI11_PARSE(app, argc, argv);
  if (settings.port == 0 && settings.server.empty()) {
    std::fprintf(stderr, "give --port or --server\n");
    return 2;
  }
  if (smoke) {
    settings.warm_up = 0;
    settings.seconds = 0.5;
    settings.collect.rate = 50;
    settings.query.rate = 50;
  }
  return Load(std::move(settings));
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
