// A progress line on a terminal; silent elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace insightflow::server {

struct ProgressState {
  std::uint64_t bytes = 0;
  std::uint64_t bytes_total = 0;  // 0: not known
  std::uint64_t lines = 0;
  std::chrono::milliseconds elapsed{0};
};

// "access.log  [####------]  42%  1.2 GiB  1,830,000 lines/s  ETA 0:12", in at most so many columns
// of a terminal: the file's name gives way first, then the bar. What a name has of control
// characters is not shown.
std::string ProgressLine(std::string_view name, const ProgressState& state, std::size_t columns);

class Progress {
 public:
  Progress(std::string name, std::uint64_t bytes_total);
  ~Progress();  // clears the line

  // `chunk` has been imported; `consumed` bytes of the file are read.
  void Advance(std::string_view chunk, std::uint64_t consumed);

 private:
  using Clock = std::chrono::steady_clock;

  const std::string name_;
  const bool shown_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_;
  ProgressState state_;
};

}  // namespace insightflow::server
