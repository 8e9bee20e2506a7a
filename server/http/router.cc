#include "server/http/router.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace insightflow::server {
namespace {

// What answers one method of a route.
struct Endpoint {
  std::string method;
  Router::InlineHandler inline_handler;  // one of the two
  Router::RouteHandler route_handler;
  Lane lane;                       // of route_handler
  std::vector<std::string> names;  // of the pattern's values, in order
};

// Patterns as a tree of segments.
struct Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> named;      // one segment
  std::unique_ptr<Node> rest;       // all that follow
  std::vector<Endpoint> endpoints;  // of the pattern that ends here
};

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(std::min<std::size_t>(path.size(), 1));
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

// The assembler has checked the escapes.
std::string Decode(std::string_view segment) { return PercentDecode(segment).value_or(""); }

class Matcher {
 public:
  explicit Matcher(std::string_view path) : segments_(Split(path)) {}

  // Visits each node of the tree at most once.
  const Node* Find(const Node& node, std::size_t index = 0) {
    if (index == segments_.size()) return node.endpoints.empty() ? nullptr : &node;
    const std::string segment = Decode(segments_[index]);
    for (const auto& [literal, child] : node.literals) {
      if (literal != segment) continue;
      if (const Node* found = Find(*child, index + 1)) return found;
    }
    const std::size_t held = values_.size();
    if (node.named != nullptr && !segment.empty()) {
      values_.push_back(segment);
      if (const Node* found = Find(*node.named, index + 1)) return found;
      values_.resize(held);
    }
    if (node.rest == nullptr) return nullptr;
    std::string rest = segment;
    for (std::size_t i = index + 1; i < segments_.size(); ++i) rest += "/" + Decode(segments_[i]);
    values_.push_back(std::move(rest));
    return node.rest.get();
  }

  PathParams Params(const std::vector<std::string>& names) {
    PathParams params;
    for (std::size_t i = 0; i < names.size(); ++i) params.Add(names[i], std::move(values_[i]));
    return params;
  }

 private:
  const std::vector<std::string_view> segments_;
  std::vector<std::string> values_;
};

std::string Allow(const Node& node) {
  std::string allow;
  for (const Endpoint& endpoint : node.endpoints) {
    allow += endpoint.method + ", ";
    if (endpoint.method == "GET") allow += "HEAD, ";
  }
  return allow + "OPTIONS";
}

const Endpoint* FindMethod(const Node& node, std::string_view method) {
  const auto found = std::find_if(node.endpoints.begin(), node.endpoints.end(),
                                  [&](const Endpoint& e) { return e.method == method; });
  if (found != node.endpoints.end()) return &*found;
  return method == "HEAD" ? FindMethod(node, "GET") : nullptr;
}

}  // namespace

const std::string& PathParams::operator[](std::string_view name) const {
  static const std::string empty;
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return empty;
}

void PathParams::Add(std::string name, std::string value) {
  values_.emplace_back(std::move(name), std::move(value));
}

struct Router::Impl {
  // A lane's pool is last: its jobs use the rest until it has ended.
  struct RunningLane {
    explicit RunningLane(LaneOptions o)
        : options(std::move(o)), pool(options.workers, options.queue_max) {}
    const LaneOptions options;
    WorkerPool pool;
  };

  void Add(std::string_view method, std::string_view pattern, RouteHandler handler, Lane lane) {
    assert(lane < lanes.size() || lane == kOnLoop);
    Register(pattern, {std::string(method), {}, std::move(handler), lane, {}});
  }

  void Register(std::string_view pattern, Endpoint endpoint);
  std::string LookupPath(const HttpRequest& request) const;
  void SendDecorated(const HttpRequest& request, Responder& responder, HttpResponse response) const;
  HttpResponse AnswerOptions(const HttpRequest& request, const Node* node) const;
  void Serve(const Endpoint& endpoint, HttpRequest request, PathParams params, Responder responder);

  Node root;
  std::vector<std::pair<std::string, std::string>> aliases;
  PreflightHandler preflight;
  Decorator decorator;
  std::vector<std::unique_ptr<RunningLane>> lanes;  // last, as above
};

namespace {

// A request on its way through a worker.
class RouteJob final : public Job {
 public:
  using Finish = std::function<void(const HttpRequest&, Responder&, HttpResponse)>;

  RouteJob(const Router::RouteHandler& handler, HttpRequest request, PathParams params,
           Responder responder, Finish finish)
      : handler_(handler),
        request_(std::move(request)),
        params_(std::move(params)),
        responder_(std::move(responder)),
        finish_(std::move(finish)) {}

  void Run() override {
    try {
      finish_(request_, responder_, handler_(request_, params_));
    } catch (...) {
      Fail(500, "internal", "the request failed inside the server");
    }
  }

  void Fail(int status, std::string_view code, std::string_view message) {
    HttpResponse response = ErrorResponse(status, code, message, request_.request_id);
    if (status == 503) response.headers.Set("Retry-After", "1");
    finish_(request_, responder_, std::move(response));
  }

 private:
  const Router::RouteHandler& handler_;
  const HttpRequest request_;
  const PathParams params_;
  Responder responder_;
  const Finish finish_;
};

}  // namespace

