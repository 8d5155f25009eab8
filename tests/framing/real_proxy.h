// nginx and haproxy as Debian packages them, started in a temporary folder on a free port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pkg/service/local/testing/folder.h"

namespace flyball::framing {

class RealProxy {
 public:
  enum class Role {
    kNginxAlone,      // answers every valid request by itself, once it has the whole body
    kHaproxyAlone,    // the same
    kNginx,           // forwards to `upstream`, after it has the whole body
    kNginxLenient,    // as lenient as it can be told to be, and forwards bodies as they come
    kHaproxy,         // forwards to `upstream`
    kHaproxyLenient,  // with option accept-invalid-http-request, and any connection to `upstream` for any client
    kHaproxyBytes,    // forwards bytes and knows nothing of requests
  };
  // Forwarding roles replace the field kFrontId by an id of their own and write a log. Ends the test when the program
  // is not installed or does not start.
  explicit RealProxy(Role role, uint16_t upstream = 0);
  ~RealProxy();

  const std::string& name() const { return name_; }
  uint16_t port() const { return port_; }
  // "nginx/1.22.1", "HAProxy 2.6.12-1+deb12u4".
  static std::string NginxVersion();
  static std::string HaproxyVersion();

  // The ids of the requests it has tried to forward, according to its log.
  std::vector<std::string> Forwarded() const;
  std::string Said() const;

 private:
  void Run(const std::string& program, const std::vector<std::string>& args);

  std::string name_;
  local::testing::Folder folder_;
  uint16_t port_ = 0;
  int pid_ = 0;
};

}  // namespace flyball::framing
