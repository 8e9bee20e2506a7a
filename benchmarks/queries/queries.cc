// Queries over a folded store of the generator's events: bars P4, P5, P6 and P8 of
// docs/performance.md. With --rows it also writes what rivals load: user, time, type and page of
// each event.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/common/generator.h"
#include "benchmarks/common/measure.h"
#include "insightflow/engine.h"
#include "insightflow/importer.h"
#include "insightflow/wire.h"

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kStartMs = 19'675 * kDayMs;
constexpr std::size_t kBatchEvents = 10'000;

struct Settings {
  std::uint64_t events = 10'000'000;
  std::uint64_t users = 0;  // 0: a hundred events each
  std::uint64_t days = 30;
  std::size_t runs = 5;
  std::size_t threads = 2;
  std::string dir;
  std::string rows;
};

struct Question {
  const char* name;
  std::string json;
};

int Fail(const std::string& what, const Status& status) {
  std::cerr << what << ": " << status.ToString() << '\n';
  return 1;
}

GeneratorOptions OptionsOf(const Settings& settings) {
  GeneratorOptions options;
  options.start_ms = kStartMs;
  options.users = static_cast<std::uint32_t>(
      settings.users != 0 ? settings.users : std::max<std::uint64_t>(settings.events / 100, 10));
  return options;
}

// The generator's clock counts whole events a second; here a day has its share of the events.
std::int64_t TimeOf(const Settings& settings, std::uint64_t event) {
  return kStartMs + static_cast<std::int64_t>(
                        static_cast<double>(event) / static_cast<double>(settings.events) *
                        static_cast<double>(settings.days) * static_cast<double>(kDayMs));
}

void AppendRow(const GeneratedEvent& event, std::int64_t time_ms, std::string* out) {
  const Event full = ToEvent(event);
  *out += full.user_id + '\t' + std::to_string(time_ms) + '\t' + full.event_type + '\t' +
          full.page_url + '\n';
}

// Fills a store through the importer, as a file of lines would.
Status Fill(const Settings& settings, Engine* engine, std::uint64_t first, std::uint64_t last,
            std::ofstream* rows) {
  Result<std::unique_ptr<Importer>> importer = Importer::Create(*engine, ImportOptions());
  if (!importer.ok()) return importer.status();
  Generator generator(OptionsOf(settings));
  std::string lines, texts;
  for (std::uint64_t i = 0; i < last; ++i) {
    GeneratedEvent event = generator.Next();
    if (i < first) continue;
    event.time_ms = TimeOf(settings, i);
    AppendJson(event, &lines);
    lines += '\n';
    if (rows != nullptr) AppendRow(event, event.time_ms, &texts);
    if ((i + 1) % kBatchEvents != 0 && i + 1 != last) continue;
    if (Status status = (*importer)->Add(lines); !status.ok()) return status;
    if (rows != nullptr) *rows << texts;
    lines.clear();
    texts.clear();
  }
  const Result<IngestResult> done = (*importer)->Finish();
  if (!done.ok()) return done.status();
  if (done->accepted != last - first) return Status(StatusCode::kInternal, "events were lost");
  return Status::Ok();
}

std::vector<Question> Questions() {
  const std::string steps =
      R"("steps":[{"event":"view"},{"event":"click"},{"event":"form"},{"event":"purchase"}])";
  const std::string day = R"("from":)" + std::to_string(kStartMs + 3 * kDayMs) + R"(,"to":)" +
                          std::to_string(kStartMs + 4 * kDayMs) + ",";
  return {
      {"funnel_4", R"({"kind":"funnel","window":"7d",)" + steps + "}"},
      {"funnel_4_clickhouse",
       R"({"kind":"funnel","window":"7d","compat":"clickhouse",)" + steps + "}"},
      {"funnel_4_one_day", R"({"kind":"funnel","window":"7d",)" + day + steps + "}"},
      {"sessions", R"({"kind":"sessions"})"},
      {"count_by_day_and_type",
       R"({"kind":"trends","interval":"day","series":[{"event":"*","measure":"count"}],)"
       R"("breakdown":{"field":"event_type"}})"},
      {"users_by_hour_and_type",
       R"({"kind":"trends","interval":"hour","series":[{"event":"*","measure":"users"}],)"
       R"("breakdown":{"field":"event_type"}})"},
      {"retention_day_14",
       R"({"kind":"retention","start":{"event":"view"},"return":{"event":"click"},)"
       R"("period":"day","periods":14})"},
      {"paths", R"({"kind":"paths","by":"page_url","start":{"event":"view"},"depth":5})"},
      {"top_pages_by_users",
       R"({"kind":"top","field":"page_url","measure":"users","events":{"event":"view"}})"},
  };
}

