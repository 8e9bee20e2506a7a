#include "server/http/assembler.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace insightflow::server {
namespace {

constexpr std::size_t kRequestIdBytesMax = 64;
constexpr std::size_t kInflateStep = 16 << 10;

enum ByteClass : std::uint8_t {
  kToken = 1,      // tchar of RFC 9110
  kTarget = 2,     // visible ASCII but '#'
  kValue = 4,      // of a header's value: visible, space, tab and obs-text
  kHost = 8,       // of a host and port
  kRequestId = 16  // [A-Za-z0-9] and what the common formats put between: ._-:/+=@
};

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  const auto add = [&](std::string_view bytes, std::uint8_t bits) {
    for (const char c : bytes) classes[static_cast<unsigned char>(c)] |= bits;
  };
  for (int c = 0; c < 256; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alnum) classes[c] |= kToken | kHost | kRequestId;
    if (c > 0x20 && c < 0x7f && c != '#') classes[c] |= kTarget;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) classes[c] |= kValue;
  }
  add("!#$%&'*+-.^_`|~", kToken);
  add("-._~!$&'()*+,;=:[]%", kHost);
  add("._-:/+=@", kRequestId);
  return classes;
}();

bool Is(char c, ByteClass bits) { return (kClasses[static_cast<unsigned char>(c)] & bits) != 0; }

bool AllAre(std::string_view text, ByteClass bits) {
  std::uint8_t common = 0xff;
  for (const char c : text) common &= kClasses[static_cast<unsigned char>(c)];
  return (common & bits) != 0;
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    if (EqualsIgnoreCase(Trim(item), token)) return true;
    list.remove_prefix(std::min(list.size(), item.size() + 1));
  }
  return false;
}

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

// Digits only; a number past 18 digits is past every limit.
bool ParseLength(std::string_view text, std::uint64_t* length) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), digit)) return false;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  *length = 0;
  if (text.size() > 18) {
    *length = UINT64_MAX;
    return true;
  }
  for (const char c : text) *length = *length * 10 + static_cast<std::uint64_t>(c - '0');
  return true;
}

}  // namespace

bool Assembler::Refuse(int status, const char* code, const char* message) {
  state_ = State::kRefused;
  keep_alive_ = false;
  refusal_ = {status, code, message};
  return false;
}

std::size_t Assembler::Feed(std::string_view bytes) {
  assert(state_ == State::kHead || state_ == State::kBody);
  std::size_t taken = 0;
  if (state_ == State::kHead) taken = FeedHead(bytes);
  if (state_ == State::kBody) taken += FeedBody(bytes.substr(taken));
  return taken;
}

std::size_t Assembler::FeedHead(std::string_view bytes) {
  std::size_t taken = 0;
  while (state_ == State::kHead && taken < bytes.size()) {
    begun_ = true;
    const std::string_view rest = bytes.substr(taken);
    const std::size_t feed = rest.find('\n');
    const bool whole = feed != std::string_view::npos;
    const std::string_view piece = whole ? rest.substr(0, feed + 1) : rest;
    taken += piece.size();
    if (!CheckPiece(piece)) break;
    if (!whole) {
      line_.append(piece);
    } else if (line_.empty()) {
      FinishLine(piece.substr(0, piece.size() - 2));
    } else {
      line_.append(piece);
      const std::string line = std::exchange(line_, {});
      FinishLine(std::string_view(line).substr(0, line.size() - 2));
    }
  }
  return taken;
}

// Judges each byte as it comes, so that a refusal does not depend on how the bytes are cut.
bool Assembler::CheckPiece(std::string_view piece) {
  std::size_t room = limits_->line_bytes_max + 2 - line_.size();
  if (have_line_) {
    room = std::min(room, limits_->header_bytes_max - header_bytes_ - line_.size());
  }
  char previous = line_.empty() ? '\0' : line_.back();
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (i == room) {
      return have_line_ ? Refuse(431, "headers_too_large", "a header or all of them are too large")
                        : Refuse(414, "uri_too_long", "the request line is too long");
    }
    const char c = piece[i];
    const bool legal = previous == '\r' ? c == '\n' : c == '\r' || Is(c, kValue);
    if (!legal) {
      return Refuse(400, "bad_request", "a line has a bare CR or LF or a control character");
    }
    previous = c;
  }
  return true;
}

bool Assembler::FinishLine(std::string_view line) {
  if (have_line_) {
    header_bytes_ += static_cast<std::uint32_t>(line.size() + 2);
    return line.empty() ? FinishHead() : ParseHeader(line);
  }
  if (!line.empty()) return ParseRequestLine(line);
  // Some clients end a body by one line break too many (RFC 9112, 2.2).
  if (std::exchange(skipped_blank_, true)) {
    return Refuse(400, "bad_request", "empty lines before the request line");
  }
  return true;
}

