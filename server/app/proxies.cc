#include "server/app/proxies.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace insightflow::server {
namespace {

constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Proxies write [2001:db8::1], [2001:db8::1]:443 and 192.0.2.1:80 as well as the bare address.
std::string_view StripPort(std::string_view text) {
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    return close == std::string_view::npos ? text : text.substr(1, close - 1);
  }
  const std::size_t colon = text.find(':');
  const bool only_one = colon != std::string_view::npos && text.rfind(':') == colon;
  return only_one ? text.substr(0, colon) : text;
}

}  // namespace

bool ParseIp(std::string_view text, std::array<std::uint8_t, 16>* address) {
  char terminated[INET6_ADDRSTRLEN + 1];
  if (text.size() >= sizeof terminated) return false;
  text.copy(terminated, text.size());
  terminated[text.size()] = '\0';
  if (std::strlen(terminated) != text.size()) return false;
  if (inet_pton(AF_INET6, terminated, address->data()) == 1) return true;
  std::copy(std::begin(kMappedPrefix), std::end(kMappedPrefix), address->begin());
  return inet_pton(AF_INET, terminated, address->data() + sizeof kMappedPrefix) == 1;
}

Result<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const Status wrong = InvalidArgument("--trusted-proxy " + std::string(text) +
                                       " is not a network such as 10.0.0.0/8");
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  IpNetwork network;
  if (!ParseIp(address, &network.base_)) return wrong;
  if (slash == std::string_view::npos) return network;
  const bool is_v4 = address.find(':') == std::string_view::npos;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > (is_v4 ? 32u : 128u)) {
    return wrong;
  }
  network.bits_ = is_v4 ? bits + 96 : bits;
  return network;
}

bool IpNetwork::Contains(const std::array<std::uint8_t, 16>& address) const {
  const unsigned whole = bits_ / 8;
  if (std::memcmp(address.data(), base_.data(), whole) != 0) return false;
  if (bits_ % 8 == 0) return true;
  return ((address[whole] ^ base_[whole]) >> (8 - bits_ % 8)) == 0;
}

bool IsLoopback(std::string_view host) {
  if (host == "localhost") return true;
  std::array<std::uint8_t, 16> address;
  if (!ParseIp(StripPort(host), &address)) return false;
  constexpr std::array<std::uint8_t, 16> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0,
                                                       0, 0, 0, 0, 0, 0, 0, 1};
  return address == kLoopback6 ||
         (std::equal(std::begin(kMappedPrefix), std::end(kMappedPrefix), address.begin()) &&
          address[12] == 127);
}

Result<TrustedProxies> TrustedProxies::Create(const std::vector<std::string>& networks) {
  TrustedProxies proxies;
  for (const std::string& text : networks) {
    Result<IpNetwork> network = IpNetwork::Parse(text);
    if (!network.ok()) return network.status();
    proxies.networks_.push_back(*network);
  }
  return proxies;
}

bool TrustedProxies::Trusts(std::string_view address) const {
  std::array<std::uint8_t, 16> bytes;
  if (!ParseIp(address, &bytes)) return false;
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const IpNetwork& network) { return network.Contains(bytes); });
}

std::string TrustedProxies::ClientAddress(const HttpRequest& request) const {
  std::string client = request.remote_address;
  if (networks_.empty() || !Trusts(client)) return client;
  std::string chain;  // a header that is sent several times is one list
  for (const auto& [name, value] : request.headers.fields) {
    if (!EqualsIgnoreCase(name, "X-Forwarded-For")) continue;
    chain.append(chain.empty() ? "" : ",").append(value);
  }
  std::string_view rest = chain;
  while (!rest.empty()) {
    const std::size_t comma = rest.rfind(',');
    const std::string_view hop =
        StripPort(Trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1)));
    std::array<std::uint8_t, 16> bytes;
    if (!ParseIp(hop, &bytes)) break;
    client = hop;
    if (!Trusts(client) || comma == std::string_view::npos) break;
    rest = rest.substr(0, comma);
  }
  return client;
}

}  // namespace insightflow::server
