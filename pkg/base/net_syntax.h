// Addresses, networks and web origins as text: in documents, flags and header values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/result.h"

namespace flyball {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // network order; IPv4 uses the first four
  bool v6 = false;
};

// "192.0.2.1" or "2001:db8::1", nothing around it. An IPv4-mapped IPv6 address is read as IPv4.
std::optional<IpAddress> ParseIpAddress(std::string_view text);

struct IpNetwork {
  IpAddress address;
  size_t bits = 0;  // 0 to 32, or 128
};

// "10.0.0.0/8", "2001:db8::/32", or an address, which is a network of one. kInvalid says what is wrong and what would
// be right: no address, a prefix out of range, bits set behind the prefix.
Result<IpNetwork> ParseIpNetwork(std::string_view text);

// Whether `text` is an origin as browsers serialise it (RFC 6454 section 6.1): "https://app.example.org",
// "http://localhost:3000"; lower case, no path, no default port.
bool IsWebOrigin(std::string_view text);

}  // namespace flyball
