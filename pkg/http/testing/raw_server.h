// A server for tests that says on the wire exactly what a test tells it to: one thread a connection, blocking sockets.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "pkg/base/unique_fd.h"

namespace flyball::http::testing {

// The server's end of one connection.
class RawPeer {
 public:
  explicit RawPeer(int fd) : fd_(fd) {}
  // The next request, head and body by Content-Length; empty when the client closed or the server is being ended.
  std::optional<std::string> ReadRequest();
  void Write(std::string_view bytes);
  // "HTTP/1.1 <status> X" with Content-Length, extra header lines (each ending in CRLF) and the body.
  void Answer(int status, std::string_view body, std::string_view extra_headers = "");
  // From here the client sees an orderly end, or (Reset) a connection reset.
  void Close();
  void Reset();

 private:
  int fd_;
  std::string buffer_;
};

class RawServer {
 public:
  // `serve` runs on the connection's own thread; returning closes the connection.
  using Serve = std::function<void(RawPeer&)>;
  explicit RawServer(Serve serve);                              // on 127.0.0.1, a free port
  RawServer(const std::string& unix_socket_path, Serve serve);  // on a Unix socket
  ~RawServer();                                                 // ends every connection, joins

  int port() const { return port_; }
  std::string Url(std::string_view path = "/") const;
  int connections() const;  // accepted so far

 private:
  struct Connection {
    int fd;
    std::thread thread;
  };
  void Listen();
  void AcceptLoop();

  Serve serve_;
  UniqueFd listener_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::list<Connection> connections_;  // guarded by mutex_ until the accept loop ended
  bool ending_ = false;                // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace flyball::http::testing
