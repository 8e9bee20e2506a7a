#include "server/app/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace insightflow::server {
namespace {

std::string WithCommas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string Bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace

std::string ProgressLine(std::string_view name, std::uint64_t bytes, std::uint64_t bytes_total,
                         std::uint64_t lines, std::chrono::milliseconds elapsed) {
  const double seconds = std::max(0.001, static_cast<double>(elapsed.count()) / 1e3);
  std::string line(name);
  if (bytes_total > 0) {
    line += "  " + std::to_string(std::min<std::uint64_t>(100, bytes * 100 / bytes_total)) + "%";
  }
  line += "  " + Bytes(bytes);
  line += "  " + WithCommas(static_cast<std::uint64_t>(static_cast<double>(lines) / seconds));
  line += " lines/s";
  if (bytes_total > bytes && bytes > 0) {
    const double left =
        seconds * static_cast<double>(bytes_total - bytes) / static_cast<double>(bytes);
    const auto whole = static_cast<std::uint64_t>(std::llround(left));
    char eta[40];
    std::snprintf(eta, sizeof eta, "  ETA %llu:%02llu", static_cast<unsigned long long>(whole / 60),
                  static_cast<unsigned long long>(whole % 60));
    line += eta;
  }
  return line;
}

Progress::Progress(std::string name, std::uint64_t bytes_total)
    : name_(std::move(name)), bytes_total_(bytes_total), shown_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::Advance(std::string_view chunk, std::uint64_t consumed) {
  if (!shown_) return;
  lines_ += static_cast<std::uint64_t>(std::count(chunk.begin(), chunk.end(), '\n'));
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_);
  std::fprintf(stderr, "\r%s\033[K",
               ProgressLine(name_, consumed, bytes_total_, lines_, elapsed).c_str());
}

}  // namespace insightflow::server