bool Assembler::ParseRequestLine(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Refuse(400, "bad_request", "the request line is not METHOD TARGET VERSION");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (method.empty() || !AllAre(method, kToken)) {
    return Refuse(400, "bad_request", "the method is not a token");
  }
  request_.method = method;
  if (!ParseTarget(target)) return false;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool is_version = version.size() == 8 && version.starts_with("HTTP/") &&
                            version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                            version[7] >= '0' && version[7] <= '9';
    return is_version ? Refuse(505, "version_not_supported", "this server speaks HTTP/1.1 and 1.0")
                      : Refuse(400, "bad_request", "the version is malformed");
  }
  http_1_0_ = version == "HTTP/1.0";
  have_line_ = true;
  return true;
}

bool Assembler::ParseTarget(std::string_view target) {
  if (target.empty() || !AllAre(target, kTarget)) {
    return Refuse(400, "bad_request", "the target has a character that must be escaped");
  }
  std::string_view rest = target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!StartsWithIgnoreCase(rest, scheme)) continue;
    rest.remove_prefix(scheme.size());
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.empty() || !AllAre(authority, kHost)) {
      return Refuse(400, "bad_request", "the target's host is malformed");
    }
    rest.remove_prefix(authority.size());
    request_.target = rest.starts_with('/') ? "" : "/";
    break;
  }
  const bool absolute = rest.size() != target.size();
  const bool asterisk = target == "*" && request_.method == "OPTIONS";
  if (!absolute && !asterisk && !rest.starts_with('/')) {
    return Refuse(400, "bad_request", "the target does not start with a slash");
  }
  request_.target += rest;
  const std::string_view sent = request_.target;
  const std::size_t mark = std::min(sent.find('?'), sent.size());
  std::optional<std::string> path = PercentDecode(sent.substr(0, mark));
  const std::optional<std::string> query = PercentDecode(sent.substr(mark));
  // A user's id may hold U+0000, so a path may; no parameter needs it.
  if (!path || !query || query->find('\0') != std::string::npos) {
    return Refuse(400, "bad_request", "the target has a bad percent escape");
  }
  request_.path = *std::move(path);
  return true;
}

