#include "server/app/client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

namespace insightflow::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kConnectPatience{10};
constexpr seconds kContinuePatience{2};  // then the body goes without an invitation
constexpr seconds kAnswerPatience{300};  // between two bytes of an answer
constexpr int kSilenceMs = 60'000;       // of the network, while something is under way
constexpr std::size_t kHeadBytesMax = std::size_t{64} << 10;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

Status Interrupted() { return {StatusCode::kCancelled, "interrupted"}; }

bool IsHostChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == ':' || c == '%';
}

// HOST, HOST:PORT or [IPv6]:PORT.
bool ParseAuthority(std::string_view text, ServerUrl* url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    url->host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (!text.empty() && (text.front() != ':' || text.size() == 1)) return false;
    port = text.substr(std::min<std::size_t>(text.size(), 1));
  } else {
    const std::size_t colon = text.find(':');
    url->host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
    if (colon != std::string_view::npos && port.empty()) return false;
  }
  if (url->host.empty() || !std::all_of(url->host.begin(), url->host.end(), IsHostChar)) {
    return false;
  }
  if (port.empty()) return true;
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, url->port);
  return error == std::errc() && stop == end && url->port != 0;
}

StatusCode CodeOf(int http_status, std::string_view name) {
  for (int code = 1; code <= static_cast<int>(StatusCode::kDataLoss); ++code) {
    const auto known = static_cast<StatusCode>(code);
    if (name == StatusCodeName(known)) return known;
  }
  if (http_status == 400) return StatusCode::kInvalidArgument;
  return http_status == 503 ? StatusCode::kUnavailable : StatusCode::kInternal;
}

}  // namespace

Result<ServerUrl> ParseServerUrl(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  ServerUrl url;
  url.text = text;
  if (text.starts_with("https://")) {
    return InvalidArgument(url.text + ": TLS is not spoken here, only http://HOST:PORT");
  }
  const Status wrong = InvalidArgument(url.text + " is not http://HOST:PORT");
  if (!text.starts_with(kScheme)) return wrong;
  text.remove_prefix(kScheme.size());
  const std::size_t slash = text.find('/');
  if (!ParseAuthority(text.substr(0, slash), &url)) return wrong;
  if (slash == std::string_view::npos) return url;
  url.path = text.substr(slash);
  const auto in_path = [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; };
  if (!std::all_of(url.path.begin(), url.path.end(), in_path)) return wrong;
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return encoded;
}

Result<std::unique_ptr<HttpCall>> HttpCall::Start(const ServerUrl& url,
                                                  const ClientRequest& request, Signals& signals) {
  std::unique_ptr<HttpCall> call(new HttpCall(url, signals));
  if (Status status = call->Connect(); !status.ok()) return status;
  if (Status status = call->Exchange(request); !status.ok()) return status;
  return call;
}

HttpCall::~HttpCall() {
  if (socket_ >= 0) close(socket_);
}

Status HttpCall::Broken(std::string_view what) const {
  return Unavailable(url_.text + ": " + std::string(what));
}

Status HttpCall::NotHttp() const {
  return Internal(url_.text + ": what answers there does not speak HTTP");
}

Status HttpCall::Connect() {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(url_.host.c_str(), std::to_string(url_.port).c_str(), &hints, &found);
  if (error != 0) return Broken(gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  Status status = Broken("no address");
  for (const addrinfo* at = list.get(); at != nullptr; at = at->ai_next) {
    status = ConnectTo(at);
    if (status.ok() || status.code() == StatusCode::kCancelled) return status;
  }
  return status;
}

Status HttpCall::ConnectTo(const void* address_info) {
  const auto* to = static_cast<const addrinfo*>(address_info);
  if (socket_ >= 0) close(socket_);
  socket_ = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return Broken(std::strerror(errno));
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &kSilenceMs, sizeof kSilenceMs);
  if (connect(socket_, to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS) {
    return Broken(std::strerror(errno));
  }
  if (!signals_.AwaitWritable(socket_, kConnectPatience)) {
    return signals_.Signalled() ? Interrupted() : Broken(std::strerror(ETIMEDOUT));
  }
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? Status::Ok() : Broken(std::strerror(error));
}

Status HttpCall::SendAll(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!signals_.AwaitWritable(socket_)) return Interrupted();
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR && errno != EAGAIN) {
      return Broken(std::strerror(errno));
    }
  }
  return Status::Ok();
}

