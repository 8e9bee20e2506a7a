// What queries are asked, and how they are timed. The same names stand in chdb_queries.py and
// duckdb_queries.py, which ask the same of rivals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/measure.h"
#include "benchmarks/queries/dataset.h"
#include "insightflow/engine.h"

namespace insightflow::benchmarks {

struct Question {
  std::string name;
  std::string json;
};

// Over all days of the dataset, except those whose name says otherwise.
std::vector<Question> Questions(const Dataset& dataset);
// The funnel of four steps over one day.
Question FunnelOfDay(const Dataset& dataset, std::uint64_t day);

struct AskOptions {
  std::size_t runs = 5;
  std::size_t threads = 2;
  bool with_answer = false;  // as a text of JSON
};

// Median, fastest and all runs, in seconds, and events scanned. One more run goes first to warm up.
Result<JsonObject> Ask(const Engine& engine, const Question& question, const AskOptions& options);

// What ParseQuery and Engine::Query say to it.
Result<Answer> AskOnce(const Engine& engine, std::string_view json, std::size_t threads);

}  // namespace insightflow::benchmarks
