// A progress line on a terminal; silent elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace insightflow::server {

// "access.log   42%  1.2 GB  1,830,000 lines/s  ETA 0:12". `bytes_total` 0: not known.
std::string ProgressLine(std::string_view name, std::uint64_t bytes, std::uint64_t bytes_total,
                         std::uint64_t lines, std::chrono::milliseconds elapsed);

class Progress {
 public:
  Progress(std::string name, std::uint64_t bytes_total);
  ~Progress();  // clears the line

  // `chunk` has been imported; `consumed` bytes of the file are read.
  void Advance(std::string_view chunk, std::uint64_t consumed);

 private:
  using Clock = std::chrono::steady_clock;

  const std::string name_;
  const std::uint64_t bytes_total_;
  const bool shown_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_;
  std::uint64_t lines_ = 0;
};

}  // namespace insightflow::server