void Router::Impl::Register(std::string_view pattern, Endpoint endpoint) {
  Node* node = &root;
  for (const std::string_view segment : Split(pattern)) {
    std::unique_ptr<Node>* next = nullptr;
    if (segment.starts_with(':') || segment.starts_with('*')) {
      endpoint.names.emplace_back(segment.substr(1));
      next = segment.starts_with(':') ? &node->named : &node->rest;
    } else {
      auto& literals = node->literals;
      auto found = std::find_if(literals.begin(), literals.end(),
                                [&](const auto& entry) { return entry.first == segment; });
      if (found == literals.end()) found = literals.emplace(literals.end(), segment, nullptr);
      next = &found->second;
    }
    if (*next == nullptr) *next = std::make_unique<Node>();
    node = next->get();
  }
  assert(std::none_of(node->endpoints.begin(), node->endpoints.end(),
                      [&](const Endpoint& e) { return e.method == endpoint.method; }));
  node->endpoints.push_back(std::move(endpoint));
}

// The path as sent, so that an escaped slash stays inside its segment.
std::string Router::Impl::LookupPath(const HttpRequest& request) const {
  std::string path = request.target.substr(0, request.target.find('?'));
  for (const auto& [prefix, target] : aliases) {
    if (path.starts_with(prefix)) return target + path.substr(prefix.size());
  }
  return path;
}

void Router::Impl::SendDecorated(const HttpRequest& request, Responder& responder,
                                 HttpResponse response) const {
  if (decorator) decorator(request, response);
  responder.Send(std::move(response));
}

HttpResponse Router::Impl::AnswerOptions(const HttpRequest& request, const Node* node) const {
  HttpResponse response;
  response.status = 204;
  if (preflight) response = preflight(request);
  if (node != nullptr) response.headers.Set("Allow", Allow(*node));
  return response;
}

void Router::Impl::Serve(const Endpoint& endpoint, HttpRequest request, PathParams params,
                         Responder responder) {
  auto route = std::make_unique<RouteJob>(
      endpoint.route_handler, std::move(request), std::move(params), std::move(responder),
      [this](const HttpRequest& to, Responder& by, HttpResponse response) {
        SendDecorated(to, by, std::move(response));
      });
  if (endpoint.lane == kOnLoop) return route->Run();
  RouteJob& waiting = *route;
  std::unique_ptr<Job> job = std::move(route);
  RunningLane& lane = *lanes[endpoint.lane];
  if (lane.pool.Submit(job)) return;
  lane.options.refused();
  waiting.Fail(503, "overloaded", lane.options.overloaded);
}

Router::Router(RouterOptions options) : impl_(std::make_unique<Impl>()) {
  AddLane({options.workers, options.queue_max});
}

Router::~Router() = default;

void Router::Inline(std::string_view method, std::string_view pattern, InlineHandler handler) {
  impl_->Register(pattern, {std::string(method), std::move(handler), {}, 0, {}});
}

Lane Router::AddLane(LaneOptions options) {
  impl_->lanes.push_back(std::make_unique<Impl::RunningLane>(std::move(options)));
  return impl_->lanes.size() - 1;
}

void Router::Get(std::string_view pattern, RouteHandler handler, Lane lane) {
  impl_->Add("GET", pattern, std::move(handler), lane);
}

void Router::Post(std::string_view pattern, RouteHandler handler, Lane lane) {
  impl_->Add("POST", pattern, std::move(handler), lane);
}

void Router::Put(std::string_view pattern, RouteHandler handler, Lane lane) {
  impl_->Add("PUT", pattern, std::move(handler), lane);
}

void Router::Delete(std::string_view pattern, RouteHandler handler, Lane lane) {
  impl_->Add("DELETE", pattern, std::move(handler), lane);
}

void Router::Alias(std::string prefix, std::string target) {
  impl_->aliases.emplace_back(std::move(prefix), std::move(target));
}

void Router::SetPreflight(PreflightHandler handler) { impl_->preflight = std::move(handler); }

void Router::SetDecorator(Decorator decorator) { impl_->decorator = std::move(decorator); }

void Router::RunRest(std::unique_ptr<Job> job) { impl_->lanes.front()->pool.Submit(job, true); }

void Router::Handle(HttpRequest request, Responder responder) {
  const std::string path = impl_->LookupPath(request);
  Matcher matcher(path);
  const Node* const node = request.target == "*" ? nullptr : matcher.Find(impl_->root);
  const Endpoint* const endpoint = node == nullptr ? nullptr : FindMethod(*node, request.method);
  if (endpoint != nullptr && endpoint->inline_handler) {
    return endpoint->inline_handler(std::move(request), std::move(responder));
  }
  if (endpoint != nullptr) {
    return impl_->Serve(*endpoint, std::move(request), matcher.Params(endpoint->names),
                        std::move(responder));
  }
  HttpResponse response;
  if (request.method == "OPTIONS" && (node != nullptr || request.target == "*")) {
    response = impl_->AnswerOptions(request, node);
  } else if (node == nullptr) {
    response = ErrorResponse(404, "not_found", "there is no such path", request.request_id);
  } else {
    response =
        ErrorResponse(405, "method_not_allowed", "this path has other methods", request.request_id);
    response.headers.Set("Allow", Allow(*node));
  }
  impl_->SendDecorated(request, responder, std::move(response));
}

}  // namespace insightflow::server
