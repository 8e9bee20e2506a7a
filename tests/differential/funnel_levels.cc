// Random timelines and the levels that our ClickHouse modes find in them, for
// funnel_clickhouse_test.py, which asks ClickHouse for the same.
//
//   funnel_levels SEED USERS STEPS WINDOW EVENTS_FILE LEVELS_FILE
//
// Events: user, time, and a column 0 or 1 for each step. Levels: user, and a column for each
// combination of modes that ClickHouse allows, in the order of ModeSets().

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "lib/analytics/funnel_matcher.h"

namespace insightflow {
namespace {

// Bits: strict_deduplication, strict_order, strict_increase, strict_once, allow_reentry.
std::vector<ClickHouseModes> ModeSets() {
  std::vector<ClickHouseModes> sets;
  for (unsigned bits = 0; bits < 32; ++bits) {
    ClickHouseModes modes;
    modes.strict_deduplication = (bits & 1) != 0;
    modes.strict_order = (bits & 2) != 0;
    modes.strict_increase = (bits & 4) != 0;
    modes.strict_once = (bits & 8) != 0;
    modes.allow_reentry = (bits & 16) != 0;
    if (modes.allow_reentry && !modes.strict_order) continue;
    sets.push_back(modes);
  }
  return sets;
}

struct Timeline {
  std::vector<std::int64_t> time_ms;
  std::vector<std::uint64_t> steps;
};

Timeline Next(std::mt19937_64* random, std::uint32_t steps) {
  const auto below = [random](std::uint64_t bound) { return (*random)() % bound; };
  Timeline timeline;
  std::int64_t time_ms = 1 + static_cast<std::int64_t>(below(3));
  const std::uint64_t gap = 1 + below(4);      // large: many ties
  const std::uint64_t density = 1 + below(3);  // large: few matches
  const bool single = below(2) == 0;
  for (std::uint64_t i = 1 + below(10); i > 0; --i) {
    if (below(gap) == 0) time_ms += static_cast<std::int64_t>(below(4));
    std::uint64_t mask = 0;
    if (single) {
      const std::uint64_t step = below(steps + density);
      if (step < steps) mask = std::uint64_t{1} << step;
    } else {
      for (std::uint32_t k = 0; k < steps; ++k) mask |= (below(density + 1) == 0 ? 1ULL : 0) << k;
    }
    timeline.time_ms.push_back(time_ms);
    timeline.steps.push_back(mask);
  }
  return timeline;
}

int Run(char** arguments) {
  std::mt19937_64 random(std::strtoull(arguments[1], nullptr, 10));
  const std::uint64_t users = std::strtoull(arguments[2], nullptr, 10);
  const auto steps = static_cast<std::uint32_t>(std::atoi(arguments[3]));
  std::ofstream events(arguments[5]);
  std::ofstream levels(arguments[6]);
  std::vector<FunnelRules> rules;
  for (const ClickHouseModes& modes : ModeSets()) {
    rules.emplace_back();
    rules.back().steps = steps;
    rules.back().window_ms = std::strtoull(arguments[4], nullptr, 10);
    rules.back().clickhouse = modes;
  }
  std::deque<FunnelMatcher> matchers;
  for (const FunnelRules& one : rules) matchers.emplace_back(one);
  FunnelChain chain;
  for (std::uint64_t user = 0; user < users; ++user) {
    const Timeline timeline = Next(&random, steps);
    const auto rows = static_cast<std::uint32_t>(timeline.steps.size());
    for (std::uint32_t row = 0; row < rows; ++row) {
      events << user << '\t' << timeline.time_ms[row];
      for (std::uint32_t k = 0; k < steps; ++k) events << '\t' << (timeline.steps[row] >> k & 1);
      events << '\n';
    }
    levels << user;
    FunnelRows columns;
    columns.time_ms = timeline.time_ms.data();
    columns.steps = timeline.steps.data();
    for (FunnelMatcher& matcher : matchers) {
      matcher.Match(columns, 0, rows, &chain);
      levels << '\t' << chain.level;
    }
    levels << '\n';
  }
  return events.flush() && levels.flush() ? 0 : 1;
}

}  // namespace
}  // namespace insightflow

int main(int count, char** arguments) {
  if (count != 7) {
    std::fprintf(stderr, "usage: funnel_levels SEED USERS STEPS WINDOW EVENTS LEVELS\n");
    return 2;
  }
  return insightflow::Run(arguments);
}
