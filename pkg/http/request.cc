#include "pkg/http/request.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace flyball::http {
namespace {

constexpr std::array<std::string_view, 10> kMethodNames = {"GET",    "HEAD",    "POST",  "PUT",     "PATCH",
                                                           "DELETE", "OPTIONS", "TRACE", "CONNECT", "other"};

// The ASCII capitals among eight bytes made small.
uint64_t Lower(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t low_bits = word & (kOnes * 0x7f);
  const uint64_t from_a = low_bits + kOnes * (0x80 - 'A'), beyond_z = low_bits + kOnes * (0x7f - 'Z');
  return word | ((from_a & ~beyond_z & ~word & (kOnes * 0x80)) >> 2);
}

// Whether the words differ in nothing but the case of letters.
bool SameWord(uint64_t a, uint64_t b) {
  constexpr uint64_t kCaseBits = 0x2020202020202020;
  const uint64_t difference = a ^ b;
  return difference == 0 || ((difference & ~kCaseBits) == 0 && Lower(a) == Lower(b));
}

template <typename Word>
Word Load(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

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
  const char *x = a.data(), *y = b.data();
  size_t left = a.size();
  if (left >= 8) {
    for (; left > 8; left -= 8, x += 8, y += 8) {
      if (!SameWord(Load<uint64_t>(x), Load<uint64_t>(y))) return false;
    }
    const size_t back = 8 - left;  // the last eight, whether or not some of them were looked at
    return SameWord(Load<uint64_t>(x - back), Load<uint64_t>(y - back));
  }
  if (left >= 4) {
    return SameWord(Load<uint32_t>(x), Load<uint32_t>(y)) &&
           SameWord(Load<uint32_t>(x + left - 4), Load<uint32_t>(y + left - 4));
  }
  for (; left > 0; --left, ++x, ++y) {
    if (!SameWord(static_cast<uint8_t>(*x), static_cast<uint8_t>(*y))) return false;
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
