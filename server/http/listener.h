// The connection layer: accepts, assembles whole requests under limits and deadlines, hands them to
// a handler and writes the answers.
//
//   Router router;                                     // any HttpHandler
//   ListenerOptions options;
//   options.port = 8080;
//   Result<std::unique_ptr<Listener>> listener = Listener::Start(options, router);
//   …
//   (*listener)->Drain(std::chrono::seconds(10));
//
// A few loop threads share all connections; each connection belongs to one loop for life and
// answers one request at a time, in order. A connection at rest costs less than a KiB. Whatever is
// wrong with a client costs only that client: a refusal is a JSON error, then the connection
// closes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "server/http/assembler.h"
#include "server/http/http.h"

struct sockaddr;

namespace insightflow::server {

// What the listener tells about an answer that it has begun to write, or of one that is made while
// it is sent, has ended. The views live for the call.
struct AnswerRecord {
  std::string_view method;
  std::string_view path;  // decoded, without the query
  std::string_view request_id;
  int status = 0;
  bool refused = false;                   // by the listener: no handler saw the request
  bool cut_off = false;                   // the body did not come to its end
  std::size_t request_bytes = 0;          // of the body, as the handler saw it
  std::size_t response_bytes = 0;         // of the head and the body
  std::chrono::microseconds duration{0};  // from the whole request to this moment
};

struct ListenerOptions {
  std::string host = "127.0.0.1";  // a name or a numeric address, IPv6 without brackets
  std::uint16_t port = 0;          // 0 lets the system choose
  int loops = 0;                   // threads; 0: one a core, at most 2

  HttpLimits limits;  // of one request

  std::size_t connections_max = 8192;
  std::size_t connections_per_address_max = 0;  // 0: no cap
  // What is held in memory over all connections: incomplete heads, bodies until they are answered,
  // answers until they are written. Past it a request that adds to this is refused by 503 with
  // Retry-After; one that comes in one piece without a body is served, so that health checks
  // answer.
  std::size_t bytes_in_flight_max = std::size_t{256} << 20;

  // Each is for the whole phase, so that a byte now and then does not extend it.
  std::chrono::milliseconds header_deadline{10'000};  // from the first byte to the last header
  std::chrono::milliseconds body_deadline{30'000};    // for each HttpLimits::body_bytes_max of it
  std::chrono::milliseconds idle_deadline{60'000};    // before the first byte and between requests
  std::chrono::milliseconds write_deadline{30'000};   // of an answer, or of each piece of one

  // Called on a loop thread after each answer, the listener's own refusals of a whole request
  // included: must not block. Empty: not called.
  std::function<void(const AnswerRecord&)> on_answer;

  // Called on a loop thread before the listener refuses a request by itself, with what is known of
  // it, so that a browser's page may read the refusal, too. Empty: not called.
  std::function<void(const HttpRequest&, HttpResponse&)> on_refusal;

  // accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC unless a test puts errors in its place.
  std::function<int(int fd, sockaddr* address, unsigned* length)> accept;
};

// Totals since the start, but for `open` and `bytes_in_flight`, which are now.
struct ListenerStats {
  std::uint64_t connections_open = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  // over connections_max or an address's cap
  std::uint64_t accept_errors = 0;
  std::uint64_t requests = 0;  // handed to the handler
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t refused_malformed = 0;  // 400, 415, 417, 501, 505
  std::uint64_t refused_too_large = 0;  // 413, 414, 431
  std::uint64_t refused_overload = 0;   // 503: bytes in flight
  std::uint64_t closed_by_deadline = 0;
};

// Thread-safe.
class Listener {
 public:
  // Binds, listens and serves before it returns. The handler must outlive the listener.
  // Errors: kInvalidArgument (no such address), kAlreadyExists (the port is in use; says by whom
  // where the system tells), kPermissionDenied, kInternal.
  static Result<std::unique_ptr<Listener>> Start(ListenerOptions options, HttpHandler& handler);

  ~Listener();  // Stop()

  std::uint16_t port() const;       // the one bound
  const std::string& host() const;  // numeric; IPv6 in brackets, as in a URL

  // Accepts no more, closes connections at rest, answers the requests under way and closes each
  // connection after its answer. Returns when all are closed or the time is over: true when all
  // were. Then call Stop.
  bool Drain(std::chrono::milliseconds deadline);

  // Closes every connection and joins the threads. Responders that are still held answer into
  // nothing. Idempotent.
  void Stop();

  ListenerStats Stats() const;

 private:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace insightflow::server
