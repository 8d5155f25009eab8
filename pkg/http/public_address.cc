#include "pkg/http/public_address.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace flyball::http {
namespace {

struct Network {
  std::array<uint8_t, 16> bytes;
  size_t bits;
};

constexpr Network kIpv4NotPublic[] = {
    {{0}, 8},              // "this network"
    {{10}, 8},             // private
    {{100, 64}, 10},       // shared by carriers (CGNAT)
    {{127}, 8},            // loopback
    {{169, 254}, 16},      // link-local; clouds keep their metadata there
    {{172, 16}, 12},       // private
    {{192, 0, 0}, 24},     // protocol assignments
    {{192, 0, 2}, 24},     // documentation
    {{192, 88, 99}, 24},   // 6to4 relays
    {{192, 168}, 16},      // private
    {{198, 18}, 15},       // benchmarking
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{224}, 4},            // multicast
    {{240}, 4},            // reserved, and broadcast
};

constexpr Network kIpv6Public[] = {{{0x20}, 3}};  // global unicast is all that is handed out

constexpr Network kIpv6NotPublic[] = {
    {{0x20, 0x01, 0x00}, 23},        // protocol assignments, Teredo, benchmarking, ORCHID
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x20, 0x02}, 16},              // 6to4
    {{0x3f, 0xff, 0x00}, 20},        // documentation
};

// Networks whose last four bytes are an IPv4 address.
constexpr Network kEmbedsIpv4[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96},  // IPv4-mapped
    {{0, 0x64, 0xff, 0x9b}, 96},                       // NAT64
};

bool IsIn(std::span<const uint8_t> address, std::span<const Network> networks) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& network) {
    for (size_t bit = 0; bit < network.bits; ++bit) {
      const auto mask = static_cast<uint8_t>(0x80 >> bit % 8);
      if ((address[bit / 8] & mask) != (network.bytes[bit / 8] & mask)) return false;
    }
    return true;
  });
}

}  // namespace

bool IsPublicAddress(const PeerAddress& address) {
  const std::span<const uint8_t> bytes(address.bytes);
  switch (address.family) {
    case PeerAddress::Family::kIpv4:
      return !IsIn(bytes.first(4), kIpv4NotPublic);
    case PeerAddress::Family::kIpv6:
      if (IsIn(bytes, kEmbedsIpv4)) return !IsIn(bytes.last(4), kIpv4NotPublic);
      return IsIn(bytes, kIpv6Public) && !IsIn(bytes, kIpv6NotPublic);
    case PeerAddress::Family::kUnknown:
      break;
  }
  return false;
}

}  // namespace flyball::http