bool Assembler::ParseHeader(std::string_view line) {
  if (request_.headers.fields.size() == limits_->headers_max) {
    return Refuse(431, "headers_too_large", "there are too many headers");
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view name = line.substr(0, colon);
  if (colon == line.size() || name.empty() || !AllAre(name, kToken)) {
    return Refuse(400, "bad_request", "a header is not a name, a colon and a value");
  }
  if (request_.headers.fields.empty()) request_.headers.fields.reserve(16);
  request_.headers.fields.emplace_back(name, Trim(line.substr(colon + 1)));
  return true;
}

// What the headers say about the message itself.
struct Assembler::Facts {
  int hosts = 0;
  int lengths = 0;
  bool transfer_encoding = false;
  bool close = false;
  bool keep_alive = false;
  std::string_view host;
  std::string_view length;
  std::string_view expect;
  std::string_view type;
  std::string_view request_id;
  std::string encoding;
};

Assembler::Facts Assembler::CollectFacts() const {
  Facts facts;
  for (const auto& [name, value] : request_.headers.fields) {
    switch (name.size()) {
      case 4:
        if (EqualsIgnoreCase(name, "host")) ++facts.hosts, facts.host = value;
        break;
      case 6:
        if (EqualsIgnoreCase(name, "expect")) facts.expect = value;
        break;
      case 10:
        if (!EqualsIgnoreCase(name, "connection")) break;
        facts.close |= HasToken(value, "close");
        facts.keep_alive |= HasToken(value, "keep-alive");
        break;
      case 12:
        if (EqualsIgnoreCase(name, "content-type")) facts.type = value;
        if (EqualsIgnoreCase(name, "x-request-id")) facts.request_id = value;
        break;
      case 14:
        if (EqualsIgnoreCase(name, "content-length")) ++facts.lengths, facts.length = value;
        break;
      case 16:
        if (!EqualsIgnoreCase(name, "content-encoding")) break;
        facts.encoding += facts.encoding.empty() ? value : "," + value;
        break;
      case 17:
        if (EqualsIgnoreCase(name, "transfer-encoding")) facts.transfer_encoding = true;
        break;
      default: break;
    }
  }
  return facts;
}

bool Assembler::FinishHead() {
  const Facts facts = CollectFacts();
  if (!facts.request_id.empty() && facts.request_id.size() <= kRequestIdBytesMax &&
      AllAre(facts.request_id, kRequestId)) {
    request_.request_id = facts.request_id;
  }
  if (!CheckFraming(facts) || !CheckContent(facts)) return false;
  // A body without a length must not run as the next request, so nothing follows on this
  // connection.
  const bool unframed =
      facts.lengths == 0 &&
      (request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH");
  keep_alive_ = !facts.close && !unframed && (!http_1_0_ || facts.keep_alive);
  expect_continue_ = !facts.expect.empty() && !http_1_0_ && content_length_ > 0;
  state_ = State::kBody;
  return content_length_ > 0 || FinishBody();
}

bool Assembler::CheckFraming(const Facts& facts) {
  if (facts.hosts > 1 || (facts.hosts == 0 && !http_1_0_) ||
      (!facts.host.empty() && !AllAre(facts.host, kHost))) {
    return Refuse(400, "bad_request", "there must be one well-formed Host");
  }
  if (facts.lengths > 1) return Refuse(400, "bad_request", "there are several Content-Length");
  if (facts.transfer_encoding) {
    return facts.lengths == 0
               ? Refuse(501, "not_implemented", "Transfer-Encoding is not accepted: send a length")
               : Refuse(400, "bad_request", "both Content-Length and Transfer-Encoding are given");
  }
  content_length_ = 0;
  if (facts.lengths == 1 && !ParseLength(facts.length, &content_length_)) {
    return Refuse(400, "bad_request", "Content-Length is not a number");
  }
  return true;
}

bool Assembler::CheckContent(const Facts& facts) {
  if (!facts.expect.empty() && !EqualsIgnoreCase(facts.expect, "100-continue")) {
    return Refuse(417, "expectation_failed", "the only expectation met is 100-continue");
  }
  if (StartsWithIgnoreCase(facts.type, "multipart/")) {
    return Refuse(415, "unsupported_media_type", "multipart bodies are not accepted");
  }
  const bool gzip =
      EqualsIgnoreCase(facts.encoding, "gzip") || EqualsIgnoreCase(facts.encoding, "x-gzip");
  if (!gzip && !facts.encoding.empty() && !EqualsIgnoreCase(facts.encoding, "identity")) {
    return Refuse(415, "unsupported_encoding", "Content-Encoding must be gzip or identity");
  }
  if (content_length_ > BodyBytesMax()) {
    return Refuse(413, "payload_too_large", "the body is larger than this server accepts");
  }
  gzip_ = content_length_ > 0 && (gzip || request_.Param("gz") == "1");
  return true;
}

std::size_t Assembler::FeedBody(std::string_view bytes) {
  const std::string_view part = bytes.substr(0, content_length_ - request_.body.size());
  if (request_.body.empty() && part.size() < content_length_) {
    // Only what was sent is paid for: a declared length alone must not claim memory.
    request_.body.reserve(std::min<std::uint64_t>(content_length_, kInflateStep));
  }
  request_.body.append(part);
  if (request_.body.size() == content_length_) FinishBody();
  return part.size();
}

bool Assembler::FinishBody() {
  if (gzip_ && !InflateBody()) return false;
  state_ = State::kComplete;
  return true;
}

bool Assembler::InflateBody() {
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) {
    return Refuse(503, "overloaded", "there is no memory to inflate the body");
  }
  std::string inflated;
  stream.next_in = reinterpret_cast<Bytef*>(request_.body.data());
  stream.avail_in = static_cast<uInt>(request_.body.size());
  // One byte past the limit tells a body that is too large from one that just fits.
  const std::size_t bytes_max = BodyBytesMax() + 1;
  int result = Z_OK;
  while (result == Z_OK && inflated.size() < bytes_max) {
    const std::size_t done = inflated.size();
    inflated.resize(std::min(bytes_max, std::max(done * 2, kInflateStep)));
    stream.next_out = reinterpret_cast<Bytef*>(inflated.data() + done);
    stream.avail_out = static_cast<uInt>(inflated.size() - done);
    result = inflate(&stream, Z_NO_FLUSH);
    inflated.resize(inflated.size() - stream.avail_out);
  }
  const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (inflated.size() == bytes_max) {
    return Refuse(413, "payload_too_large", "the inflated body is larger than this server accepts");
  }
  if (!whole) return Refuse(400, "bad_request", "the body is not one whole gzip member");
  request_.body = std::move(inflated);
  std::erase_if(request_.headers.fields,
                [](auto& field) { return EqualsIgnoreCase(field.first, "content-encoding"); });
  return true;
}

std::size_t Assembler::BodyBytesMax() const {
  std::size_t bytes_max = limits_->body_bytes_max;
  for (const auto& [path, bytes] : limits_->body_bytes_max_of) {
    if (path == request_.path) bytes_max = std::max(bytes_max, bytes);
  }
  return bytes_max;
}

bool Assembler::TakeBodyPart() {
  const std::size_t parts =
      request_.body.size() / std::max<std::size_t>(limits_->body_bytes_max, 1);
  return std::exchange(body_parts_, parts) != parts;
}

bool Assembler::TakeExpectContinue() {
  return state_ == State::kBody && request_.body.empty() && std::exchange(expect_continue_, false);
}

HttpRequest Assembler::Take() {
  assert(state_ == State::kComplete);
  HttpRequest taken = std::exchange(request_, {});
  content_length_ = 0;
  body_parts_ = 0;
  header_bytes_ = 0;
  state_ = State::kHead;
  begun_ = have_line_ = skipped_blank_ = gzip_ = expect_continue_ = false;
  return taken;
}

}  // namespace insightflow::server
