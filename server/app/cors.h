// Which pages of other origins may call. Collecting is open to all unless origins are named;
// asking is for pages of this server and of the origins named. Credentials are never allowed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http/http.h"

namespace insightflow::server {

// Paths that take events.
bool IsCollectPath(std::string_view path);

class CorsPolicy {
 public:
  // An origin is scheme://host[:port], or * for all.
  explicit CorsPolicy(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  // Adds the headers that a browser needs to see to give the answer to its page.
  void Decorate(const HttpRequest& request, HttpResponse& response) const;

  // False for a request that a page of an origin sends which may not call here. A browser asks
  // before most of them, but not before a POST of text.
  bool MaySend(const HttpRequest& request) const;

  // Answers OPTIONS.
  HttpResponse Preflight(const HttpRequest& request) const;

 private:
  // The value of Access-Control-Allow-Origin, empty when the page may not read.
  std::string_view Allowed(std::string_view path, std::string_view origin) const;

  std::vector<std::string> origins_;
};

}  // namespace insightflow::server
