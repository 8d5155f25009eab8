#include "pkg/http/testing/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "pkg/base/check.h"
#include "pkg/http/request.h"

namespace flyball::http::testing {

std::string RawAnswer::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

RawClient::RawClient(uint16_t port, int receive_buffer, const char* from)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  Check(fd_.valid(), "a socket can be opened");
  const int on = 1;
  setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer > 0) setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (from != nullptr) {
    Check(inet_pton(AF_INET, from, &address.sin_addr) == 1, "an address of this machine");
    Check(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "an address of this machine");
  }
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Check(connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "the server can be reached");
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawClient::SendByteByByte(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (!Send(bytes.substr(i, 1))) return false;
  }
  return true;
}

void RawClient::HalfClose() { shutdown(fd_.get(), SHUT_WR); }

void RawClient::Reset() {
  const linger abort{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  fd_.Reset();
}

RawClient::Got RawClient::Receive(SteadyTime until) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - RealClock().Now()).count();
    pollfd poller{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (left <= 0 || poll(&poller, 1, static_cast<int>(left)) == 0) return Got::kNothing;
    char bytes[65536];
    const ssize_t got = recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Got::kEnd;
    buffer_.append(bytes, static_cast<size_t>(got));
    return Got::kBytes;
  }
}

std::optional<RawAnswer> RawClient::Read(bool to_head, milliseconds limit) {
  const SteadyTime until = RealClock().Now() + limit;
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (Receive(until) != Got::kBytes) return std::nullopt;
  }
  RawAnswer answer;
  const std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  if (head.substr(0, 9) != "HTTP/1.1 ") return std::nullopt;
  answer.status = std::stoi(head.substr(9, 3));
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t line_end = head.find("\r\n", at);
    const size_t colon = head.find(": ", at);
    answer.headers.emplace_back(head.substr(at, colon - at), head.substr(colon + 2, line_end - colon - 2));
    at = line_end + 2;
  }
  const std::string length = answer.Header("Content-Length");
  if (!to_head && answer.Header("Transfer-Encoding") == "chunked") {
    return ReadChunks(answer.body, until) ? std::optional(std::move(answer)) : std::nullopt;
  }
  if (to_head || length.empty()) return answer;
  while (buffer_.size() < std::stoul(length)) {
    if (Receive(until) != Got::kBytes) return std::nullopt;
  }
  answer.body = buffer_.substr(0, std::stoul(length));
  buffer_.erase(0, answer.body.size());
  return answer;
}

bool RawClient::ReadChunks(std::string& body, SteadyTime until) {
  size_t at = 0;  // of buffer_
  for (;;) {
    const size_t line_end = buffer_.find("\r\n", at);
    const size_t size = line_end == std::string::npos ? 0 : std::stoul(buffer_.substr(at, line_end - at), nullptr, 16);
    if (line_end == std::string::npos || buffer_.size() < line_end + 4 + size) {
      buffer_.erase(0, std::exchange(at, 0));
      if (Receive(until) != Got::kBytes) return false;
      continue;
    }
    body.append(buffer_, line_end + 2, size);
    at = line_end + 4 + size;
    if (size == 0) break;
  }
  buffer_.erase(0, at);
  return true;
}

bool RawClient::Ends(milliseconds limit) { return buffer_.empty() && Receive(RealClock().Now() + limit) == Got::kEnd; }

std::string RawClient::ReadToEnd(milliseconds limit) {
  const SteadyTime until = RealClock().Now() + limit;
  while (Receive(until) == Got::kBytes) {
  }
  return std::exchange(buffer_, {});
}

size_t RawClient::ReadRaw(size_t bytes, milliseconds limit) {
  if (buffer_.empty() && Receive(RealClock().Now() + limit) != Got::kBytes) return 0;
  const size_t taken = std::min(bytes, buffer_.size());
  buffer_.erase(0, taken);
  return taken;
}

}  // namespace flyball::http::testing
