#include "pkg/http/request.h"

#include <arpa/inet.h>

#include <algorithm>

namespace flyball::http {
namespace {

constexpr std::array<std::string_view, 10> kMethodNames = {"GET",    "HEAD",    "POST",  "PUT",     "PATCH",
                                                           "DELETE", "OPTIONS", "TRACE", "CONNECT", "other"};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

std::string_view Name(Method method) { return kMethodNames[static_cast<size_t>(method)]; }

Method ParseMethod(std::string_view text) {
  for (size_t i = 0; i < static_cast<size_t>(Method::kOther); ++i) {
    if (text == kMethodNames[i]) return static_cast<Method>(i);
  }
  return Method::kOther;
}

bool IsSafe(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kOptions || method == Method::kTrace;
}

std::string PeerAddress::ToString() const {
  if (family == Family::kUnknown) return "unknown";
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family == Family::kIpv4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

bool PeerAddress::IsLoopback() const {
  if (family == Family::kIpv4) return bytes[0] == 127;
  if (family != Family::kIpv6) return false;
  return bytes[15] == 1 && std::all_of(bytes.begin(), bytes.begin() + 15, [](uint8_t byte) { return byte == 0; });
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::string_view Request::Header(std::string_view name) const {
  for (const Field& field : fields_) {
    if (EqualsIgnoreCase(field.name, name)) return field.value;
  }
  return {};
}

bool Request::HasHeader(std::string_view name) const { return CountHeader(name) > 0; }

size_t Request::CountHeader(std::string_view name) const {
  return static_cast<size_t>(std::count_if(fields_.begin(), fields_.end(),
                                           [&](const Field& field) { return EqualsIgnoreCase(field.name, name); }));
}

std::string_view Request::PathParam(std::string_view name) const {
  for (size_t i = 0; i < param_count_ && i < param_names_.size(); ++i) {
    if (param_names_[i] == name) return param_values_[i];
  }
  return {};
}

}  // namespace flyball::http
