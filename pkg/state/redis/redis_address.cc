#include <algorithm>
#include <charconv>

#include "pkg/state/redis/redis_state.h"

namespace flyball::state {
namespace {

constexpr std::string_view kExpected = ": expected unix:/path[?db=N] or redis://[[user]:password@]host[:port][/db]";

// Never the text itself: it may hold a password.
tl::unexpected<Error> Wrong(std::string_view what) {
  return Fail(ErrorCode::kInvalid, "redis address: " + std::string(what) + std::string(kExpected));
}

Result<int> Number(std::string_view text, std::string_view name, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return Wrong(std::string(name) + " '" + std::string(text.substr(0, 20)) + "' is not a number from " +
                 std::to_string(least) + " to " + std::to_string(most));
  return value;
}

int Hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || Hex(text[i + 1]) < 0 || Hex(text[i + 2]) < 0)
      return Wrong("a % in the user or password is not followed by two hex digits");
    out.push_back(static_cast<char>(Hex(text[i + 1]) * 16 + Hex(text[i + 2])));
    i += 2;
  }
  return out;
}

Result<void> ReadDatabase(std::string_view text, RedisAddress& address) {
  auto number = Number(text, "database", 0, 1'000'000);
  if (!number) return Fail(number.error());
  address.database = *number;
  return {};
}

Result<RedisAddress> ParseUnix(std::string_view rest) {
  RedisAddress address;
  const size_t query = rest.find("?db=");
  address.path = rest.substr(0, query);
  if (address.path.empty()) return Wrong("the path of the socket is empty");
  if (address.path.size() > 107) return Wrong("the path of the socket is longer than 107 bytes");
  if (query != rest.npos)
    if (auto ok = ReadDatabase(rest.substr(query + 4), address); !ok) return Fail(ok.error());
  return address;
}

Result<void> ReadCredentials(std::string_view text, RedisAddress& address) {
  const size_t colon = text.find(':');
  if (colon == text.npos) return Wrong("there is no ':' between user and password");
  auto user = Decode(text.substr(0, colon));
  auto password = Decode(text.substr(colon + 1));
  if (!user) return Fail(user.error());
  if (!password) return Fail(password.error());
  address.username = *user;
  address.password = *password;
  return {};
}

// "host", "host:port", "[v6]" or "[v6]:port".
Result<void> ReadHost(std::string_view text, RedisAddress& address) {
  std::string_view port;
  if (!text.empty() && text[0] == '[') {
    const size_t end = text.find(']');
    if (end == text.npos) return Wrong("there is no ']' after the IPv6 address");
    address.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    address.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (address.host.empty()) return Wrong("the host is empty");
  if (port.empty()) return {};
  auto number = Number(port.substr(1), "port", 1, 65'535);
  if (!number) return Fail(number.error());
  address.port = *number;
  return {};
}

Result<RedisAddress> ParseTcp(std::string_view rest) {
  RedisAddress address;
  const size_t slash = std::min(rest.find('/', rest.find('@') == rest.npos ? 0 : rest.rfind('@')), rest.size());
  std::string_view authority = rest.substr(0, slash);
  const std::string_view database = rest.substr(slash);
  if (const size_t at = authority.rfind('@'); at != authority.npos) {
    if (auto ok = ReadCredentials(authority.substr(0, at), address); !ok) return Fail(ok.error());
    authority.remove_prefix(at + 1);
  }
  if (auto ok = ReadHost(authority, address); !ok) return Fail(ok.error());
  if (database.size() > 1)
    if (auto ok = ReadDatabase(database.substr(1), address); !ok) return Fail(ok.error());
  return address;
}

}  // namespace

Result<RedisAddress> ParseRedisAddress(std::string_view text) {
  if (text.find('\0') != text.npos) return Wrong("there is a NUL byte in it");
  if (text.starts_with("unix:")) return ParseUnix(text.substr(5));
  if (text.starts_with("redis://")) return ParseTcp(text.substr(8));
  if (text.starts_with("rediss://")) return Wrong("rediss:// (TLS) is not available in this build");
  return Wrong("it starts with neither unix: nor redis://");
}

}  // namespace flyball::state
