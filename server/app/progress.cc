#include "server/app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "server/app/report.h"

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

bool BeginsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::size_t Columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), BeginsCharacter));
}

// The last part of a path. When it is too long, its end, which tells files apart best.
std::string ShownName(std::string_view path, std::size_t columns) {
  std::string name = Shown(path.substr(path.find_last_of('/') + 1));
  std::size_t surplus = Columns(name);
  if (surplus <= columns) return name;
  constexpr std::string_view kCut = "...";
  surplus -= std::max(columns, kCut.size()) - kCut.size();
  std::size_t begin = 0;
  while (begin < name.size() && (surplus > 0 || !BeginsCharacter(name[begin]))) {
    surplus -= BeginsCharacter(name[begin++]) ? 1 : 0;
  }
  return std::string(kCut).append(name, begin);
}

std::string Bar(std::uint64_t percent, std::size_t cells) {
  const std::size_t full = cells * percent / 100;
  return "  [" + std::string(full, '#') + std::string(cells - full, '-') + "]";
}

std::string TimeLeft(const ProgressState& state, double seconds) {
  const double left = seconds * static_cast<double>(state.bytes_total - state.bytes) /
                      static_cast<double>(state.bytes);
  const auto whole = static_cast<unsigned long long>(std::llround(left));
  char text[40];
  std::snprintf(text, sizeof text, "  ETA %llu:%02llu", whole / 60, whole % 60);
  return text;
}

// One less than there are: text in the last one makes some terminals begin a new line.
std::size_t TerminalColumns() {
  winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1u : 79;
}

}  // namespace

std::string ProgressLine(std::string_view name, const ProgressState& state, std::size_t columns) {
  constexpr std::size_t kNameMin = 12;
  constexpr std::size_t kCells = 20;
  const double seconds = std::max(0.001, static_cast<double>(state.elapsed.count()) / 1e3);
  std::string numbers;
  std::string bar;
  if (state.bytes_total > 0) {
    const std::uint64_t percent =
        std::min<std::uint64_t>(100, state.bytes * 100 / state.bytes_total);
    numbers += "  " + std::to_string(percent) + "%";
    bar = Bar(percent, kCells);
  }
  numbers += "  " + Bytes(state.bytes);
  numbers +=
      "  " + WithCommas(static_cast<std::uint64_t>(static_cast<double>(state.lines) / seconds));
  numbers += " lines/s";
  if (state.bytes_total > state.bytes && state.bytes > 0) numbers += TimeLeft(state, seconds);
  if (columns < numbers.size() + bar.size() + kNameMin) bar.clear();
  const std::size_t taken = numbers.size() + bar.size();
  return ShownName(name, columns - std::min(columns, taken)) + bar + numbers;
}

Progress::Progress(std::string name, std::uint64_t bytes_total)
    : name_(std::move(name)), shown_(isatty(STDERR_FILENO) == 1) {
  state_.bytes_total = bytes_total;
}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::Advance(std::string_view chunk, std::uint64_t consumed) {
  if (!shown_) return;
  state_.lines += static_cast<std::uint64_t>(std::count(chunk.begin(), chunk.end(), '\n'));
  state_.bytes = consumed;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  state_.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_);
  std::fprintf(stderr, "\r%s\033[K", ProgressLine(name_, state_, TerminalColumns()).c_str());
}

}  // namespace insightflow::server
