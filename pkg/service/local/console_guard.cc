#include "pkg/service/local/console_guard.h"

#include <utility>

namespace flyball::local {
namespace {

bool SameSecret(std::string_view given, std::string_view secret) {
  if (given.size() != secret.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < secret.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (given[i] ^ secret[i]));
  }
  return difference == 0;
}

bool SameIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// Rebinding needs a name: a number is where the browser really went.
bool IsAddress(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    return host.find_first_not_of("0123456789abcdefABCDEF:.", 1) == host.size() - 1;
  }
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// The value of `token` in a query string. It is hex, so nothing needs decoding.
std::string_view TokenInQuery(std::string_view query) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    if (pair.starts_with("token=")) return pair.substr(6);
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

ConsoleGuard::ConsoleGuard(std::string host, uint16_t port, std::string token)
    : host_(host.find(':') != std::string::npos ? "[" + host + "]" : std::move(host)),
      port_(":" + std::to_string(port)),
      token_(std::move(token)) {}

bool ConsoleGuard::HostIsOurs(std::string_view host) const {
  if (!host.ends_with(port_)) return false;
  host.remove_suffix(port_.size());
  for (const std::string_view ours : {std::string_view("127.0.0.1"), std::string_view("localhost"),
                                      std::string_view("[::1]"), std::string_view(host_)}) {
    if (SameIgnoringCase(host, ours)) return true;
  }
  const bool every_address = host_ == "0.0.0.0" || host_ == "[::]";
  return every_address && IsAddress(host);
}

bool ConsoleGuard::OriginIsOurs(std::string_view origin) const {
  if (origin.empty()) return true;
  constexpr std::string_view kScheme = "http://";
  return origin.starts_with(kScheme) && HostIsOurs(origin.substr(kScheme.size()));
}

bool ConsoleGuard::TokenIsRight(std::string_view authorization, std::string_view query) const {
  constexpr std::string_view kBearer = "Bearer ";
  if (authorization.size() > kBearer.size() && SameIgnoringCase(authorization.substr(0, kBearer.size()), kBearer)) {
    return SameSecret(authorization.substr(kBearer.size()), token_);
  }
  return SameSecret(TokenInQuery(query), token_);
}

}  // namespace flyball::local
