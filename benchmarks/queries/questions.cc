#include "benchmarks/queries/questions.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "insightflow/wire.h"

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr char kSteps[] =
    R"("steps":[{"event":"view"},{"event":"click"},{"event":"form"},{"event":"purchase"}])";
constexpr char kPaths[] = R"("by":"page_url","start":{"event":"view"},"depth":5})";

std::string RangeOfDay(const Dataset& dataset, std::uint64_t day) {
  return R"("from":)" + std::to_string(dataset.BeginOfDay(day)) + R"(,"to":)" +
         std::to_string(dataset.BeginOfDay(day + 1)) + ",";
}

}  // namespace

Question FunnelOfDay(const Dataset& dataset, std::uint64_t day) {
  return {"funnel_4_one_day",
          R"({"kind":"funnel","window":"7d",)" + RangeOfDay(dataset, day) + kSteps + "}"};
}

std::vector<Question> Questions(const Dataset& dataset) {
  const std::string steps = kSteps;
  return {
      {"funnel_4", R"({"kind":"funnel","window":"7d",)" + steps + "}"},
      {"funnel_4_clickhouse",
       R"({"kind":"funnel","window":"7d","compat":"clickhouse",)" + steps + "}"},
      // SQL without recursion cannot end a session after a day.
      {"sessions", R"({"kind":"sessions","max_duration":null})"},
      {"count_by_day_and_type",
       R"({"kind":"trends","interval":"day","series":[{"event":"*","measure":"count"}],)"
       R"("breakdown":{"field":"event_type"}})"},
      {"users_by_hour_and_type",
       R"({"kind":"trends","interval":"hour","series":[{"event":"*","measure":"users"}],)"
       R"("breakdown":{"field":"event_type"}})"},
      {"retention_day_14",
       R"({"kind":"retention","start":{"event":"view"},"return":{"event":"click"},)"
       R"("period":"day","periods":14})"},
      {"paths", R"({"kind":"paths",)" + std::string(kPaths)},
      // The same where no session can be longer than a day, so that SQL must answer the same.
      {"paths_one_day", R"({"kind":"paths",)" + RangeOfDay(dataset, dataset.options().days / 2) +
                            std::string(kPaths)},
      {"top_pages_by_users",
       R"({"kind":"top","field":"page_url","measure":"users","events":{"event":"view"}})"},
  };
}

Result<Answer> AskOnce(const Engine& engine, std::string_view json, std::size_t threads) {
  const Result<Query> query = ParseQuery(json);
  if (!query.ok()) return query.status();
  QueryOptions options;
  options.deadline = std::chrono::minutes(10);
  options.threads = threads;
  return engine.Query(*query, options);
}

Result<JsonObject> Ask(const Engine& engine, const Question& question, const AskOptions& options) {
  std::vector<double> seconds;
  std::uint64_t scanned = 0;
  JsonObject result;
  for (std::size_t run = 0; run < options.runs + 1; ++run) {
    const auto begin = SteadyClock::now();
    const Result<Answer> answer = AskOnce(engine, question.json, options.threads);
    if (!answer.ok()) return answer.status();
    if (run > 0) seconds.push_back(Seconds(SteadyClock::now() - begin));
    scanned = answer->meta.events_scanned;
    if (run == 0 && options.with_answer) {
      result.Add("answer", WriteAnswer(*ParseQuery(question.json), *answer));
    }
  }
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  result.Add("median_seconds", sorted[sorted.size() / 2]).Add("fastest_seconds", sorted[0]);
  result.Add("events_scanned", scanned).Add("runs", seconds);
  return result;
}

}  // namespace insightflow::benchmarks
