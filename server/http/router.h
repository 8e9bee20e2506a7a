// Finds the handler of a request by method and path.
//
//   Router router;
//   router.Inline("POST", "/api/events", [&](HttpRequest request, Responder responder) { … });
//   router.Get("/api/user/:id/events", [&](const HttpRequest& request, const PathParams& params) {
//     return Page(params["id"], request.Param("limit"));
//   });
//
// A pattern is a path whose segments are literal or `:name`, which matches one segment that is not
// empty and yields it percent-decoded; a last segment `*name` matches the rest. A literal wins over
// a name, a name over a rest. No regular expression sees input. Matching costs O(length of the
// path). HEAD goes to the route of GET. An unknown path is answered by 404, a known path with
// another method by 405 and Allow, both as JSON errors and without a worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/http.h"
#include "server/http/worker_pool.h"

namespace insightflow::server {

// The values that a pattern's names matched.
class PathParams {
 public:
  // Empty when the pattern has no such name.
  const std::string& operator[](std::string_view name) const;

  void Add(std::string name, std::string value);

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

struct RouterOptions {
  std::size_t workers = 4;      // threads for the routes that may block, started when first needed
  std::size_t queue_max = 256;  // requests that wait for a worker; past it 503 with Retry-After
};

// Routes that keep their workers long have some of their own, so that they starve no others.
struct LaneOptions {
  std::size_t workers = 1;
  std::size_t queue_max = 0;
  std::string overloaded = "too many requests wait for a worker";  // said with the 503
  std::function<void()> refused = [] {};  // told of each 503, on a loop: must not block
};
using Lane = std::size_t;
// No lane, but the listener's loop: for a route that takes microseconds and waits for nothing but
// locks that others hold as shortly.
inline constexpr Lane kOnLoop = SIZE_MAX;

// Register every route before the first request; then Handle is thread-safe.
class Router : public HttpHandler {
 public:
  // Runs on the listener's loop: must not block and may answer later from any thread.
  using InlineHandler = std::function<void(HttpRequest, Responder)>;
  // Runs on a worker of its lane, may block unless that is kOnLoop. An exception is answered by 500
  // and not told to the client.
  using RouteHandler = std::function<HttpResponse(const HttpRequest&, const PathParams&)>;
  using PreflightHandler = std::function<HttpResponse(const HttpRequest&)>;
  using Decorator = std::function<void(const HttpRequest&, HttpResponse&)>;

  explicit Router(RouterOptions options = {});
  ~Router() override;  // answers what waits, then joins the workers

  // Any pattern, but its values are not passed on.
  void Inline(std::string_view method, std::string_view pattern, InlineHandler handler);

  // Makes another lane. Of `lane` below, 0 is the one of RouterOptions.
  Lane AddLane(LaneOptions options);

  void Get(std::string_view pattern, RouteHandler handler, Lane lane = 0);
  void Post(std::string_view pattern, RouteHandler handler, Lane lane = 0);
  void Put(std::string_view pattern, RouteHandler handler, Lane lane = 0);
  void Delete(std::string_view pattern, RouteHandler handler, Lane lane = 0);

  // A path that begins with `prefix` is looked up as though it began with `target`: "/api/v1/" for
  // "/api/". The request itself is passed on unchanged.
  void Alias(std::string prefix, std::string target);

  // Answers OPTIONS on known paths (CORS preflights), on the loop; without one, 204 with Allow.
  void SetPreflight(PreflightHandler handler);
  // Completes the answers of routes and of the router itself, for example by CORS headers. Inline
  // handlers complete their own.
  void SetDecorator(Decorator decorator);

  void Handle(HttpRequest request, Responder responder) override;

  // Runs the job on a worker of lane 0: the rest of a route's work, as pieces of its body. When the
  // system gives no thread the job is destroyed without having run.
  void RunRest(std::unique_ptr<Job> job);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace insightflow::server
