// Whose address is it? The peer's, unless the peer is a proxy that we were told to trust.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "server/http/http.h"

namespace insightflow::server {

// An IPv4 address is held as ::ffff:a.b.c.d, so that both families compare alike.
class IpNetwork {
 public:
  // "10.0.0.0/8", "2001:db8::/32", or one address. kInvalidArgument otherwise.
  static Result<IpNetwork> Parse(std::string_view text);

  bool Contains(const std::array<std::uint8_t, 16>& address) const;

 private:
  std::array<std::uint8_t, 16> base_{};
  unsigned bits_ = 128;
};

// A numeric address; false when `text` is none.
bool ParseIp(std::string_view text, std::array<std::uint8_t, 16>* address);

// 127.0.0.0/8 or ::1, or the name localhost.
bool IsLoopback(std::string_view host);

class TrustedProxies {
 public:
  static Result<TrustedProxies> Create(const std::vector<std::string>& networks);

  // The peer's address; behind a trusted proxy the last address of X-Forwarded-For that is not a
  // trusted proxy itself. What stands left of it in the header is the client's claim and not read.
  std::string ClientAddress(const HttpRequest& request) const;

 private:
  bool Trusts(std::string_view address) const;

  std::vector<IpNetwork> networks_;
};

}  // namespace insightflow::server
