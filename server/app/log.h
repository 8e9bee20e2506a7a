// The server's log: one line an entry on stderr, as text or as JSON, in UTC.
//
// Values are escaped, so that what a client sends can neither break a line nor reach a terminal. A
// thread of the log writes the lines, so that a stalled reader of stderr stalls no request: then
// the oldest waiting lines are given up and counted. Thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
namespace sinks {
class sink;
}
}  // namespace spdlog

namespace insightflow::server {

enum class LogFormat { kText, kJson };
enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::uint64_t, double> value;
};

class Log {
 public:
  Log(LogFormat format, LogLevel level);
  // Writes to `sink` instead, for tests.
  Log(LogFormat format, LogLevel level, std::shared_ptr<spdlog::sinks::sink> sink);
  ~Log();  // writes what waits

  bool Enabled(LogLevel level) const;
  void Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

  std::uint64_t LinesDropped() const;

 private:
  LogFormat format_;
  std::shared_ptr<spdlog::details::thread_pool> writer_;
  std::shared_ptr<spdlog::logger> logger_;
};

// Appends `text` without its quotes: control characters, quotes, backslashes and bytes that are not
// UTF-8 as JSON escapes.
void AppendEscaped(std::string_view text, std::string* out);

}  // namespace insightflow::server
