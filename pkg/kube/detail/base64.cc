#include "pkg/kube/detail/base64.h"

#include <cstdint>

namespace flyball::kube::detail {
namespace {
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int digits = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (++digits % 4 == 0)
      out.append({static_cast<char>(bits >> 16), static_cast<char>(bits >> 8), static_cast<char>(bits)});
  }
  if ((digits + padding) % 4 != 0 || padding > 2) return std::nullopt;
  if (digits % 4 == 2) out.push_back(static_cast<char>(bits >> 4));
  if (digits % 4 == 3) out.append({static_cast<char>(bits >> 10), static_cast<char>(bits >> 2)});
  return out;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out.push_back(i + k <= bytes.size() ? kAlphabet[bits >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

}  // namespace flyball::kube::detail
