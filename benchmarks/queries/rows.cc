// insightflow_bench_rows: the events of insightflow_bench_queries as tab-separated values, for
// rivals to load. To a file, or into a named pipe that the rival reads.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <string>

#include "benchmarks/queries/dataset.h"

namespace insightflow::benchmarks {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

bool Write(const Dataset& dataset, TsvColumns columns, std::FILE* file) {
  DatasetReader reader(dataset);
  std::string buffer;
  for (std::uint64_t i = 0; i < dataset.options().events; ++i) {
    AppendTsv(reader.Next(), columns, &buffer);
    if (buffer.size() < kBufferBytes) continue;
    if (std::fwrite(buffer.data(), 1, buffer.size(), file) != buffer.size()) return false;
    buffer.clear();
  }
  return std::fwrite(buffer.data(), 1, buffer.size(), file) == buffer.size() &&
         std::fflush(file) == 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Writes the rows that queries are asked of");
  DatasetOptions options;
  std::string out = "-";
  bool all = false;
  app.add_option("--events", options.events)->capture_default_str();
  app.add_option("--users", options.users, "0: a hundred events each")->capture_default_str();
  app.add_option("--days", options.days)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--rate", options.rate, "0: what the days have")->capture_default_str();
  app.add_option("--out", out, "file to write; - is standard output")->capture_default_str();
  app.add_flag("--all", all, "all columns, not only those that queries read");
  CLI11_PARSE(app, argc, argv);

  std::FILE* file = out == "-" ? stdout : std::fopen(out.c_str(), "wb");
  bool ok = file != nullptr &&
            Write(Dataset(options), all ? TsvColumns::kAll : TsvColumns::kQueries, file);
  if (file != nullptr && file != stdout) ok = std::fclose(file) == 0 && ok;
  if (!ok) std::perror(out.c_str());
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
