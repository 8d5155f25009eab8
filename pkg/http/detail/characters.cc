#include "pkg/http/detail/characters.h"

#include <array>
#include <cstring>

namespace flyball::http::detail {
namespace {

constexpr bool Contains(std::string_view set, int byte) {
  return byte < 0x80 && set.find(static_cast<char>(byte)) != std::string_view::npos;
}

constexpr std::array<uint8_t, 256> MakeTable() {
  std::array<uint8_t, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    const bool alnum = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
    const bool unreserved = alnum || Contains("-._~", byte);
    const bool sub_delimiter = Contains("!$&'()*+,;=", byte);
    uint8_t bits = 0;
    if (alnum || Contains("!#$%&'*+-.^_`|~", byte)) bits |= kTokenChar;
    if (byte == '\t' || (byte >= 0x20 && byte != 0x7f)) bits |= kFieldChar;
    if (unreserved || sub_delimiter || Contains(":@/%", byte)) bits |= kPathChar;
    if (byte > 0x20 && byte < 0x7f && byte != '#') bits |= kQueryChar;
    if (unreserved || sub_delimiter || byte == '%') bits |= kHostChar;
    if (unreserved) bits |= kUnreserved;
    if ((bits & kPathChar) != 0 && byte != '%' && byte != '.') bits |= kPlainChar;
    if (byte != '%') bits |= kNotEscape;
    table[static_cast<size_t>(byte)] = bits;
  }
  return table;
}

}  // namespace

constexpr std::array<uint8_t, 256> kClassesOfBytes = MakeTable();

uint8_t CommonClasses(std::string_view text) {
  const auto& table = kClassesOfBytes;
  uint8_t all = 0xff;
  const auto* at = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* const end = at + text.size();
  for (; end - at >= 4; at += 4) all &= table[at[0]] & table[at[1]] & table[at[2]] & table[at[3]];
  for (; at != end; ++at) all &= table[*at];
  return all;
}

bool AllOf(std::string_view text, CharacterClass wanted) { return (CommonClasses(text) & wanted) != 0; }

bool IsPlainPath(std::string_view text) {
  const uint8_t classes = CommonClasses(text);
  if (classes & kPlainChar) return true;
  return (classes & kPathChar) && (classes & kNotEscape) && text.find("/.") == std::string_view::npos;
}

// Eight bytes at a time: those below 0x20 and 0x7f are found without looking them up (a tab among them then is).
bool IsFieldValue(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  while (text.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    const uint64_t low = (word - kOnes * 0x20) & ~word;
    const uint64_t is_delete = word ^ (kOnes * 0x7f);
    const uint64_t found = (low | ((is_delete - kOnes) & ~is_delete)) & (kOnes * 0x80);
    if (found != 0 && !AllOf(text.substr(0, 8), kFieldChar)) return false;
    text.remove_prefix(8);
  }
  return AllOf(text, kFieldChar);
}

int HexDigit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const char lower = static_cast<char>(byte | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace flyball::http::detail
