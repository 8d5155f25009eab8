#include "tests/integration/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace flyball::integration {
namespace {

// The value of a header in a head whose names are as the server writes them;
// empty when absent.
std::string HeaderIn(const std::string& head, const char* name) {
  const char* at = ::strcasestr(head.c_str(), ("\r\n" + std::string(name) + ": ").c_str());
  if (at == nullptr) return {};
  at += std::strlen(name) + 4;
  return std::string(at, static_cast<size_t>(std::strstr(at, "\r\n") - at));
}

}  // namespace

bool RawClient::Connect() {
  connection_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{30, 0};
  ::setsockopt(connection_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(connection_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  ::setsockopt(connection_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(connection_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
  connection_.Reset();
  return false;
}

Outcome RawClient::Send(const std::string& method, const std::string& path, const std::string& token,
                        const std::string& body) {
  std::string request = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
  if (!body.empty()) {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  request += "\r\n" + body;
  if (!connection_.valid() && !Connect()) return {};
  Outcome outcome{Outcome::Kind::kAnswered, 0, ""};
  const bool sent =
      ::send(connection_.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  if (sent && ReadAnswer(outcome)) return outcome;
  connection_.Reset();
  outcome.kind = Outcome::Kind::kLost;
  return outcome;
}

bool RawClient::ReadAnswer(Outcome& answer) {
  std::string received;
  std::array<char, 16384> part;
  size_t whole = std::string::npos;
  while (received.size() < whole) {
    const ssize_t n = ::recv(connection_.get(), part.data(), part.size(), 0);
    if (n <= 0) return false;
    received.append(part.data(), static_cast<size_t>(n));
    const size_t head_end = received.find("\r\n\r\n");
    if (whole != std::string::npos || head_end == std::string::npos) continue;
    const std::string length = HeaderIn(received.substr(0, head_end + 2), "Content-Length");
    whole = head_end + 4 + static_cast<size_t>(std::atol(length.c_str()));
  }
  const size_t head_end = received.find("\r\n\r\n");
  const std::string head = received.substr(0, head_end + 2);
  answer.status = std::atoi(head.c_str() + head.find(' ') + 1);
  answer.body = received.substr(head_end + 4);
  if (HeaderIn(head, "Connection") == "close") connection_.Reset();
  return true;
}

}  // namespace flyball::integration
