#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pkg/store/testing/child.h"
#include "pkg/store/testing/folder.h"

namespace flyball::store {

// A real PostgreSQL of its own in a temporary folder, on a Unix socket and on a port of 127.0.0.1; ended with this
// object. PostgreSQL refuses to be root, so then it runs as Debian's user postgres. Over the socket everyone is let in,
// over TCP only who knows the password. Make it while the process has one thread.
class PostgresServer {
 public:
  static constexpr const char* kUser = "tester";
  static constexpr const char* kPassword = "hunter2/%";

  // Why there can be none on this machine; empty when there can.
  static std::string Missing();

  PostgresServer();  // starts it
  ~PostgresServer();

  void Start();  // waits until it lets in, 60 s at most
  void Kill();   // SIGQUIT, and waits for its end: sessions are cut, as by a crash
  void Signal(int number) const { child_->Signal(number); }

  // Over the socket, in libpq's key=value form.
  std::string Url(const std::string& database) const;
  // Over TCP with the password, as a person writes it.
  std::string TcpUrl(const std::string& database) const;
  uint16_t port() const { return port_; }
  // Runs one statement with psql; its exit status.
  int Psql(const std::string& statement) const;

 private:
  int Exec(const std::string& program, std::vector<std::string> arguments) const;

  Folder folder_;
  uint16_t port_ = 0;
  std::unique_ptr<Child> child_;
};

}  // namespace flyball::store
