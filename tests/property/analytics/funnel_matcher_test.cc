// The matcher finds exactly the chain that an exhaustive search finds, over random funnels and tiny
// timelines with few types, few values and many equal times.
#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "lib/analytics/funnel_matcher.h"
#include "tests/reference/funnel_twin.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using reference::FunnelTwin;
using reference::TwinChain;
using reference::TwinEvent;
using reference::TwinFunnel;
using reference::TwinOrder;

struct Case {
  TwinFunnel funnel;
  bool holds = false;
  std::vector<std::size_t> kinds;  // by step: of events, which match one kind or none; or empty
  std::vector<TwinEvent> events;
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  std::size_t Below(std::size_t bound) { return random_() % bound; }
  bool OneIn(std::size_t n) { return Below(n) == 0; }

  Case Next() {
    Case c;
    const std::size_t steps = 1 + Below(5);
    c.funnel.optional.resize(steps);
    c.funnel.order = static_cast<TwinOrder>(Below(4));
    if (!OneIn(4)) c.funnel.window = Below(9);
    const bool ordered = c.funnel.order != TwinOrder::kUnordered;
    if (ordered && OneIn(2)) {
      for (std::size_t k = 1; k + 1 < steps; ++k) c.funnel.optional[k] = OneIn(2);
    }
    if (ordered && c.funnel.order != TwinOrder::kStrict && steps > 1 && OneIn(3)) {
      for (std::size_t e = 1 + Below(2); e > 0; --e) {
        const std::size_t after = 1 + Below(steps - 1);
        c.funnel.exclusions.push_back({after, after + 1 + Below(steps - after)});
      }
    }
    c.holds = OneIn(3);
    const bool disjoint = OneIn(2);
    if (disjoint || OneIn(2)) {
      for (std::size_t k = 0; k < steps; ++k) c.kinds.push_back(disjoint ? k : Below(steps));
    }
    AddEvents(&c, steps);
    return c;
  }

 private:
  void AddEvents(Case* c, std::size_t steps) {
    const std::size_t values = c->holds ? 1 + Below(2) : 0;
    const std::size_t ties = 1 + Below(4);
    std::int64_t time = 1;
    for (std::size_t i = 1 + Below(c->funnel.order == TwinOrder::kUnordered ? 7 : 10); i > 0; --i) {
      if (OneIn(ties)) time += static_cast<std::int64_t>(Below(4));
      TwinEvent event;
      event.time = time;
      event.steps.resize(steps);
      if (!c->kinds.empty()) {
        const std::size_t kind = Below(steps + 1);
        for (std::size_t k = 0; k < steps; ++k) event.steps[k] = c->kinds[k] == kind;
      } else {
        for (std::size_t k = 0; k < steps; ++k) event.steps[k] = OneIn(2);
      }
      event.exclusions.resize(c->funnel.exclusions.size());
      for (std::size_t e = 0; e < event.exclusions.size(); ++e) event.exclusions[e] = OneIn(5);
      for (std::size_t v = 0; v < values; ++v) {
        event.values.push_back(OneIn(7) ? "" : std::string(1, static_cast<char>('a' + Below(2))));
      }
      c->events.push_back(std::move(event));
    }
  }

  std::mt19937_64 random_;
};

FunnelRules RulesOf(const Case& c) {
  FunnelRules rules;
  rules.steps = static_cast<std::uint32_t>(c.funnel.steps());
  if (c.funnel.window) rules.window_ms = static_cast<std::uint64_t>(*c.funnel.window);
  rules.order = static_cast<FunnelOrder>(c.funnel.order);
  for (std::size_t k = 0; k < c.funnel.steps(); ++k) {
    if (c.funnel.optional[k]) rules.optional |= std::uint64_t{1} << k;
  }
  rules.holds = c.holds;
  for (const std::size_t kind : c.kinds) {
    std::uint64_t& alike = rules.alike.emplace_back();
    for (std::size_t k = 0; k < c.kinds.size(); ++k) {
      if (c.kinds[k] == kind) alike |= std::uint64_t{1} << k;
    }
  }
  for (const auto& exclusion : c.funnel.exclusions) {
    std::uint64_t levels = 0;
    for (std::size_t level = exclusion.after_step; level < exclusion.before_step; ++level) {
      levels |= std::uint64_t{1} << (level - 1);
    }
    rules.exclusions.push_back(levels);
  }
  return rules;
}

