#include "server/app/metrics.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <fstream>
#include <string_view>
#include <vector>

#include "insightflow/version.h"
#include "server/app/json.h"

namespace insightflow::server {
namespace {

struct Sample {
  bool counter;  // else a gauge
  std::string_view name;
  std::string_view help;
  double value;
};

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double Load(const std::atomic<std::uint64_t>& counter) {
  return static_cast<double>(counter.load(std::memory_order_relaxed));
}

ListenerStats HttpStats(const ServerContext& context) {
  const Listener* const listener = context.listener.load(std::memory_order_acquire);
  return listener == nullptr ? ListenerStats() : listener->Stats();
}

void AddEngine(const EngineMetrics& m, std::vector<Sample>* samples) {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const auto seconds = [](std::chrono::milliseconds ms) {
    return static_cast<double>(ms.count()) / 1e3;
  };
  samples->insert(
      samples->end(),
      {
          {true, "events_accepted", "Events stored.", number(m.events_accepted)},
          {true, "events_duplicate", "Events known before.", number(m.events_duplicate)},
          {true, "events_rejected", "Events refused by the rules.", number(m.events_rejected)},
          {true, "events_truncated", "Events of which text was cut.", number(m.events_truncated)},
          {true, "batches", "Batches taken.", number(m.batches)},
          {true, "commits", "Synced writes of the log.", number(m.commits)},
          {true, "commit_seconds", "Time spent in those writes.", number(m.commit_micros) / 1e6},
          {false, "log_next_sequence", "Sequence of the next event.", number(m.next_sequence)},
          {false, "in_flight_bytes", "Batches that wait for the disk.", number(m.in_flight_bytes)},
          {false, "log_bytes", "Size of the log on disk.", number(m.log_bytes)},
          {false, "dedupe_ids", "Event ids remembered.", number(m.dedupe_ids)},
          {false, "dedupe_bytes", "Memory of those ids.", number(m.dedupe_bytes)},
          {false, "dedupe_reach_seconds", "How far back every id is remembered.",
           seconds(m.dedupe_reach)},
          {false, "dedupe_damaged", "1 while ids in damaged parts of the store are unknown.",
           m.ids_status.ok() ? 0.0 : 1.0},
          {false, "live_damaged", "1 while live numbers lack events of damaged parts of the store.",
           m.live_status.ok() ? 0.0 : 1.0},
          {false, "live_bytes", "Memory of the live numbers.", number(m.live_bytes)},
          {false, "live_users", "User profiles held.", number(m.live_users)},
          {true, "users_overflow_events", "Events of users past the cap.",
           number(m.users_overflow_events)},
          {true, "types_overflow_events", "Events of types past the cap.",
           number(m.types_overflow_events)},
          {false, "failed_events", "Rejected events kept.", number(m.failed_events)},
          {true, "failed_events_dropped", "Rejected events that made room.",
           number(m.failed_dropped)},
          {false, "folded_sequence", "Events up to here are in segments.",
           number(m.folded_sequence)},
          {false, "fold_lag_events", "Events in the log only.", number(m.fold_lag_events)},
          {false, "fold_stopped", "1 while folding has stopped or waits for space.",
           m.fold_status.ok() ? 0.0 : 1.0},
          {false, "segments", "Segments.", number(m.segments)},
          {false, "segment_bytes", "Size of the segments on disk.", number(m.segment_bytes)},
          {true, "segment_merges", "Merges of segments.", number(m.segment_merges)},
          {false, "erasures_pending", "Users erased whose events are still on the disk.",
           number(m.erasures_pending)},
      });
}

void AddServer(const ServerContext& context, const ListenerStats& http,
               std::vector<Sample>* samples) {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const CollectCounters& collect = context.collect;
  samples->insert(
      samples->end(),
      {
          {true, "collect_requests", "Requests that brought events.", Load(collect.requests)},
          {true, "collect_requests_refused", "Of those, refused as a whole or in every event.",
           Load(collect.refused)},
          {true, "privacy_signals", "Requests with Sec-GPC: 1 or DNT: 1.",
           Load(collect.privacy_signals)},
          {true, "privacy_counted", "Of those, counted anonymously.",
           Load(collect.privacy_counted)},
          {true, "privacy_dropped", "Of those, not kept.", Load(collect.privacy_dropped)},
          {true, "queries", "Queries begun over HTTP.", Load(context.queries.begun)},
          {false, "queries_running", "Queries under way.", Load(context.queries.running)},
          {true, "queries_cancelled", "Queries whose clients left.",
           Load(context.queries.cancelled)},
          {true, "queries_late", "Queries that the deadline ended.", Load(context.queries.late)},
          {true, "queries_refused", "Queries refused because too many were under way.",
           Load(context.queries.refused)},
          {true, "http_requests", "Requests handled.", number(http.requests)},
          {false, "http_connections", "Open connections.", number(http.connections_open)},
          {true, "http_connections_accepted", "Connections accepted.",
           number(http.connections_accepted)},
          {true, "http_connections_refused", "Connections over a cap.",
           number(http.connections_refused)},
          {true, "http_accept_errors", "Errors of accept.", number(http.accept_errors)},
          {false, "http_in_flight_bytes", "Bodies and answers held.", number(http.bytes_in_flight)},
          {true, "http_refused_malformed", "Requests that broke the protocol.",
           number(http.refused_malformed)},
          {true, "http_refused_too_large", "Requests over a size limit.",
           number(http.refused_too_large)},
          {true, "http_refused_overload", "Requests refused for want of memory.",
           number(http.refused_overload)},
          {true, "http_closed_by_deadline", "Connections that were too slow.",
           number(http.closed_by_deadline)},
          {true, "log_lines_dropped", "Log lines given up.", number(context.log_lines_dropped())},
          {false, "healthy", "1 while the store takes events.",
           context.engine.Health().ok() ? 1.0 : 0.0},
          {false, "resident_bytes", "Memory of the process.", ResidentBytes()},
      });
}

void AppendValue(double value, std::string* out) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  if (error == std::errc()) out->append(text, end);
}

// The formats differ in where a counter's "_total" stands: OpenMetrics names the family without it.
void AppendSample(const Sample& sample, MetricsFormat format, std::string* out) {
  const std::string family = "insightflow_" + std::string(sample.name);
  const std::string series = sample.counter ? family + "_total" : family;
  const std::string& described = format == MetricsFormat::kOpenMetrics ? family : series;
  out->append("# HELP ").append(described).append(" ").append(sample.help).append("\n# TYPE ");
  out->append(described).append(sample.counter ? " counter\n" : " gauge\n");
  out->append(series).push_back(' ');
  AppendValue(sample.value, out);
  out->push_back('\n');
}

}  // namespace

