#include "pkg/http/testing/raw_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "pkg/base/check.h"

namespace flyball::http::testing {

std::optional<std::string> RawPeer::ReadRequest() {
  while (true) {
    if (const size_t end = buffer_.find("\r\n\r\n"); end != std::string::npos) {
      size_t size = end + 4;
      if (const size_t at = buffer_.find("Content-Length: "); at < end) size += std::stoul(buffer_.substr(at + 16));
      if (buffer_.size() >= size) {
        if (buffer_.size() == size) return std::exchange(buffer_, {});
        std::string request = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return request;
      }
    }
    char bytes[16384];
    const ssize_t got = recv(fd_, bytes, sizeof(bytes), 0);
    if (got <= 0) return std::nullopt;
    buffer_.append(bytes, static_cast<size_t>(got));
  }
}

void RawPeer::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

void RawPeer::Answer(int status, std::string_view body, std::string_view extra_headers) {
  std::string answer = "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size());
  answer.append("\r\n").append(extra_headers).append("\r\n").append(body);
  Write(answer);
}

void RawPeer::Close() { shutdown(fd_, SHUT_RDWR); }

void RawPeer::Reset() {
  // Aborting: connect a datagram-less peer (AF_UNSPEC) drops a TCP connection with RST and keeps the descriptor ours.
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  connect(fd_, &none, sizeof(none));
}

RawServer::RawServer(Serve serve) : serve_(std::move(serve)) {
  listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Check(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
  socklen_t size = sizeof(address);
  Check(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  Listen();
}

RawServer::RawServer(const std::string& unix_socket_path, Serve serve) : serve_(std::move(serve)) {
  listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Check(unix_socket_path.size() < sizeof(address.sun_path), "a short socket path");
  std::memcpy(address.sun_path, unix_socket_path.c_str(), unix_socket_path.size() + 1);
  Check(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
  Listen();
}

void RawServer::Listen() {
  Check(listen(listener_.get(), 512) == 0, "listen");
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

RawServer::~RawServer() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    for (const Connection& connection : connections_) shutdown(connection.fd, SHUT_RDWR);
  }
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (Connection& connection : connections_) {
    connection.thread.join();
    close(connection.fd);
  }
}

std::string RawServer::Url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

int RawServer::connections() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(connections_.size());
}

void RawServer::AcceptLoop() {
  while (true) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // refused on a Unix socket, where there is no delay
    std::lock_guard lock(mutex_);
    if (fd < 0 || ending_) {
      if (fd >= 0) close(fd);
      return;
    }
    connections_.push_back({fd, {}});
    connections_.back().thread = std::thread([this, fd] {
      RawPeer peer(fd);
      serve_(peer);
      peer.Close();
    });
  }
}

}  // namespace flyball::http::testing