// Fastest, median and all runs of a question, in seconds.
Result<JsonObject> Time(const Engine& engine, const Settings& settings, const Question& question,
                        bool with_answer) {
  const Result<Query> query = ParseQuery(question.json);
  if (!query.ok()) return query.status();
  QueryOptions options;
  options.deadline = std::chrono::minutes(10);
  options.threads = settings.threads;
  std::vector<double> seconds;
  std::string answer_json;
  std::uint64_t scanned = 0;
  for (std::size_t run = 0; run < settings.runs + 1; ++run) {
    const auto begin = SteadyClock::now();
    const Result<Answer> answer = engine.Query(*query, options);
    if (!answer.ok()) return answer.status();
    if (run > 0) seconds.push_back(Seconds(SteadyClock::now() - begin));  // the first one warms up
    scanned = answer->meta.events_scanned;
    if (with_answer) answer_json = WriteAnswer(*query, *answer);
  }
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  JsonObject result;
  result.Add("median_seconds", sorted[sorted.size() / 2]).Add("fastest_seconds", sorted[0]);
  result.Add("events_scanned", scanned).Add("runs", seconds);
  if (with_answer) result.Add("answer", answer_json);
  return result;
}

Result<std::unique_ptr<Engine>> Make(const Settings& settings, const std::string& dir,
                                     std::uint64_t first, std::uint64_t last, JsonObject* out,
                                     std::ofstream* rows) {
  EngineOptions options;
  options.data_dir = dir;
  options.durability = Durability::kInterval;
  Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
  if (!engine.ok()) return engine.status();
  const auto begin = SteadyClock::now();
  if (Status status = Fill(settings, engine->get(), first, last, rows); !status.ok()) return status;
  const auto filled = SteadyClock::now();
  if (Status status = (*engine)->Fold(); !status.ok()) return status;
  const EngineMetrics metrics = (*engine)->Metrics();
  out->Add("fill_seconds", Seconds(filled - begin));
  out->Add("fold_rest_seconds", Seconds(SteadyClock::now() - filled));
  out->Add("segments", metrics.segments);
  out->Add("segment_bytes_per_event",
           static_cast<double>(metrics.segment_bytes) / static_cast<double>(last - first));
  return engine;
}

int Bench(const Settings& settings) {
  ScratchDir scratch(settings.dir);
  JsonObject out;
  out.Add("benchmark", "queries").Add("events", settings.events);
  out.Add("users", std::uint64_t{OptionsOf(settings).users}).Add("days", settings.days);
  std::ofstream rows;
  if (!settings.rows.empty()) rows.open(settings.rows);
  auto engine = Make(settings, scratch.path() + "/all", 0, settings.events, &out,
                     settings.rows.empty() ? nullptr : &rows);
  rows.close();
  if (!engine.ok()) return Fail("store", engine.status());
  for (const Question& question : Questions()) {
    const bool compared = std::string_view(question.name) == "funnel_4_clickhouse";
    const Result<JsonObject> timed = Time(**engine, settings, question, compared);
    if (!timed.ok()) return Fail(question.name, timed.status());
    out.Add(question.name, *timed);
  }
  // A store that holds nothing but the one day.
  JsonObject day;
  const std::uint64_t first = settings.events * 3 / settings.days;
  const std::uint64_t last = settings.events * 4 / settings.days;
  auto one_day = Make(settings, scratch.path() + "/day", first, last, &day, nullptr);
  if (!one_day.ok()) return Fail("store of a day", one_day.status());
  const Result<JsonObject> timed = Time(**one_day, settings, Questions()[2], false);
  if (!timed.ok()) return Fail("a day", timed.status());
  out.Add("funnel_4_store_of_one_day", *timed);
  const auto begin = SteadyClock::now();
  if (Status status = (*engine)->Close(); !status.ok()) return Fail("close", status);
  EngineOptions again;
  again.data_dir = scratch.path() + "/all";
  const auto closed = SteadyClock::now();
  const auto reopened = Engine::Open(again);
  if (!reopened.ok()) return Fail("open", reopened.status());
  out.Add("close_seconds", Seconds(closed - begin));
  out.Add("open_seconds", Seconds(SteadyClock::now() - closed));
  std::printf("%s\n", out.str().c_str());
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Times queries over a folded store");
  Settings settings;
  bool smoke = false;
  app.add_option("--events", settings.events)->capture_default_str();
  app.add_option("--users", settings.users, "0: a hundred events each")->capture_default_str();
  app.add_option("--days", settings.days, "at least 5")->capture_default_str();
  app.add_option("--runs", settings.runs)->capture_default_str();
  app.add_option("--threads", settings.threads)->capture_default_str();
  app.add_option("--dir", settings.dir, "where the store is made; default: temporary");
  app.add_option("--rows", settings.rows, "write user, time, type and page as TSV");
  app.add_flag("--smoke", smoke, "a small run");
  CLI11_PARSE(app, argc, argv);
  if (smoke) {
    settings.events = 20'000;
    settings.runs = 1;
  }
  return Bench(settings);
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
