#include "lib/model/time_zone.h"

#include <algorithm>
#include <optional>
#include <string>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr int kOffsetHoursMax = 18;
constexpr std::size_t kNameBytesMax = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Seconds east of UTC.
std::optional<int> ParseOffset(std::string_view text) {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
    return std::nullopt;
  }
  const auto two_digits = [&](std::size_t at) {
    const bool valid = IsDigit(text[at]) && IsDigit(text[at + 1]);
    return valid ? (text[at] - '0') * 10 + (text[at + 1] - '0') : 100;
  };
  const int hours = two_digits(1), minutes = two_digits(4);
  if (minutes >= 60 || hours * 60 + minutes > kOffsetHoursMax * 60) return std::nullopt;
  const int seconds = (hours * 60 + minutes) * 60;
  return text[0] == '-' ? -seconds : seconds;
}

// Names as the IANA spells them: no path that leaves the folder of zones, no alias of the machine.
bool MayBeIana(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || !IsLetter(name[0])) return false;
  if (name == "localtime" || name.starts_with("Fixed/")) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
}

}  // namespace

Result<absl::TimeZone> LoadZone(std::string_view name) {
  if (const std::optional<int> seconds = ParseOffset(name)) return absl::FixedTimeZone(*seconds);
  absl::TimeZone zone;
  if (MayBeIana(name) && absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) {
    return zone;
  }
  return InvalidArgument("unknown timezone \"" + std::string(name) +
                         "\"; allowed are IANA names such as Europe/Berlin and offsets such as "
                         "+03:30 or -05:00");
}

}  // namespace v1
}  // namespace insightflow
