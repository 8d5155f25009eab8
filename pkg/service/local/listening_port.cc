#include "pkg/service/local/listening_port.h"

#include <dirent.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

namespace flyball::local {
namespace {

constexpr int kBacklog = 4096;

uint16_t PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Error Explain(int error, const std::string& host, uint16_t port, const std::string& what, const std::string& flag) {
  const std::string number = std::to_string(port);
  if (error == EADDRINUSE) {
    const std::string who = WhoListensOn(port);
    return {ErrorCode::kConflict, "port " + number + ", for " + what + ", is taken by " +
                                      (who.empty() ? "another program (perhaps another 'flyballctl up', or one of "
                                                     "another user: 'ss -ltnp' tells)"
                                                   : who) +
                                      "; stop it, or choose another port with " + flag};
  }
  if (error == EACCES) {
    return {ErrorCode::kDenied,
            "port " + number + " needs privileges this user does not have; choose one above 1023 with " + flag};
  }
  if (error == EADDRNOTAVAIL) {
    return {ErrorCode::kInvalid, "'" + host + "' is not an address of this machine; choose one with --host"};
  }
  return {ErrorCode::kIo, "opening port " + number + " for " + what + ": " + std::strerror(error)};
}

// The inodes of sockets that listen on `port`, out of /proc/net/tcp and tcp6.
std::set<std::string> ListeningInodes(uint16_t port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string index, local, remote, state, skip, inode;
      fields >> index >> local >> remote >> state;
      for (int i = 0; i < 5; ++i) fields >> skip;
      fields >> inode;
      const size_t colon = local.rfind(':');
      if (state != "0A" || colon == std::string::npos) continue;
      if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) inodes.insert(inode);
    }
  }
  return inodes;
}

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;
Folder OpenFolder(const std::string& path) { return {::opendir(path.c_str()), &::closedir}; }

bool HoldsSocket(const std::string& pid, const std::set<std::string>& inodes) {
  const std::string path = "/proc/" + pid + "/fd";
  const Folder folder = OpenFolder(path);
  if (!folder) return false;
  while (const dirent* entry = ::readdir(folder.get())) {
    char target[64];
    const ssize_t n = ::readlink((path + "/" + entry->d_name).c_str(), target, sizeof target);
    if (n <= 0) continue;
    const std::string_view link(target, static_cast<size_t>(n));
    if (link.starts_with("socket:[") && inodes.contains(std::string(link.substr(8, link.size() - 9)))) return true;
  }
  return false;
}

}  // namespace

std::string WhoListensOn(uint16_t port) {
  const auto inodes = ListeningInodes(port);
  const Folder processes = OpenFolder("/proc");
  if (inodes.empty() || !processes) return {};
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string pid = entry->d_name;
    if (pid.find_first_not_of("0123456789") != std::string::npos || !HoldsSocket(pid, inodes)) continue;
    std::string name;
    std::ifstream in("/proc/" + pid + "/comm");
    std::getline(in, name);
    return "pid " + pid + (name.empty() ? "" : " (" + name + ")");
  }
  return {};
}

Result<ListeningPort> OpenListeningPort(const std::string& host, uint16_t port, const std::string& what,
                                        const std::string& flag) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) {
    return Fail(ErrorCode::kInvalid, "'" + host + "' is not a host this machine knows (" + ::gai_strerror(failed) +
                                         "); expected an address such as 127.0.0.1 for --host");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, &::freeaddrinfo);
  ListeningPort result;
  result.fd.Reset(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!result.fd.valid()) return FailErrno("opening a socket");
  const int on = 1;
  ::setsockopt(result.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(result.fd.get(), address->ai_addr, address->ai_addrlen) != 0 || ::listen(result.fd.get(), kBacklog) != 0) {
    return Fail(Explain(errno, host, port, what, flag));
  }
  result.port = PortOf(result.fd.get());
  return result;
}

Result<void> RefuseNewConnections(const UniqueFd& listening) {
  sock_filter drop_all{BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog program{1, &drop_all};
  if (::setsockopt(listening.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    return FailErrno("closing the port for new connections");
  }
  return {};
}

std::string UrlAuthority(const std::string& host, uint16_t port) {
  std::string name = host;
  if (name == "0.0.0.0" || name.empty()) name = "127.0.0.1";
  if (name == "::") name = "::1";
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  return name + ":" + std::to_string(port);
}

}  // namespace flyball::local
