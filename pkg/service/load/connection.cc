#include "pkg/service/load/connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace flyball::load {
namespace {

socklen_t FillAddress(const Target& target, sockaddr_storage* into) {
  std::memset(into, 0, sizeof(*into));
  if (target.host.find(':') != std::string::npos) {
    auto* six = reinterpret_cast<sockaddr_in6*>(into);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(target.port);
    inet_pton(AF_INET6, target.host.c_str(), &six->sin6_addr);
    return sizeof(*six);
  }
  auto* four = reinterpret_cast<sockaddr_in*>(into);
  four->sin_family = AF_INET;
  four->sin_port = htons(target.port);
  inet_pton(AF_INET, target.host.c_str(), &four->sin_addr);
  return sizeof(*four);
}

tl::unexpected<Error> NoConnection(const Target& target, int reason) {
  return Fail(ErrorCode::kUnavailable, "cannot connect to " + target.authority + ": " + std::strerror(reason));
}

}  // namespace

Result<void> Connection::Open(const Target& target) {
  sockaddr_storage address;
  const socklen_t size = FillAddress(target, &address);
  fd_.Reset(socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_.valid()) return FailErrno("open a socket");
  const int on = 1;
  setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ++generation_;
  answers_ = 0;
  state_ = State::kConnecting;
  if (connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 && errno != EINPROGRESS) {
    const int reason = errno;
    Close();
    return NoConnection(target, reason);
  }
  return {};
}

Result<void> Connection::FinishOpen() {
  int reason = 0;
  socklen_t size = sizeof(reason);
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &reason, &size) != 0) reason = errno;
  if (reason != 0) {
    Close();
    return Fail(ErrorCode::kUnavailable, std::strerror(reason));
  }
  state_ = State::kIdle;
  opened_before_ = true;
  return {};
}

void Connection::Close() {
  fd_.Reset();
  state_ = State::kDown;
}

bool Connection::StillIdle() const {
  char byte;
  const ssize_t got = recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Connection::Sent Connection::Send(const Attempt& attempt, bool head) {
  attempt_ = attempt;
  written_ = 0;
  parser_.Start(head);
  const Sent sent = Flush();
  // Bytes already taken make it this connection's request, even if it broke in the same call.
  if (sent == Sent::kNothing && written_ == 0) return Sent::kNothing;
  state_ = State::kBusy;
  return sent;
}

Connection::Sent Connection::Flush() {
  while (written_ < request_.size()) {
    const ssize_t sent = send(fd_.get(), request_.data() + written_, request_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Sent::kPart : Sent::kNothing;
    }
    written_ += static_cast<size_t>(sent);
  }
  return Sent::kAll;
}

Connection::Got Connection::Receive(char* scratch, size_t scratch_bytes) {
  while (true) {
    const ssize_t got = recv(fd_.get(), scratch, scratch_bytes, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Got::kNothing : Got::kClosed;
    }
    if (got == 0) {
      if (parser_.End() != ResponseParser::State::kDone) return Got::kClosed;
      ++answers_;
      return Got::kAnswer;
    }
    std::string_view bytes(scratch, static_cast<size_t>(got));
    const ResponseParser::State state = parser_.Feed(bytes);
    if (state == ResponseParser::State::kBad) return Got::kMalformed;
    if (state == ResponseParser::State::kDone) {
      if (!bytes.empty()) return Got::kMalformed;  // they belong to nothing that was asked
      ++answers_;
      return Got::kAnswer;
    }
    if (static_cast<size_t>(got) < scratch_bytes) return Got::kNothing;
  }
}

}  // namespace flyball::load
