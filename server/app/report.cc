#include "server/app/report.h"

#include <cstdio>
#include <string>

namespace insightflow::server {

void Complain(std::string_view message) { Announce("insightflow: " + std::string(message)); }

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
