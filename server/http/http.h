// The types that pass between the listener, the router and the handlers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace insightflow::server {

// Names keep their spelling; Find compares without case and returns the first.
struct HttpHeaders {
  std::vector<std::pair<std::string, std::string>> fields;

  std::optional<std::string_view> Find(std::string_view name) const;
  void Set(std::string name, std::string value);  // replaces
};

// A whole request, already checked by the assembler: one Content-Length at most, no chunks, header
// and body within their limits, a method and target of legal characters.
struct HttpRequest {
  std::string method;
  std::string target;  // as sent: path and query; of an absolute form only these
  std::string path;    // decoded, without the query
  HttpHeaders headers;
  std::string body;            // inflated when it came as gzip
  std::string remote_address;  // of the peer, numeric, without the port
  std::string request_id;      // echoed or made

  // The decoded value of a query parameter, the first of that name; nullopt when absent.
  std::optional<std::string> Param(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  HttpHeaders headers;  // beside Content-Type, Content-Length, X-Request-ID and security headers
  std::string body;     // empty with a status of 400 or more: the listener writes a JSON error
};

// {"error":{"code","message","request_id"}}: the form of every error outside a batch.
HttpResponse ErrorResponse(int status, std::string_view code, std::string_view message,
                           std::string_view request_id);

// "Not Found" for 404, "Unknown" for a status without a name.
std::string_view ReasonPhrase(int status);

// Decodes %XX. nullopt when an escape is not two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text);

bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII

// Answers one request. Send may be called once, from any thread, also after the client has gone. A
// responder that is destroyed without Send answers 500. Move-only; about the size of a pointer.
class Responder {
 public:
  struct Sink {  // the listener's side
    virtual ~Sink() = default;
    virtual void Send(HttpResponse response) = 0;
  };

  explicit Responder(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) noexcept = default;
  ~Responder();

  void Send(HttpResponse response);

 private:
  std::shared_ptr<Sink> sink_;
};

// Takes requests from the listener's loops: must not block. Thread-safe.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void Handle(HttpRequest request, Responder responder) = 0;
};

}  // namespace insightflow::server
