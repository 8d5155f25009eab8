#pragma once

#include <sys/types.h>

#include <string>

#include "pkg/kube/testing/temp_folder.h"

namespace flyball::kube::testing {

// A certificate authority and what it signed, made by the program openssl: "server" for 127.0.0.1 and kube.test,
// "client" for CN=someone,O=devs, and a "stranger" signed by itself. NAME.crt and NAME.key.
class Certificates {
 public:
  Certificates();
  std::string File(const std::string& name) const { return folder_ / name; }
  std::string Text(const std::string& name) const;

 private:
  void Sign(const std::string& name, const std::string& subject, const std::string& extension);
  TempFolder folder_;
};

// nginx before a server: TLS with HTTP/2, client certificates required and told in X-Client, the protocol in
// X-Protocol. Ends with this value.
class TlsFront {
 public:
  static bool Installed();
  TlsFront(const Certificates& certificates, int upstream_port);
  ~TlsFront();
  std::string Url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

 private:
  TempFolder folder_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace flyball::kube::testing
