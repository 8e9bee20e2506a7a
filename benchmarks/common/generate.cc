// insightflow_generate: writes the benchmarks' events to a file.
//
//   insightflow_generate --events 2000000 --format ndjson --out events.ndjson --summary what.json
//   insightflow_generate --events 1000000 --format csv --out - --seed 7 --users 10000
#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include "benchmarks/common/generator.h"
#include "benchmarks/common/measure.h"

namespace insightflow::benchmarks {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

bool Flush(std::string* buffer, std::FILE* file) {
  const bool ok = std::fwrite(buffer->data(), 1, buffer->size(), file) == buffer->size();
  buffer->clear();
  return ok;
}

using Kinds = std::array<std::uint64_t, kKindCount>;

bool Write(const GeneratorOptions& options, std::uint64_t events, bool csv, std::FILE* file,
           Kinds* kinds) {
  Generator generator(options);
  std::string buffer = csv ? CsvHeader() : std::string();
  for (std::uint64_t i = 0; i < events; ++i) {
    const GeneratedEvent event = generator.Next();
    ++(*kinds)[static_cast<std::size_t>(event.kind)];
    if (csv) {
      AppendCsv(event, &buffer);
    } else {
      AppendJson(event, &buffer);
      buffer.push_back('\n');
    }
    if (buffer.size() >= kBufferBytes && !Flush(&buffer, file)) return false;
  }
  return Flush(&buffer, file) && std::fflush(file) == 0;
}

// What a reader of the file must find in it.
bool WriteSummary(const std::string& path, std::uint64_t events, const Kinds& kinds) {
  JsonObject by_type;
  for (std::size_t k = 0; k < kKindCount; ++k) {
    if (kinds[k] > 0) by_type.Add(KindName(static_cast<Kind>(k)), kinds[k]);
  }
  JsonObject summary;
  summary.Add("events", events).Add("by_type", by_type);
  std::ofstream file(path);
  file << summary.str() << "\n";
  return file.flush().good();
}

int Main(int argc, char** argv) {
  CLI::App app("Writes the benchmarks' deterministic events to a file");
  GeneratorOptions options;
  std::uint64_t events = 1'000'000;
  std::string format = "ndjson";
  std::string out = "-";
  std::string summary;
  app.add_option("--events", events, "how many events")->capture_default_str();
  app.add_option("--format", format, "ndjson or csv")
      ->check(CLI::IsMember({"ndjson", "csv"}))
      ->capture_default_str();
  app.add_option("--out", out, "file to write; - is standard output")->capture_default_str();
  app.add_option("--summary", summary, "file for the number of events by type, as JSON");
  app.add_option("--seed", options.seed, "stream; the same seed gives the same bytes")
      ->capture_default_str();
  app.add_option("--users", options.users, "distinct users")
      ->check(CLI::Range(1u, 100'000'000u))
      ->capture_default_str();
  app.add_option("--pages", options.pages, "distinct pages")
      ->check(CLI::Range(1u, 100'000u))
      ->capture_default_str();
  app.add_option("--start-ms", options.start_ms, "time of the first event")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--rate", options.events_per_second, "events a second of event time")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  Kinds kinds = {};
  std::FILE* file = out == "-" ? stdout : std::fopen(out.c_str(), "wb");
  bool ok = file != nullptr && Write(options, events, format == "csv", file, &kinds);
  if (file != nullptr && file != stdout) ok = std::fclose(file) == 0 && ok;
  if (ok && !summary.empty()) ok = WriteSummary(summary, events, kinds);
  if (!ok) std::perror(out.c_str());
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
