// Sockets: binding with errors that say what to do, and addresses as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "insightflow/status.h"

struct sockaddr;

namespace insightflow::server {

struct BoundSocket {
  int socket = -1;
  std::string host;  // numeric; IPv6 in brackets
  std::uint16_t port = 0;
};

// kInvalidArgument when the host is neither an address nor a name that can be resolved.
Status CheckHost(const std::string& host);

// A listening, non-blocking socket.
Result<BoundSocket> BindAndListen(const std::string& host, std::uint16_t port);

// The peer's numeric address without the port; IPv4 in IPv6 as IPv4.
std::string AddressText(const sockaddr* address);

// "NAME (pid N)" of the process that listens on a local TCP port; empty when that cannot be seen.
std::string PortOwner(std::uint16_t port);

// Raises the limit of open files to `count` or as near as the system allows.
void RaiseFileLimit(std::size_t count);

}  // namespace insightflow::server
