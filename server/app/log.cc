#include "server/app/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <charconv>
#include <utility>

#include "server/app/json.h"

namespace insightflow::server {
namespace {

constexpr std::size_t kValueBytesMax = 1024;
constexpr std::size_t kLinesWaiting = 512;

spdlog::level::level_enum Level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: break;
  }
  return spdlog::level::err;
}

void AppendNumber(double value, std::string* out) {
  char digits[32];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, 3);
  out->append(digits, end.ptr);
}

void AppendValue(const LogField& field, std::string* out) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    out->push_back('"');
    AppendEscaped(text->substr(0, kValueBytesMax), out);
    out->push_back('"');
  } else if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
    out->append(std::to_string(*number));
  } else {
    AppendNumber(std::get<double>(field.value), out);
  }
}

}  // namespace

void AppendEscaped(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(c));
    } else if (c < 0x20 || c == 0x7f) {
      out->append("\\u00");
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 15]);
    } else if (c < 0x80) {
      out->push_back(static_cast<char>(c));
    } else {
      length = Utf8Length(text);
      // U+0080 to U+009F are control characters too.
      const bool printable =
          length > 0 && !(c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
      out->append(printable ? text.substr(0, length) : std::string_view("\\ufffd"));
      if (length == 0) length = 1;
    }
    text.remove_prefix(length);
  }
}

Log::Log(LogFormat format, LogLevel level)
    : Log(format, level, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {}

Log::Log(LogFormat format, LogLevel level, std::shared_ptr<spdlog::sinks::sink> sink)
    : format_(format),
      writer_(std::make_shared<spdlog::details::thread_pool>(kLinesWaiting, 1)),
      logger_(std::make_shared<spdlog::async_logger>(
          "insightflow", std::move(sink), writer_, spdlog::async_overflow_policy::overrun_oldest)) {
  const char* pattern = format == LogFormat::kJson
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                            : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
  logger_->set_pattern(pattern, spdlog::pattern_time_type::utc);
  logger_->set_level(Level(level));
  logger_->set_error_handler([](const std::string&) {});  // stderr is gone: nowhere to tell
}

Log::~Log() { writer_.reset(); }  // ends its thread before what it writes to

std::uint64_t Log::LinesDropped() const { return writer_->overrun_counter(); }

bool Log::Enabled(LogLevel level) const { return logger_->should_log(Level(level)); }

void Log::Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!Enabled(level)) return;
  const bool json = format_ == LogFormat::kJson;
  std::string line(json ? "\"message\":\"" : "");
  AppendEscaped(message, &line);
  if (json) line.push_back('"');
  for (const LogField& field : fields) {
    line.append(json ? ",\"" : " ");
    line.append(field.name);
    line.append(json ? "\":" : "=");
    AppendValue(field, &line);
  }
  logger_->log(Level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace insightflow::server
