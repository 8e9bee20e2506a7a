#include "server/http/response_head.h"

#include <algorithm>
#include <charconv>

namespace insightflow::server {
namespace {

constexpr std::string_view kSecurityHeaders =
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Frame-Options: DENY\r\n";
constexpr std::string_view kDefaultPolicy =
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";

void AppendNumber(std::string* out, std::size_t number) {
  char digits[20];
  out->append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void AppendClean(std::string* out, std::string_view text) {
  const std::size_t begin = out->size();
  out->append(text);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::replace_if(out->begin() + static_cast<std::ptrdiff_t>(begin), out->end(), control, ' ');
}

bool IsFraming(std::string_view name) {
  constexpr std::string_view kNames[] = {"Content-Length", "Transfer-Encoding", "Connection",
                                         "Date",           "Content-Type",      "X-Request-ID"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view own) { return EqualsIgnoreCase(own, name); });
}

}  // namespace

bool MayHaveBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendResponseHead(const HttpResponse& response, const ResponseContext& context,
                        std::string* out) {
  out->reserve(out->size() + 512);
  out->append("HTTP/1.1 ");
  AppendNumber(out, static_cast<std::size_t>(std::clamp(response.status, 200, 599)));
  out->append(" ").append(ReasonPhrase(response.status));
  out->append("\r\nDate: ").append(context.date);
  if (MayHaveBody(response.status)) {
    out->append("\r\nContent-Type: ");
    AppendClean(out, response.content_type);
    if (response.source == nullptr) {
      out->append("\r\nContent-Length: ");
      AppendNumber(out, response.body.size());
    } else if (!context.http_1_0) {
      out->append("\r\nTransfer-Encoding: chunked");
    }
  }
  out->append("\r\nX-Request-ID: ").append(context.request_id).append("\r\n");
  bool has_policy = false;
  for (const auto& [name, value] : response.headers.fields) {
    if (IsFraming(name)) continue;
    has_policy |= EqualsIgnoreCase(name, "Content-Security-Policy");
    AppendClean(out, name);
    out->append(": ");
    AppendClean(out, value);
    out->append("\r\n");
  }
  out->append(kSecurityHeaders);
  if (!has_policy) out->append(kDefaultPolicy);
  if (!context.keep_alive) {
    out->append("Connection: close\r\n");
  } else if (context.http_1_0) {
    out->append("Connection: keep-alive\r\n");
  }
  out->append("\r\n");
}

void CompleteError(HttpResponse* response, std::string_view request_id) {
  if (response->status < 400 || !response->body.empty()) return;
  const std::string_view reason = ReasonPhrase(response->status);
  std::string code;
  for (const char c : reason) {
    code.push_back(c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  }
  HttpResponse error = ErrorResponse(response->status, code, reason, request_id);
  error.headers = std::move(response->headers);
  *response = std::move(error);
}

}  // namespace insightflow::server
