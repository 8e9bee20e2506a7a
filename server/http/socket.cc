#include "server/http/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>
#include <vector>

namespace insightflow::server {
namespace {

namespace fs = std::filesystem;

std::string ErrorText(int error) { return std::system_category().message(error); }

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> Resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    return InvalidArgument("--listen " + host + ": neither an address nor a known name (" +
                           gai_strerror(error) + ")");
  }
  return AddressList(found, freeaddrinfo);
}

Status BindError(const std::string& host, std::uint16_t port, int error) {
  const std::string where = host + ":" + std::to_string(port);
  if (error == EADDRINUSE) {
    const std::string owner = PortOwner(port);
    return {StatusCode::kAlreadyExists, "port " + std::to_string(port) + " is in use" +
                                            (owner.empty() ? "" : " by " + owner) +
                                            ": choose another with --listen"};
  }
  if (error == EACCES || error == EPERM) {
    return {StatusCode::kPermissionDenied,
            "may not listen on " + where + ": ports below 1024 need a privilege"};
  }
  if (error == EADDRNOTAVAIL) {
    return InvalidArgument("this machine has no address " + host +
                           ": choose another with --listen");
  }
  return Internal("cannot listen on " + where + ": " + ErrorText(error));
}

// The inodes of the sockets that listen on the port, from a table of /proc/net.
void AddListenerInodes(const char* table, std::uint16_t port, std::vector<std::string>* inodes) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >>
        inode;
    const std::size_t colon = local.rfind(':');
    constexpr const char* kListening = "0A";
    if (colon == std::string::npos || state != kListening) continue;
    if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) inodes->push_back(inode);
  }
}

bool HoldsOneOf(const fs::path& process, const std::vector<std::string>& inodes) {
  std::error_code ignored;
  for (fs::directory_iterator it(process / "fd", ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    std::error_code gone;
    const std::string target = fs::read_symlink(it->path(), gone).string();
    const auto names = [&](const std::string& inode) { return target == "socket:[" + inode + "]"; };
    if (std::any_of(inodes.begin(), inodes.end(), names)) return true;
  }
  return false;
}

}  // namespace

std::string PortOwner(std::uint16_t port) {
  std::vector<std::string> inodes;
  AddListenerInodes("/proc/net/tcp", port, &inodes);
  AddListenerInodes("/proc/net/tcp6", port, &inodes);
  if (inodes.empty()) return {};
  std::error_code ignored;
  for (fs::directory_iterator it("/proc", ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    const std::string pid = it->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!HoldsOneOf(it->path(), inodes)) continue;
    std::string name;
    std::getline(std::ifstream(it->path() / "comm"), name);
    return name.append(" (pid ").append(pid).append(")");
  }
  return {};
}

std::string AddressText(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    }
  }
  return text;
}

Status CheckHost(const std::string& host) { return Resolve(host, 0).status(); }

Result<BoundSocket> BindAndListen(const std::string& host, std::uint16_t port) {
  const Result<AddressList> addresses = Resolve(host, port);
  if (!addresses.ok()) return addresses.status();
  const addrinfo* const found = addresses->get();
  const int socket_fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return BindError(host, port, errno);
  const int on = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  auto* address = reinterpret_cast<sockaddr*>(&bound);
  if (bind(socket_fd, found->ai_addr, found->ai_addrlen) != 0 ||
      listen(socket_fd, SOMAXCONN) != 0 || getsockname(socket_fd, address, &length) != 0) {
    Status status = BindError(host, port, errno);
    close(socket_fd);
    return status;
  }
  const std::string text = AddressText(address);
  const bool v6 = text.find(':') != std::string::npos;
  const in_port_t chosen = v6 ? reinterpret_cast<sockaddr_in6*>(address)->sin6_port
                              : reinterpret_cast<sockaddr_in*>(address)->sin_port;
  return BoundSocket{socket_fd, v6 ? "[" + text + "]" : text, ntohs(chosen)};
}

void RaiseFileLimit(std::size_t count) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace insightflow::server