Status HttpCall::Exchange(const ClientRequest& request) {
  const std::string host =
      url_.host.find(':') == std::string::npos ? url_.host : "[" + url_.host + "]";
  std::string head = request.method + " " + url_.path + request.target +
                     " HTTP/1.1\r\nHost: " + host + ":" + std::to_string(url_.port) +
                     "\r\nConnection: close\r\n";
  for (const auto& [name, value] : request.headers.fields) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  const bool has_body = request.method != "GET";
  if (has_body) {
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    if (!request.body.empty()) head += "Expect: 100-continue\r\n";
  }
  if (Status status = SendAll(head + "\r\n"); !status.ok()) return status;
  if (has_body && !request.body.empty()) {
    bool answered = false;
    if (Status status = AwaitContinue(&answered); !status.ok() || answered) return status;
    // The server may answer and end before it has read all: what it said tells more.
    Status sent = SendAll(request.body);
    if (sent.code() == StatusCode::kCancelled) return sent;
    const Status read = ReadFinalHead();
    return sent.ok() || read.ok() ? read : sent;
  }
  return ReadFinalHead();
}

// `answered`: not an invitation but the answer has come.
Status HttpCall::AwaitContinue(bool* answered) {
  switch (signals_.Wait(kContinuePatience, socket_)) {
    case Signals::Event::kTimeout: return Status::Ok();
    case Signals::Event::kReadable: break;
    default: return Interrupted();
  }
  if (Status status = ReadHead(); !status.ok()) return status;
  if (status_ < 200) return Status::Ok();
  *answered = true;
  return UnderstandHead();
}

Status HttpCall::ReadFinalHead() {
  do {
    if (Status status = ReadHead(); !status.ok()) return status;
  } while (status_ < 200);
  return UnderstandHead();
}

Status HttpCall::ReadHead() {
  headers_.fields.clear();
  Result<std::string> line = ReadLine();
  if (!line.ok()) return line.status();
  // "HTTP/1.1 200 OK"
  if (!line->starts_with("HTTP/1.") || line->size() < 12) return NotHttp();
  const auto [stop, error] = std::from_chars(line->data() + 9, line->data() + 12, status_);
  if (error != std::errc() || stop != line->data() + 12 || status_ < 100) return NotHttp();
  for (std::size_t bytes = line->size();; bytes += line->size()) {
    line = ReadLine();
    if (!line.ok()) return line.status();
    if (line->empty()) return Status::Ok();
    const std::size_t colon = line->find(':');
    if (colon == std::string::npos || bytes > kHeadBytesMax) return NotHttp();
    std::string_view value = std::string_view(*line).substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    headers_.fields.emplace_back(line->substr(0, colon), value);
  }
}

// How the body ends.
Status HttpCall::UnderstandHead() {
  if (status_ >= 300 && status_ < 400) {
    return Internal(url_.text + " redirects" + [&] {
      const auto to = headers_.Find("Location");
      return to.has_value() ? " to " + std::string(*to) : std::string();
    }() + ": name the server itself");
  }
  const auto encoding = headers_.Find("Transfer-Encoding");
  const auto length = headers_.Find("Content-Length");
  if (encoding.has_value()) {
    if (!EqualsIgnoreCase(*encoding, "chunked")) return NotHttp();
    body_ = Body::kChunks;
  } else if (length.has_value()) {
    const char* const end = length->data() + length->size();
    const auto [stop, error] = std::from_chars(length->data(), end, left_);
    if (error != std::errc() || stop != end) return NotHttp();
    body_ = Body::kLength;
  }
  if (status_ == 204) ended_ = true;
  return Status::Ok();
}

