#include "lib/validate/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace insightflow {
inline namespace v1 {
namespace {

std::string Network4(in_addr address) {
  char text[INET_ADDRSTRLEN];
  auto* bytes = reinterpret_cast<unsigned char*>(&address);
  bytes[3] = 0;
  return inet_ntop(AF_INET, &address, text, sizeof text) == nullptr ? "" : text;
}

std::string Network6(in6_addr address) {
  char text[INET6_ADDRSTRLEN];
  std::memset(address.s6_addr + 6, 0, 10);
  return inet_ntop(AF_INET6, &address, text, sizeof text) == nullptr ? "" : text;
}

}  // namespace

std::string TruncateAddress(std::string_view address) {
  address = address.substr(0, address.find('%'));
  char text[INET6_ADDRSTRLEN];
  if (address.empty() || address.size() >= sizeof text ||
      address.find('\0') != std::string_view::npos)
    return "";
  std::memcpy(text, address.data(), address.size());
  text[address.size()] = '\0';
  in_addr v4;
  if (inet_pton(AF_INET, text, &v4) == 1) return Network4(v4);
  in6_addr v6;
  if (inet_pton(AF_INET6, text, &v6) != 1) return "";
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::memcpy(&v4, v6.s6_addr + 12, sizeof v4);
    return Network4(v4);
  }
  return Network6(v6);
}

}  // namespace v1
}  // namespace insightflow
