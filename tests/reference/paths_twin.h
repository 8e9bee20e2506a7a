// The naive twin of paths: the walk of every session as a list of named steps.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "insightflow/result.h"
#include "tests/reference/sessions_twin.h"

namespace insightflow::reference {

class PathsTwin {
 public:
  PathsTwin(const PathsQuery& query, const std::vector<Event>& events) : query_(query) {
    for (const auto& [user, timeline] : TimelinesOf(events, query.scope)) {
      const SessionRules rules{.timeout = query.timeout};
      for (const TwinSession& session : CutTimeline(user, timeline, rules, "UTC")) {
        WalkOf(session);
      }
    }
  }

  PathsAnswer Answer() const {
    const std::map<std::int64_t, std::set<std::string>> named = Named();
    const auto shown = [&](std::int64_t depth, const std::string& value) {
      const bool is_named = named.contains(depth) && named.at(depth).contains(value);
      return value == kExitValue || is_named ? value : std::string(kOtherValue);
    };
    std::map<std::pair<std::int64_t, std::string>, Counted> nodes;
    std::map<std::tuple<std::int64_t, std::string, std::string>, Counted> links;
    for (const auto& [user, walk] : walks_) {
      for (const auto& [depth, value] : walk) {
        nodes[{depth, shown(depth, value)}].Add(user);
        const auto next = walk.find(depth + 1);
        if (next == walk.end()) continue;
        links[{depth, shown(depth, value), shown(depth + 1, next->second)}].Add(user);
      }
    }
    PathsAnswer answer;
    for (const auto& [node, counted] : nodes) {
      answer.nodes.push_back({node.first, node.second, counted.users.size(), counted.count});
    }
    for (const auto& [link, counted] : links) {
      const auto& [depth, from, to] = link;
      answer.links.push_back({depth, from, to, counted.users.size(), counted.count});
    }
    return answer;
  }

 private:
  struct Counted {
    std::set<std::string> users;
    std::uint64_t count = 0;

    void Add(const std::string& user) {
      users.insert(user);
      ++count;
    }
  };
  using Walk = std::map<std::int64_t, std::string>;  // by depth

  void WalkOf(const TwinSession& session) {
    Timeline events;
    for (const Event& event : session.events) {
      if (!ValueOfField(event, query_.by).empty()) events.push_back(event);
    }
    const bool any = query_.event.types.empty() && query_.event.filters.empty();
    std::size_t anchor = 0;
    while (anchor < events.size() && !Selects(query_.event, events[anchor])) ++anchor;
    if (anchor == events.size()) return;
    if (any && query_.anchor == PathsAnchor::kEnd) anchor = events.size() - 1;
    const Timeline before(events.rend() - static_cast<std::ptrdiff_t>(anchor) - 1, events.rend());
    const Timeline after(events.begin() + static_cast<std::ptrdiff_t>(anchor), events.end());
    Walk walk;
    if (query_.anchor != PathsAnchor::kStart) {
      const std::vector<std::string> steps = Steps(before);
      for (std::size_t i = 0; i < steps.size() && i <= query_.depth; ++i) {
        walk[-static_cast<std::int64_t>(i)] = steps[i];
      }
    }
    if (query_.anchor != PathsAnchor::kEnd) {
      std::vector<std::string> steps = Steps(after);
      steps.push_back(kExitValue);
      for (std::size_t i = 0; i < steps.size() && i <= query_.depth; ++i) {
        walk[static_cast<std::int64_t>(i)] = steps[i];
      }
    }
    walks_.emplace_back(session.user, walk);
  }

  std::vector<std::string> Steps(const Timeline& events) const {
    std::vector<std::string> steps;
    for (const Event& event : events) {
      const std::string value = ValueOfField(event, query_.by);
      if (query_.fold_repeats && !steps.empty() && steps.back() == value) continue;
      steps.push_back(value);
    }
    return steps;
  }

  // By users, then events, then value.
  std::map<std::int64_t, std::set<std::string>> Named() const {
    std::map<std::int64_t, std::map<std::string, Counted>> counts;
    for (const auto& [user, walk] : walks_) {
      for (const auto& [depth, value] : walk) {
        if (value != kExitValue) counts[depth][value].Add(user);
      }
    }
    std::map<std::int64_t, std::set<std::string>> named;
    for (const auto& [depth, values] : counts) {
      std::vector<std::tuple<std::int64_t, std::int64_t, std::string>> ranked;
      for (const auto& [value, counted] : values) {
        ranked.emplace_back(-static_cast<std::int64_t>(counted.users.size()),
                            -static_cast<std::int64_t>(counted.count), value);
      }
      std::sort(ranked.begin(), ranked.end());
      for (std::size_t i = 0; i < ranked.size() && i < query_.scope.limit; ++i) {
        named[depth].insert(std::get<2>(ranked[i]));
      }
    }
    return named;
  }

  const PathsQuery& query_;
  std::vector<std::pair<std::string, Walk>> walks_;  // with their user, one a session
};

// The same nodes and links, in an order that is easy to compare.
inline PathsAnswer Ordered(PathsAnswer answer) {
  std::sort(answer.nodes.begin(), answer.nodes.end(), [](const PathNode& a, const PathNode& b) {
    return std::tie(a.depth, a.value) < std::tie(b.depth, b.value);
  });
  std::sort(answer.links.begin(), answer.links.end(), [](const PathLink& a, const PathLink& b) {
    return std::tie(a.depth, a.from, a.to) < std::tie(b.depth, b.from, b.to);
  });
  return answer;
}

}  // namespace insightflow::reference
