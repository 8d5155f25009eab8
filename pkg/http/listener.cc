#include "pkg/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace flyball::http {
namespace {

constexpr int kBacklog = 4096;
constexpr int kFirstInheritedFd = 3;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
};

Result<SocketAddress> ParseAddress(const std::string& host, uint16_t port) {
  SocketAddress address;
  const std::string text = host == "localhost" ? "127.0.0.1" : host;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
    return address;
  }
  return Fail(
      ErrorCode::kInvalid,
      "cannot listen on \"" + host + "\": expected a numeric address such as 127.0.0.1, 0.0.0.0 or ::1, or localhost");
}

tl::unexpected<Error> ListenFailed(const std::string& host, uint16_t port, int error) {
  const std::string place = host + " port " + std::to_string(port);
  switch (error) {
    case EADDRINUSE:
      return Fail(ErrorCode::kConflict, place + " is taken by another program: choose another port");
    case EACCES:
      return Fail(ErrorCode::kDenied, place + " needs privileges: choose a port of 1024 or above");
    case EADDRNOTAVAIL:
      return Fail(ErrorCode::kInvalid, "no interface of this machine has the address " + host);
    default:
      return Fail(ErrorCode::kIo, "listening on " + place + ": " + std::strerror(error));
  }
}

bool IsListeningStream(int fd) {
  int type = 0, listening = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
  size = sizeof listening;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

}  // namespace

Result<UniqueFd> Listen(const std::string& host, uint16_t port) {
  const auto address = ParseAddress(host, port);
  if (!address) return Fail(address.error());
  UniqueFd fd(socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno("opening a socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->size) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return ListenFailed(host, port, errno);
  }
  return fd;
}

Result<UniqueFd> InheritedListener() {
  const char* count = std::getenv("LISTEN_FDS");
  if (count == nullptr || std::atoi(count) < 1) return Fail(ErrorCode::kNotFound, "no listening socket was inherited");
  const char* pid = std::getenv("LISTEN_PID");
  if (pid != nullptr && std::atol(pid) != getpid()) {
    return Fail(ErrorCode::kNotFound, "LISTEN_PID names another process");
  }
  if (!IsListeningStream(kFirstInheritedFd)) {
    return Fail(ErrorCode::kInvalid, "LISTEN_FDS is set, but descriptor 3 is not a listening stream socket");
  }
  fcntl(kFirstInheritedFd, F_SETFL, fcntl(kFirstInheritedFd, F_GETFL) | O_NONBLOCK);
  fcntl(kFirstInheritedFd, F_SETFD, FD_CLOEXEC);
  return UniqueFd(kFirstInheritedFd);
}

Result<UniqueFd> Duplicate(const UniqueFd& fd) {
  UniqueFd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return FailErrno("duplicating a descriptor");
  return copy;
}

uint16_t LocalPort(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return 0;
  if (address.family() == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
  if (address.family() == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port);
  return 0;
}

}  // namespace flyball::http
