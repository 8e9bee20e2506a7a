// The types that pass between the listener, the router and the handlers.
#pragma once

#include <atomic>
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
  // Becomes true when the client has closed the connection, or only its sending side: nobody can
  // tell these apart. For work that is long and in vain without its client. Null: it never does.
  std::shared_ptr<const std::atomic<bool>> client_gone = nullptr;

  // The decoded value of a query parameter, the first of that name; nullopt when absent.
  std::optional<std::string> Param(std::string_view name) const;
  // The decoded names of all, in order, one that is repeated each time.
  std::vector<std::string> ParamNames() const;
};

// One piece of a body that is made while it is sent. Send may be called once, from any thread, also
// after the client has gone. A writer that is destroyed without Send breaks the connection off, so
// that the client cannot take what it has for the whole. Move-only.
class BodyWriter {
 public:
  enum class Then { kMore, kEnd, kBreakOff };
  struct Sink {  // the listener's side
    virtual ~Sink() = default;
    virtual void SendPiece(std::string bytes, Then then) = 0;
  };

  explicit BodyWriter(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}
  BodyWriter(BodyWriter&&) noexcept = default;
  BodyWriter& operator=(BodyWriter&&) = delete;
  ~BodyWriter();

  // With kEnd the body is complete. `bytes` may be empty.
  void Send(std::string bytes, Then then);

 private:
  std::shared_ptr<Sink> sink_;
};

// The rest of a body, pulled as the client takes it: what a slow client does not take is not made.
// All calls come from a loop's thread and must not block.
class BodySource {
 public:
  // Once the body has ended, or when the client has gone: nobody waits for a piece any more. A
  // client that goes silently is noticed when something is sent to it.
  virtual ~BodySource() = default;
  // All before is with the system, so there is room for a piece, of about 64 KiB at most. The
  // writer may be kept until there is something to say; only then comes the next call.
  virtual void Pull(BodyWriter writer) = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  HttpHeaders headers;  // beside Content-Type, Content-Length, X-Request-ID and security headers
  std::string body;     // empty with a status of 400 or more: the listener writes a JSON error
  // What follows on `body`, if anything: then it is sent in chunks, and until the connection's end
  // to a client of HTTP/1.0. Each piece must be taken within the write deadline.
  std::unique_ptr<BodySource> source = nullptr;
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
