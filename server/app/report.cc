#include "server/app/report.h"

#include <cstdio>
#include <string>

namespace insightflow::server {

std::string Shown(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F
    shown.push_back(byte < 0x20 || byte == 0x7f || is_c1 ? '?' : text[i]);
    i += is_c1 ? 1 : 0;
  }
  return shown;
}

void Complain(std::string_view message) { Announce("insightflow: " + Shown(message)); }

void Announce(std::string_view text) {
  std::string line(text);
  line.push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);  // at once, so that lines do not mix
}

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int Fail(const Status& status) {
  Complain(status.message());
  return status.code() == StatusCode::kInvalidArgument ? kUsage : kFailed;
}

}  // namespace insightflow::server
