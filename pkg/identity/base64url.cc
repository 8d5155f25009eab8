#include "pkg/identity/detail/base64url.h"

#include <array>
#include <cstdint>

namespace flyball::identity::detail {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kNone = 64;

constexpr std::array<uint8_t, 256> Reverse() {
  std::array<uint8_t, 256> table{};
  for (auto& entry : table) entry = kNone;
  for (size_t i = 0; i < kAlphabet.size(); ++i) table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return table;
}
constexpr std::array<uint8_t, 256> kReverse = Reverse();

}  // namespace

void AppendBase64Url(std::string& out, std::string_view bytes) {
  uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<uint8_t>(c);
    for (held += 8; held >= 6; held -= 6) out.push_back(kAlphabet[(bits >> (held - 6)) & 63]);
  }
  if (held > 0) out.push_back(kAlphabet[(bits << (6 - held)) & 63]);
}

bool DecodeBase64Url(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 == 1) return false;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const uint8_t six = kReverse[static_cast<uint8_t>(c)];
    if (six == kNone) return false;
    bits = (bits << 6) | six;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>(bits >> held));
    }
  }
  return (bits & ((1u << held) - 1)) == 0;
}

}  // namespace flyball::identity::detail
