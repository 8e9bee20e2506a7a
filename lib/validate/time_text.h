// Times as text: ISO 8601, and the date and time of access logs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// "2024-05-01T10:00:00.250Z", seconds and their fraction optional ("." or ","), zone "Z", "+03:30",
// "+0330" or "+03". Milliseconds since 1970, rounded down. nullopt: anything else.
std::optional<std::int64_t> ParseIsoTime(std::string_view text);

// As ParseIsoTime; a space may stand for the "T" and a missing zone means UTC.
std::optional<std::int64_t> ParseIsoTimeOrUtc(std::string_view text);

// "17/May/2015:10:05:03 +0000".
std::optional<std::int64_t> ParseLogTime(std::string_view text);

}  // namespace v1
}  // namespace insightflow
