// A client of our own server, for the commands that take --url: one request a connection, HTTP/1.1
// without TLS and without redirects. Bodies come piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "server/app/signals.h"
#include "server/http/http.h"

namespace insightflow::server {

struct ServerUrl {
  std::string text;  // as it was given, for messages
  std::string host;  // a name or an address, IPv6 without brackets
  std::uint16_t port = 80;
  std::string path;  // in front of every path; empty, or "/…" without a slash at its end
};

// http://HOST[:PORT][/PATH]. kInvalidArgument says what is wrong, without the flag's name.
Result<ServerUrl> ParseServerUrl(std::string_view text);

// Everything but letters, digits and -._~ as %XX.
std::string PercentEncode(std::string_view text);

struct ClientRequest {
  std::string method = "GET";
  std::string target;  // path and query, behind ServerUrl::path
  HttpHeaders headers = {};
  std::string_view body = {};  // must outlive Start; of a GET empty
};

// One thread. A signal ends every wait with kCancelled.
class HttpCall {
 public:
  // Sends the request and reads the answer's head. A body is sent once the server says that it will
  // take it, so that a refusal is read and not lost in a reset.
  // Errors name the URL: kUnavailable (nobody answers, or the connection broke), kInternal (what
  // answers does not speak HTTP, or redirects).
  static Result<std::unique_ptr<HttpCall>> Start(const ServerUrl& url, const ClientRequest& request,
                                                 Signals& signals);
  ~HttpCall();
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  int status() const { return status_; }

  // Appends the body's next bytes; false once it has come to its end. kUnavailable: it was broken
  // off before.
  Result<bool> Read(std::string* bytes);
  // All of it, kOutOfRange past `bytes_max`.
  Result<std::string> ReadAll(std::size_t bytes_max);

  // What the body of an answer that is not 200 means: its JSON error as a status, whose message is
  // the server's; what is not the caller's mistake has the URL in front. Never OK.
  Status ErrorFrom(std::string_view body) const;

 private:
  enum class Body : std::uint8_t { kLength, kChunks, kUntilClose };

  HttpCall(const ServerUrl& url, Signals& signals) : url_(url), signals_(signals) {}
  Status Connect();
  Status ConnectTo(const void* address_info);
  Status SendAll(std::string_view bytes);
  Status Exchange(const ClientRequest& request);
  Status AwaitContinue(bool* answered);
  Status ReadHead();
  Status ReadFinalHead();
  Status UnderstandHead();
  Status BeginChunk();
  Result<bool> Fill();  // false at the connection's end
  Result<std::string> ReadLine();
  Status Broken(std::string_view what) const;
  Status NotHttp() const;

  const ServerUrl url_;
  Signals& signals_;
  int socket_ = -1;
  int status_ = 0;
  HttpHeaders headers_;
  std::string buffer_;
  std::size_t taken_ = 0;  // of buffer_
  Body body_ = Body::kUntilClose;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  bool in_chunks_ = false;  // a chunk has begun
  bool ended_ = false;
};

}  // namespace insightflow::server
