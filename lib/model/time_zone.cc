#include "lib/model/time_zone.h"

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "lib/base/suggest.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr int kOffsetHoursMax = 18;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "+03:30"; the whole text.
bool ParseOffset(std::string_view text, int* seconds) {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  for (const std::size_t i : {1, 2, 4, 5}) {
    if (!IsDigit(text[i])) return false;
  }
  const int hours = (text[1] - '0') * 10 + (text[2] - '0');
  const int minutes = (text[4] - '0') * 10 + (text[5] - '0');
  if (minutes > 59 || hours * 60 + minutes > kOffsetHoursMax * 60) return false;
  *seconds = (hours * 60 + minutes) * (text[0] == '-' ? -60 : 60);
  return true;
}

// What stands in the zone database's main folder. A name is a path there, so nothing that could
// lead out of it passes; "right/" has leap seconds, and "localtime" is whatever the machine thinks.
bool IsZoneName(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '/') return false;
  for (const char c : name) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter && !IsDigit(c) && c != '_' && c != '-' && c != '+' && c != '/') return false;
  }
  const bool capital = name.front() >= 'A' && name.front() <= 'Z';
  return capital && !name.starts_with("Fixed/") && name != "Factory";
}

// Abseil remembers every name that it was asked for, also unknown ones, for ever: it is asked only
// for zones that there are.
bool ZoneFileExists(std::string_view name) {
  const char* const folder = std::getenv("TZDIR");  // as Abseil looks
  std::error_code error;
  const std::filesystem::path path(folder != nullptr ? folder : "/usr/share/zoneinfo");
  return std::filesystem::is_regular_file(path / name, error);
}

}  // namespace

Result<absl::TimeZone> LoadZone(std::string_view name) {
  if (name == "UTC") return absl::UTCTimeZone();
  int seconds = 0;
  if (ParseOffset(name, &seconds)) return absl::FixedTimeZone(seconds);
  absl::TimeZone zone;
  if (IsZoneName(name) && ZoneFileExists(name) && absl::LoadTimeZone(std::string(name), &zone)) {
    return zone;
  }
  return InvalidArgument(Quoted(name) +
                         " is no time zone: name one as Europe/Berlin, or an offset as +03:30");
}

}  // namespace v1
}  // namespace insightflow
