// insightflow_bench_queries: queries over folded stores of the generator's events, for bars P4, P5,
// P6 and P8 of docs/performance.md. Prints one JSON object; with --answers also what was answered,
// for rivals to be compared with.
//
// Three datasets: all days, on which everything is asked; three times as many days, of which one is
// asked for and compared with a store of that day alone; and all events in one day.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/common/generator.h"
#include "benchmarks/common/measure.h"
#include "benchmarks/queries/dataset.h"
#include "benchmarks/queries/questions.h"
#include "insightflow/engine.h"
#include "insightflow/importer.h"

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kBatchEvents = 10'000;
constexpr std::uint64_t kManyDays = 3;  // times the days

struct Settings {
  DatasetOptions dataset;
  AskOptions ask;
  std::string dir;
  std::string store;
  bool disk_only = false;
};

// A store and what it was made of: events `first` to `last` of the dataset.
struct Part {
  std::string name;
  Dataset dataset;
  std::uint64_t first;
  std::uint64_t last;
};

Status Failed(const std::string& what, const Status& status) {
  return Status(status.code(), what + ": " + status.ToString());
}

// Fills a store through the importer, as a file of lines would.
Status Fill(const Part& part, Engine* engine) {
  Result<std::unique_ptr<Importer>> importer = Importer::Create(*engine, ImportOptions());
  if (!importer.ok()) return importer.status();
  DatasetReader reader(part.dataset);
  std::string lines;
  for (std::uint64_t i = 0; i < part.last; ++i) {
    const GeneratedEvent event = reader.Next();
    if (i < part.first) continue;
    AppendJson(event, &lines);
    lines += '\n';
    if ((i + 1) % kBatchEvents != 0 && i + 1 != part.last) continue;
    if (Status status = (*importer)->Add(lines); !status.ok()) return status;
    lines.clear();
  }
  const Result<IngestResult> done = (*importer)->Finish();
  if (!done.ok()) return done.status();
  if (done->accepted != part.last - part.first) {
    return Status(StatusCode::kInternal, "events were lost");
  }
  return Status::Ok();
}

EngineOptions OptionsOf(const std::string& dir) {
  EngineOptions options;
  options.data_dir = dir;
  options.durability = Durability::kInterval;
  return options;
}

// Makes the store unless an earlier run left one of the same events; adds how long it took.
Status Make(const Part& part, const std::string& dir, JsonObject* out) {
  JsonObject made;
  made.Add("events", part.dataset.options().events).Add("days", part.dataset.options().days);
  made.Add("users", part.dataset.users()).Add("rate", part.dataset.rate());
  made.Add("first", part.first).Add("last", part.last);
  std::string there;
  std::getline(std::ifstream(dir + ".made"), there);
  if (there == made.str()) return Status::Ok();
  std::error_code error;
  std::filesystem::remove_all(dir, error);
  Result<std::unique_ptr<Engine>> engine = Engine::Open(OptionsOf(dir));
  if (!engine.ok()) return engine.status();
  const auto begin = SteadyClock::now();
  if (Status status = Fill(part, engine->get()); !status.ok()) return status;
  const auto filled = SteadyClock::now();
  if (Status status = (*engine)->Fold(); !status.ok()) return status;
  out->Add("fill_seconds", Seconds(filled - begin));
  out->Add("fold_rest_seconds", Seconds(SteadyClock::now() - filled));
  const auto folded = SteadyClock::now();
  if (Status status = (*engine)->Close(); !status.ok()) return status;
  out->Add("close_seconds", Seconds(SteadyClock::now() - folded));
  std::ofstream(dir + ".made") << made.str() << '\n';
  return Status::Ok();
}

// What the store takes: its columns as the engine counts them, and its folder as the disk does.
void AddDisk(const Engine& engine, const std::string& dir, double events, JsonObject* out) {
  const EngineMetrics metrics = engine.Metrics();
  out->Add("segments", metrics.segments);
  out->Add("segment_bytes_per_event", static_cast<double>(metrics.segment_bytes) / events);
  out->Add("folder_bytes_per_event", static_cast<double>(DiskBytes(dir)) / events);
  JsonObject by_type;
  for (const TypeCount& type : engine.Totals().by_type) by_type.Add(type.type, type.count);
  out->Add("by_type", by_type);
}