std::string MetricsText(const ServerContext& context, MetricsFormat format) {
  std::vector<Sample> samples;
  AddEngine(context.engine.Metrics(), &samples);
  AddServer(context, HttpStats(context), &samples);
  std::string text =
      "# HELP insightflow_build_info The version that runs.\n"
      "# TYPE insightflow_build_info gauge\ninsightflow_build_info{version=\"";
  text.append(Version()).append("\"} 1\n");
  for (const Sample& sample : samples) AppendSample(sample, format, &text);
  if (format == MetricsFormat::kOpenMetrics) text.append("# EOF\n");
  return text;
}

std::string MetricsJson(const ServerContext& context) {
  const EngineMetrics engine = context.engine.Metrics();
  const ListenerStats http = HttpStats(context);
  JsonText json;
  // No Redis and no answer cache take part here, so their figures are zero.
  json.BeginObject().Key("redis_memory_used").Number(0);
  json.Key("active_connections").Number(http.connections_open);
  json.Key("cache_hit_rate").Number(0);
  json.Key("requests").Number(http.requests);
  json.Key("events_accepted").Number(engine.events_accepted);
  json.Key("events_duplicate").Number(engine.events_duplicate);
  json.Key("events_rejected").Number(engine.events_rejected);
  json.Key("commits").Number(engine.commits);
  json.Key("log_bytes").Number(engine.log_bytes);
  json.Key("erasures_pending").Number(engine.erasures_pending);
  json.Key("queries_running").Number(context.queries.running);
  json.Key("queries_cancelled").Number(context.queries.cancelled);
  json.Key("dedupe_bytes").Number(engine.dedupe_bytes);
  json.Key("memory_used").Number(static_cast<std::uint64_t>(ResidentBytes()));
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return json.Take();
}

}  // namespace insightflow::server