std::uint64_t BitsOf(const std::vector<bool>& flags) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i]) bits |= std::uint64_t{1} << i;
  }
  return bits;
}

std::uint64_t KeyOf(const std::vector<std::string>& values) {
  std::string all;
  for (const std::string& value : values) {
    if (value.empty()) return 0;
    all += value + "/";
  }
  return std::hash<std::string>()(all) | 1;
}

TwinChain Matched(const Case& c) {
  std::vector<std::int64_t> times;
  std::vector<std::uint64_t> steps;
  std::vector<std::uint64_t> exclusions;
  std::vector<std::uint64_t> keys;
  // Rows before and behind are of other users, and must not be looked at.
  const auto add = [&](const TwinEvent& event) {
    times.push_back(event.time);
    steps.push_back(BitsOf(event.steps));
    exclusions.push_back(BitsOf(event.exclusions));
    keys.push_back(KeyOf(event.values));
  };
  add(c.events.back());
  for (const TwinEvent& event : c.events) add(event);
  add(c.events.back());
  FunnelRows rows;
  rows.time_ms = times.data();
  rows.steps = steps.data();
  if (!c.funnel.exclusions.empty()) rows.exclusions = exclusions.data();
  if (c.holds) rows.keys = keys.data();
  const FunnelRules rules = RulesOf(c);
  FunnelMatcher matcher(rules);
  FunnelChain chain;
  matcher.Match(rows, 1, static_cast<std::uint32_t>(c.events.size() + 1), &chain);
  TwinChain found;
  found.level = chain.level;
  if (chain.level > 0) found.events.resize(c.funnel.steps());
  for (std::size_t k = 0; k < chain.level; ++k) {
    if ((chain.filled >> k & 1) != 0) found.events[k] = chain.rows[k] - 1;
  }
  if (chain.open_start_ms != FunnelChain::kNeverOpen) found.open_start = chain.open_start_ms;
  return found;
}

std::string Print(const TwinChain& chain) {
  std::ostringstream out;
  out << "level " << chain.level << ":";
  for (const auto& event : chain.events) out << " " << (event ? std::to_string(*event) : "-");
  if (chain.open_start) out << " open from " << *chain.open_start;
  return out.str();
}

std::string Print(const Case& c) {
  std::ostringstream out;
  out << "order " << static_cast<int>(c.funnel.order) << ", steps " << c.funnel.steps();
  if (c.funnel.window) out << ", window " << *c.funnel.window;
  out << ", optional";
  for (const bool optional : c.funnel.optional) out << " " << optional;
  for (const auto& e : c.funnel.exclusions) {
    out << ", exclusion " << e.after_step << "-" << e.before_step;
  }
  for (const TwinEvent& event : c.events) {
    out << "\n  @" << event.time << " steps";
    for (std::size_t k = 0; k < event.steps.size(); ++k) {
      if (event.steps[k]) out << " " << k + 1;
    }
    for (std::size_t e = 0; e < event.exclusions.size(); ++e) {
      if (event.exclusions[e]) out << " excludes" << e;
    }
    for (const std::string& value : event.values) out << " =" << value;
  }
  return out.str();
}

// What of an open start matters: only a start whose window is open behind the last event.
void ForgetClosed(const Case& c, TwinChain* chain) {
  if (!chain->open_start || !c.funnel.window) return;
  if (*chain->open_start + *c.funnel.window < c.events.back().time) chain->open_start.reset();
}

TEST(FunnelMatcherProperty, FindsTheChainOfTheExhaustiveSearch) {
  const std::uint64_t seed = testing::RandomSeed();
  const auto cases = static_cast<std::uint64_t>(testing::RandomCases(250'000));
  Random random(seed);
  std::vector<std::uint64_t> levels(6);
  for (std::uint64_t i = 0; i < cases; ++i) {
    const Case c = random.Next();
    TwinChain expected = FunnelTwin(c.funnel, c.events).Best();
    TwinChain found = Matched(c);
    ForgetClosed(c, &expected);
    ForgetClosed(c, &found);
    ASSERT_EQ(found, expected) << "case " << i << ": " << Print(c) << "\nfound    " << Print(found)
                               << "\nexpected " << Print(expected);
    ++levels[found.level];
  }
  // Chains of every length were met.
  for (std::size_t level = 0; level < levels.size(); ++level) {
    EXPECT_GT(levels[level], cases / 200) << level;
  }
}

}  // namespace
}  // namespace insightflow
