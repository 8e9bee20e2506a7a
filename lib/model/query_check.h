// The rules that a query must keep, wherever it comes from: the wire, C++ or a stored definition.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "insightflow/query.h"
#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kQueryRowsMax = 10'000;
inline constexpr std::size_t kQueryPointsMax = 10'000;
inline constexpr std::size_t kQueryFiltersMax = 100;  // of one list
inline constexpr std::size_t kFilterValuesMax = 10'000;
inline constexpr std::size_t kSelectorTypesMax = 1'000;
inline constexpr std::size_t kTrendSeriesMax = 64;
inline constexpr std::size_t kFunnelStepsMax = 64;
inline constexpr std::size_t kFunnelExclusionsMax = 64;
inline constexpr std::size_t kHoldConstantMax = 16;
inline constexpr std::size_t kFunnelNameBytesMax = 256;
inline constexpr std::size_t kRetentionPeriodsMax = 400;
inline constexpr std::size_t kPathsDepthMax = 20;
inline constexpr std::size_t kHeatmapSideMax = 500;

// kInvalidArgument for the first rule that is broken; the message begins with the field's path on
// the wire, such as "steps[1].filters[0].op: ". Loads the query's time zone. O(size of the query).
Status CheckQuery(const Query& query);

// The same for filters that stand alone, at the path "filters".
Status CheckFilters(const std::vector<Filter>& filters);

// The same for a definition that is to be stored.
Status CheckFunnel(const FunnelDefinition& funnel);

// Whether a definition may have this id.
bool IsFunnelId(std::string_view id);

}  // namespace v1
}  // namespace insightflow
