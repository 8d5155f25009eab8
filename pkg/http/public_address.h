// Which addresses a stranger may name: the guard of requests whose URL somebody else chose (webhooks).
#pragma once

#include "pkg/http/request.h"

namespace flyball::http {

// Whether `address` is one of the public Internet: not loopback, private, link-local, shared (CGNAT), multicast,
// documentation, benchmarking or otherwise reserved (IANA special-purpose address registries, RFC 6890). An IPv6
// address that stands for an IPv4 one (IPv4-mapped, NAT64 64:ff9b::/96) is judged by that; 6to4 and Teredo, which can
// reach into networks, are not public. kUnknown is not.
bool IsPublicAddress(const PeerAddress& address);

}  // namespace flyball::http
