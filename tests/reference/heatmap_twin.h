// The naive twin of the heatmap: a list of clicks, looked through once for each cell.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "insightflow/result.h"
#include "tests/reference/timeline_twin.h"

namespace insightflow::reference {

inline HeatmapAnswer TwinHeatmap(const HeatmapQuery& query, const std::vector<Event>& events) {
  HeatmapAnswer answer;
  std::vector<std::pair<std::int64_t, std::int64_t>> clicks;
  std::map<std::string, std::uint64_t> elements;
  for (const auto& [user, timeline] : TimelinesOf(events, query.scope)) {
    for (const Event& event : timeline) {
      if (event.page_url != query.page_url || !Selects(query.event, event)) continue;
      if (!event.element.empty()) ++elements[event.element];
      if (!event.position_x || !event.position_y) continue;
      clicks.emplace_back(std::max(*event.position_x, 0), std::max(*event.position_y, 0));
    }
  }
  answer.clicks = clicks.size();
  for (const auto& [x, y] : clicks) {
    answer.width = std::max(answer.width, x + 1);
    answer.height = std::max(answer.height, y + 1);
  }
  for (std::size_t row = 0; row < query.rows; ++row) {
    for (std::size_t column = 0; column < query.columns; ++column) {
      HeatmapCell cell{.column = column, .row = row};
      for (const auto& [x, y] : clicks) {
        const auto its_column =
            static_cast<std::size_t>(x) * query.columns / static_cast<std::size_t>(answer.width);
        const auto its_row =
            static_cast<std::size_t>(y) * query.rows / static_cast<std::size_t>(answer.height);
        if (its_column == column && its_row == row) ++cell.clicks;
      }
      if (cell.clicks != 0) answer.cells.push_back(cell);
    }
  }
  answer.elements = TopOf(elements, query.scope.limit);
  return answer;
}

}  // namespace insightflow::reference
