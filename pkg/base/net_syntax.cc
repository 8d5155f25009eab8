#include "pkg/base/net_syntax.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace flyball {
namespace {

constexpr size_t kMaxAddressText = 45;  // INET6_ADDRSTRLEN - 1

// Decimal digits without a leading zero, at most `most`; -1 for anything else.
int ParseSmall(std::string_view text, int most) {
  int number = -1;
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0') || text[0] == '-') return -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number <= most ? number : -1;
}

std::string Shown(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

}  // namespace

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  if (text.empty() || text.size() > kMaxAddressText) return std::nullopt;
  char copy[kMaxAddressText + 1] = {};
  std::memcpy(copy, text.data(), text.size());
  if (std::strlen(copy) != text.size()) return std::nullopt;
  IpAddress address;
  if (inet_pton(AF_INET, copy, address.bytes.data()) == 1) return address;
  if (inet_pton(AF_INET6, copy, address.bytes.data()) != 1) return std::nullopt;
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  address.v6 = !std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin());
  if (address.v6) return address;
  std::array<uint8_t, 16> v4{};
  std::copy(address.bytes.begin() + 12, address.bytes.end(), v4.begin());
  address.bytes = v4;
  return address;
}

Result<IpNetwork> ParseIpNetwork(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return Fail(ErrorCode::kInvalid,
                "'" + std::string(text) + "' " + why + "; write it like 10.0.0.0/8 or 2001:db8::1");
  };
  const size_t slash = text.find('/');
  const auto address = ParseIpAddress(text.substr(0, slash));
  if (!address) return wrong("is no address or network");
  const int most = address->v6 ? 128 : 32;
  const int bits = slash == std::string_view::npos ? most : ParseSmall(text.substr(slash + 1), most);
  if (bits < 0) return wrong("has a prefix that is not 0 to " + std::to_string(most));
  IpAddress network = *address;
  for (size_t i = static_cast<size_t>(bits); i < 128; ++i) {
    network.bytes[i / 8] &= static_cast<uint8_t>(~(0x80u >> (i % 8)));
  }
  if (network.bytes != address->bytes) {
    return wrong("has bits behind its prefix (the network is " + Shown(network) + "/" + std::to_string(bits) + ")");
  }
  return IpNetwork{network, static_cast<size_t>(bits)};
}

bool IsWebOrigin(std::string_view text) {
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) return false;
  std::string_view host = text.substr(secure ? 8 : 7);
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && !host.ends_with(']')) {
    const int port = ParseSmall(host.substr(colon + 1), 65535);
    if (port < 1 || port == (secure ? 443 : 80)) return false;
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') || host.ends_with(']')) {
    if (host.size() < 2 || !host.starts_with('[') || !host.ends_with(']')) return false;
    const auto address = ParseIpAddress(host.substr(1, host.size() - 2));
    return address && address->v6;
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace flyball