Result<std::unique_ptr<Engine>> Open(const Part& part, const std::string& root, JsonObject* out) {
  const std::string dir = root + "/" + part.name;
  if (Status status = Make(part, dir, out); !status.ok()) return Failed(part.name, status);
  const auto begin = SteadyClock::now();
  Result<std::unique_ptr<Engine>> engine = Engine::Open(OptionsOf(dir));
  if (!engine.ok()) return Failed(part.name, engine.status());
  out->Add("open_seconds", Seconds(SteadyClock::now() - begin));
  const auto events = static_cast<double>(part.last - part.first);
  AddDisk(**engine, dir, events, out);
  return engine;
}

Status AskAll(const Engine& engine, const std::vector<Question>& questions,
              const AskOptions& options, JsonObject* out) {
  for (const Question& question : questions) {
    const Result<JsonObject> timed = Ask(engine, question, options);
    if (!timed.ok()) return Failed(question.name, timed.status());
    out->Add(question.name, *timed);
  }
  return Status::Ok();
}

// Makes, opens and asks one store, and tells of it under its name.
Status Measure(const Part& part, const std::vector<Question>& questions, const Settings& settings,
               const std::string& root, JsonObject* out) {
  JsonObject told;
  {
    const auto engine = Open(part, root, &told);
    if (!engine.ok()) return engine.status();
    Status asked = AskAll(**engine, questions, settings.ask, &told);
    if (!asked.ok()) return asked;
  }
  std::error_code error;
  if (settings.store.empty()) std::filesystem::remove_all(root + "/" + part.name, error);
  out->Add(part.name, told);
  return Status::Ok();
}

Status Bench(const Settings& settings, const std::string& root, JsonObject* out) {
  const Dataset dataset(settings.dataset);
  const std::uint64_t events = settings.dataset.events;
  out->Add("benchmark", "queries").Add("events", events).Add("users", dataset.users());
  out->Add("days", settings.dataset.days).Add("rate", dataset.rate());
  out->Add("threads", std::uint64_t{settings.ask.threads});
  const Part all = {"all_days", dataset, 0, events};
  if (settings.disk_only) return Measure(all, {}, settings, root, out);
  if (Status status = Measure(all, Questions(dataset), settings, root, out); !status.ok()) {
    return status;
  }
  DatasetOptions more = settings.dataset;
  more.users = dataset.users();
  more.days *= kManyDays;
  const Dataset many(more);
  const std::uint64_t day = more.days / 2;
  const Part parts[] = {
      {"many_days", many, 0, events},
      {"that_day", many, many.FirstEventOfDay(day), many.FirstEventOfDay(day + 1)}};
  AskOptions plain = settings.ask;
  plain.with_answer = true;  // both stores must answer the same
  Settings of_day = settings;
  of_day.ask = plain;
  for (const Part& part : parts) {
    Status status = Measure(part, {FunnelOfDay(many, day)}, of_day, root, out);
    if (!status.ok()) return status;
  }
  more.days = 1;
  const Dataset one(more);
  const Part together = {"one_partition", one, 0, events};
  return Measure(together, {Questions(one)[0]}, settings, root, out);
}

int Main(int argc, char** argv) {
  CLI::App app("Times queries over folded stores");
  Settings settings;
  bool smoke = false;
  app.add_option("--events", settings.dataset.events)->capture_default_str();
  app.add_option("--users", settings.dataset.users, "0: a hundred events each")
      ->capture_default_str();
  app.add_option("--days", settings.dataset.days, "at least 5")
      ->check(CLI::Range(5, 1'000))
      ->capture_default_str();
  app.add_option("--rate", settings.dataset.rate,
                 "events a second of the generator's clock, which says how many sessions are under "
                 "way; 0: what the days have")
      ->capture_default_str();
  app.add_option("--runs", settings.ask.runs)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", settings.ask.threads)->capture_default_str();
  app.add_option("--dir", settings.dir, "where the stores are made; default: temporary");
  app.add_option("--store", settings.store, "a folder whose stores are kept and used again");
  app.add_flag("--answers", settings.ask.with_answer, "tell the answers too");
  app.add_flag("--disk-only", settings.disk_only, "make the store and tell what it takes");
  app.add_flag("--smoke", smoke, "a small run");
  CLI11_PARSE(app, argc, argv);
  if (smoke) {
    settings.dataset.events = 20'000;
    settings.ask.runs = 1;
  }
  const ScratchDir scratch(settings.dir);
  JsonObject out;
  std::error_code error;
  if (!settings.store.empty()) std::filesystem::create_directories(settings.store, error);
  const std::string root = settings.store.empty() ? scratch.path() : settings.store;
  if (Status status = Bench(settings, root, &out); !status.ok()) {
    std::cerr << status.ToString() << '\n';
    return 1;
  }
  std::printf("%s\n", out.str().c_str());
  return 0;
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
