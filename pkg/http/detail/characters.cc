#include "pkg/http/detail/characters.h"

#include <array>

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
    table[static_cast<size_t>(byte)] = bits;
  }
  return table;
}

constexpr std::array<uint8_t, 256> kTable = MakeTable();

}  // namespace

uint8_t ClassesOf(char byte) { return kTable[static_cast<uint8_t>(byte)]; }

bool AllOf(std::string_view text, CharacterClass wanted) {
  uint8_t all = wanted;
  for (char byte : text) all &= kTable[static_cast<uint8_t>(byte)];
  return all == wanted;
}

int HexDigit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const char lower = static_cast<char>(byte | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace flyball::http::detail
