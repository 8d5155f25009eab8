// Who a request really comes from when proxies stand in front (RFC 7239, and the older X-Forwarded-For).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/http/request.h"

namespace flyball::http {

// The peers that are believed when they say for whom they ask. Immutable; any thread.
class TrustedProxies {
 public:
  TrustedProxies() = default;
  // Entries are addresses or networks: "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". kInvalid names the entry: not an
  // address, a prefix that is too long, or an address with bits behind its prefix.
  static Result<TrustedProxies> Parse(const std::vector<std::string>& entries);

  bool empty() const { return networks_.empty(); }
  // O(networks).
  bool Contains(const PeerAddress& address) const;

 private:
  struct Network {
    PeerAddress address;
    size_t bits;
  };
  std::vector<Network> networks_;
};

struct ClientOrigin {
  PeerAddress address;
  bool secure = false;  // the client spoke TLS to the proxy that reported it
};

// `peer`, the other end of the connection, when it is not trusted: what it says is ignored then. Otherwise the
// rightmost address that is not a trusted proxy's; when all are, the leftmost. A hop that is hidden ("unknown",
// "_gateway"), or is no address, ends the search: the client is then the last address that is known. When Forwarded and
// X-Forwarded-For are both there and disagree, one of them came from the client, and `peer` is answered.
// Secure comes from the element's `proto`, or from X-Forwarded-Proto when every member of it is https.
ClientOrigin FindClient(const Request& request, const PeerAddress& peer, const TrustedProxies& trusted);

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"; nullopt for anything else. An
// IPv4-mapped IPv6 address is read as IPv4.
std::optional<PeerAddress> ParseNode(std::string_view text);

// The trace id of a traceparent (W3C Trace Context, version 00): 32 lower-case hex digits; empty when it is malformed.
std::string_view TraceIdOf(std::string_view traceparent);

}  // namespace flyball::http
