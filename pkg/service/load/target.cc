#include "pkg/service/load/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace flyball::load {
namespace {

Result<uint16_t> ParsePort(std::string_view text, std::string_view url) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535)
    return Fail(ErrorCode::kInvalid,
                "url '" + std::string(url) + "': port '" + std::string(text) + "', expected 1 to 65535");
  return static_cast<uint16_t>(port);
}

// The loopback address a host means; empty when it means another machine.
std::string LoopbackAddress(const std::string& host) {
  if (host == "localhost") return "127.0.0.1";
  if (host == "[::1]") return "::1";
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127) return host;
  return {};
}

}  // namespace

std::string Target::Url(std::string_view path) const { return "http://" + authority + base + std::string(path); }

Result<Target> ParseTarget(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const std::string text(url);
  if (!url.starts_with(kScheme))
    return Fail(ErrorCode::kInvalid, "url '" + text + "': expected http://127.0.0.1:PORT[/BASE]");
  if (url.find_first_of("?#@\\") != std::string_view::npos ||
      std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f; }))
    return Fail(ErrorCode::kInvalid, "url '" + text + "': no query, fragment, user or blank may stand in it");

  std::string_view rest = url.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  std::string_view base = rest.substr(slash);
  while (base.ends_with('/')) base.remove_suffix(1);

  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string host(authority.substr(0, colon));
  Target target;
  target.authority = authority;
  target.base = base;
  if (colon != std::string_view::npos) {
    const auto port = ParsePort(authority.substr(colon + 1), url);
    if (!port) return Fail(port.error());
    target.port = *port;
  }
  target.host = LoopbackAddress(host);
  if (target.host.empty())
    return Fail(ErrorCode::kDenied, "'" + host +
                                        "' is not this machine: load is only sent to loopback (127.0.0.0/8, [::1], "
                                        "localhost); run flyballctl load on the machine that serves");
  return target;
}

}  // namespace flyball::load
