// Who may talk to the console. Loopback is not a permission: any web page can reach 127.0.0.1 from a browser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flyball::local {

// Pure; immutable after construction, so any thread may ask.
class ConsoleGuard {
 public:
  // `host`: what the console listens on, accepted in Host besides localhost, 127.0.0.1 and [::1]; when it means
  // every address (0.0.0.0, ::), any numeric address is.
  ConsoleGuard(std::string host, uint16_t port, std::string token);

  // False for a Host that is not ours (DNS rebinding): 421.
  bool HostIsOurs(std::string_view host) const;
  // True when there is none, or it is one of the console's own origins; false: 403.
  bool OriginIsOurs(std::string_view origin) const;
  // `authorization` as in the header ("Bearer <token>"), `query` as after the '?', ("token=<token>"). Either may be
  // empty. Takes the same time whatever is wrong.
  bool TokenIsRight(std::string_view authorization, std::string_view query) const;

 private:
  const std::string host_, port_, token_;
};

}  // namespace flyball::local
