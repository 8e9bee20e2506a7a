// Bytes in, whole requests out: an incremental HTTP/1.1 parser that keeps every limit and does no
// I/O. It accepts less than the RFCs allow, because whatever two parsers may read differently is
// what request smuggling is made of:
//
//   400  bare LF or CR, obs-fold, control characters, a header without a colon or with a space
//        before it, no or several Host (HTTP/1.1), several Content-Length (equal ones too) or one
//        that is not digits, Content-Length with Transfer-Encoding, a bad percent escape in the
//        target or %00 in its query, a fragment, authority form, a body that is not the gzip it
//        claims to be (one member)
//   413  body, or inflated body, over the limit: told by its declared length, before it is read
//   414, 431  request line; header line, headers in all, or their number over the limit
//   415  multipart/*, Content-Encoding other than gzip and identity
//   417  Expect other than 100-continue
//   501  Transfer-Encoding
//   505  a version other than HTTP/1.0 and 1.1
//
// Upgrade and Range are ignored, as the RFCs allow. After a refusal the connection must close. The
// outcome depends on the bytes alone, not on how they are cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/http.h"

namespace insightflow::server {

struct HttpLimits {
  std::size_t line_bytes_max = 8 << 10;     // the request line, or one header line
  std::size_t header_bytes_max = 16 << 10;  // all header lines
  std::size_t headers_max = 100;
  std::size_t body_bytes_max = 4 << 20;  // as sent, and inflated
  // Paths whose requests may have larger bodies, decoded.
  std::vector<std::pair<std::string, std::size_t>> body_bytes_max_of = {};
};

// Why a request is refused. The strings are static.
struct HttpRefusal {
  int status = 0;
  const char* code = "";
  const char* message = "";
};

// Thread-compatible. Holds no memory besides the request that it assembles.
class Assembler {
 public:
  enum class State : std::uint8_t { kHead, kBody, kComplete, kRefused };

  // The limits must outlive the assembler.
  explicit Assembler(const HttpLimits& limits) : limits_(&limits) {}

  // Takes bytes until a request is complete or refused; returns how many it took. Must be called in
  // kHead or kBody.
  std::size_t Feed(std::string_view bytes);

  State state() const { return state_; }
  // No byte of a request has come yet.
  bool at_rest() const { return state_ == State::kHead && !begun_; }
  // Bytes of the incomplete request that are held.
  std::size_t held_bytes() const { return line_.size() + header_bytes_ + request_.body.size(); }

  // True once for a request whose client waits for "100 Continue" before it sends the body.
  bool TakeExpectContinue();

  // True once after each HttpLimits::body_bytes_max bytes of a body that may be larger.
  bool TakeBodyPart();

  // In kComplete: the request without remote_address, request_id as sent or empty. The next Feed
  // begins another request.
  HttpRequest Take();

  // Of the request last completed or refused. After one that was not keep-alive no byte may be fed.
  bool keep_alive() const { return keep_alive_; }
  bool http_1_0() const { return http_1_0_; }

  // In kRefused.
  const HttpRefusal& refusal() const { return refusal_; }

  // What is known of the request until it is taken.
  const HttpRequest& partial() const { return request_; }

 private:
  struct Facts;

  bool Refuse(int status, const char* code, const char* message);
  std::size_t FeedHead(std::string_view bytes);
  std::size_t FeedBody(std::string_view bytes);
  bool CheckPiece(std::string_view piece);
  bool FinishLine(std::string_view line);
  bool ParseRequestLine(std::string_view line);
  bool ParseTarget(std::string_view target);
  bool ParseHeader(std::string_view line);
  Facts CollectFacts() const;
  bool FinishHead();
  bool CheckFraming(const Facts& facts);
  bool CheckContent(const Facts& facts);
  bool FinishBody();
  bool InflateBody();
  std::size_t BodyBytesMax() const;

  const HttpLimits* limits_;
  HttpRequest request_;
  std::string line_;  // an incomplete line
  HttpRefusal refusal_;
  std::uint64_t content_length_ = 0;
  std::size_t body_parts_ = 0;  // that TakeBodyPart has told of
  std::uint32_t header_bytes_ = 0;
  State state_ = State::kHead;
  bool begun_ = false;      // a byte of this request has come
  bool have_line_ = false;  // the request line is parsed
  bool skipped_blank_ = false;
  bool http_1_0_ = false;
  bool keep_alive_ = true;
  bool gzip_ = false;
  bool expect_continue_ = false;
};

}  // namespace insightflow::server
