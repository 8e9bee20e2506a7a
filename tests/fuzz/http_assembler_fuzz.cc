// Any bytes, however they are cut, give the same requests and the same refusal; and what comes out
// as a request keeps the limits.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/assembler.h"
#include "tests/support/http_outcome.h"

namespace {

using insightflow::server::Assembler;
using insightflow::server::HttpLimits;
using insightflow::server::HttpRequest;
using insightflow::testing::HttpOutcome;

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequireWithinLimits(std::string_view bytes, const HttpLimits& limits) {
  Assembler assembler(limits);
  while (!bytes.empty()) {
    bytes.remove_prefix(assembler.Feed(bytes));
    if (assembler.state() == Assembler::State::kRefused) {
      const int status = assembler.refusal().status;
      Require(status >= 400 && status <= 505 && !assembler.keep_alive());
      return;
    }
    if (assembler.state() != Assembler::State::kComplete) continue;
    const HttpRequest request = assembler.Take();
    Require(!request.method.empty() && !request.target.empty());
    Require(request.target.find('\0') == std::string::npos);
    for (const std::string& name : request.ParamNames())
      Require(name.find('\0') == std::string::npos);
    Require(request.headers.fields.size() <= limits.headers_max);
    Require(request.body.size() <= limits.body_bytes_max);
    Require(!request.headers.Find("Transfer-Encoding").has_value());
    for (const auto& [name, value] : request.headers.fields) {
      Require(!name.empty() && (name + value).find_first_of("\r\n") == std::string::npos);
      Require((name + value).find('\0') == std::string::npos);
    }
    if (!assembler.keep_alive()) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HttpLimits limits;
  limits.line_bytes_max = 256;  // so that small inputs reach them
  limits.header_bytes_max = 1024;
  limits.headers_max = 12;
  limits.body_bytes_max = 4096;
  RequireWithinLimits(bytes, limits);
  const std::string whole = HttpOutcome(bytes, limits);
  Require(HttpOutcome(bytes, limits, [] { return std::size_t{1}; }) == whole);
  std::size_t next = size;
  Require(HttpOutcome(bytes, limits, [&] { return 1 + (next = next * 31 + 7) % 37; }) == whole);
  return 0;
}
