#include "server/app/cors.h"

#include <algorithm>
#include <optional>

namespace insightflow::server {

bool IsCollectPath(std::string_view path) {
  return path == "/api/events" || path == "/bff/events/batch" || path == "/api/v1/events";
}

std::string_view CorsPolicy::Allowed(std::string_view path, std::string_view origin) const {
  if (origins_.empty()) return IsCollectPath(path) ? "*" : "";
  for (const std::string& allowed : origins_) {
    if (allowed == "*" || allowed == origin) return allowed;
  }
  return "";
}

void CorsPolicy::Decorate(const HttpRequest& request, HttpResponse& response) const {
  const std::optional<std::string_view> origin = request.headers.Find("Origin");
  const std::string_view allowed = Allowed(request.path, origin.value_or(""));
  if (allowed != "*" && !origins_.empty()) response.headers.Set("Vary", "Origin");
  if (!origin.has_value() || allowed.empty()) return;
  response.headers.Set("Access-Control-Allow-Origin", std::string(allowed));
  response.headers.Set("Access-Control-Expose-Headers", "X-Request-ID, Retry-After");
}

bool CorsPolicy::MaySend(const HttpRequest& request) const {
  const std::optional<std::string_view> origin = request.headers.Find("Origin");
  if (!origin.has_value() || !Allowed(request.path, *origin).empty()) return true;
  const std::string host(request.headers.Find("Host").value_or(""));
  return *origin == "http://" + host || *origin == "https://" + host;
}

HttpResponse CorsPolicy::Preflight(const HttpRequest& request) const {
  HttpResponse response;
  response.status = 204;
  Decorate(request, response);
  if (!response.headers.Find("Access-Control-Allow-Origin").has_value()) return response;
  response.headers.Set("Access-Control-Allow-Methods",
                       IsCollectPath(request.path) ? "POST" : "GET, POST, PUT, DELETE");
  response.headers.Set("Access-Control-Allow-Headers",
                       "Content-Type, Content-Encoding, Authorization, X-Request-ID");
  response.headers.Set("Access-Control-Max-Age", "86400");
  return response;
}

}  // namespace insightflow::server