Result<bool> HttpCall::Fill() {
  if (taken_ == buffer_.size()) {
    buffer_.clear();
    taken_ = 0;
  }
  while (true) {
    switch (signals_.Wait(kAnswerPatience, socket_)) {
      case Signals::Event::kReadable: break;
      case Signals::Event::kTimeout: return Broken("no answer came");
      default: return Interrupted();
    }
    const std::size_t size = buffer_.size();
    buffer_.resize(size + kReadBytes);
    const ssize_t got = recv(socket_, buffer_.data() + size, kReadBytes, 0);
    const int error = errno;
    buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got >= 0) return got > 0;
    if (error != EINTR && error != EAGAIN) return Broken(std::strerror(error));
  }
}

Result<std::string> HttpCall::ReadLine() {
  std::size_t end;
  while ((end = buffer_.find('\n', taken_)) == std::string::npos) {
    if (buffer_.size() - taken_ > kHeadBytesMax) return NotHttp();
    const Result<bool> more = Fill();
    if (!more.ok()) return more.status();
    if (!*more) return Broken("the connection was closed before the answer had come");
  }
  std::string line = buffer_.substr(taken_, end - taken_);
  taken_ = end + 1;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// Reads a chunk's size, and of the last one the end.
Status HttpCall::BeginChunk() {
  if (in_chunks_) {
    const Result<std::string> end = ReadLine();
    if (!end.ok()) return end.status();
    if (!end->empty()) return NotHttp();
  }
  in_chunks_ = true;
  const Result<std::string> line = ReadLine();
  if (!line.ok()) return line.status();
  const char* const end = line->data() + std::min(line->find(';'), line->size());
  const auto [stop, error] = std::from_chars(line->data(), end, left_, 16);
  if (error != std::errc() || stop != end) return NotHttp();
  if (left_ > 0) return Status::Ok();
  ended_ = true;
  while (true) {  // trailers
    const Result<std::string> trailer = ReadLine();
    if (!trailer.ok()) return trailer.status();
    if (trailer->empty()) return Status::Ok();
  }
}

Result<bool> HttpCall::Read(std::string* bytes) {
  if (!ended_ && body_ == Body::kChunks && left_ == 0) {
    if (Status status = BeginChunk(); !status.ok()) return status;
  }
  if (body_ == Body::kLength && left_ == 0) ended_ = true;
  if (ended_) return false;
  if (taken_ == buffer_.size()) {
    const Result<bool> more = Fill();
    if (!more.ok()) return more.status();
    if (!*more) {
      if (body_ != Body::kUntilClose) return Broken("the answer was broken off");
      ended_ = true;
      return false;
    }
  }
  std::size_t size = buffer_.size() - taken_;
  if (body_ != Body::kUntilClose) {
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
    left_ -= size;
  }
  bytes->append(buffer_, taken_, size);
  taken_ += size;
  return true;
}

Result<std::string> HttpCall::ReadAll(std::size_t bytes_max) {
  std::string body;
  while (true) {
    const Result<bool> more = Read(&body);
    if (!more.ok()) return more.status();
    if (!*more) return body;
    if (body.size() > bytes_max) return OutOfRange(url_.text + ": the answer is too large");
  }
}

Status HttpCall::ErrorFrom(std::string_view body) const {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  const auto text = [&](const char* name) -> std::string {
    if (!json.IsObject() || !json.HasMember("error") || !json["error"].IsObject()) return "";
    const auto& error = json["error"];
    return error.HasMember(name) && error[name].IsString() ? error[name].GetString() : "";
  };
  std::string message = text("message");
  for (char& c : message) c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;  // for a terminal
  const StatusCode code = CodeOf(status_, text("code"));
  if (!message.empty() && code == StatusCode::kInvalidArgument) return {code, message};
  const std::string said = message.empty()
                               ? std::to_string(status_) + " " + std::string(ReasonPhrase(status_))
                               : message;
  return {code, url_.text + ": " + said};
}

}  // namespace insightflow::server
