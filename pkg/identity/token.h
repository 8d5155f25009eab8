// Access tokens: JWTs (RFC 7519) signed with HS256 (RFC 7515), and nothing else that the JOSE family allows.
//
// Own code, because what is packaged (libjwt 1.10, libcpp-jwt 1.4) lets the token choose its algorithm, takes claims of
// the wrong type and repeated members, and allocates a tree for each token; the strict subset is smaller than the
// wrapping would be. HMAC is OpenSSL's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/identity/signing_key.h"

namespace flyball::identity {

inline constexpr size_t kMaxTokenBytes = 4096;

// Who a token speaks for.
struct Principal {
  std::string id;    // claim sub
  std::string role;  // claim role
  std::string jti;
  int64_t expires = 0;  // claim exp: Unix seconds; the token is good before it
};

struct TokenOptions {
  std::string issuer;    // claim iss
  std::string audience;  // claim aud
  std::chrono::milliseconds access_ttl{std::chrono::minutes(15)};
};

struct AccessToken {
  std::string token;
  Principal principal;
  int64_t expires_in = 0;  // seconds
};

// Signs with keys.current. iat = now and exp = iat + access_ttl, in whole seconds; jti is fresh.
AccessToken MintToken(const KeySet& keys, const TokenOptions& options, std::string_view id, std::string_view role,
                      WallTime now);

// Accepts exactly: three parts of base64url without padding, white space or spare bits, together at most 4 KiB; a
// header {alg: "HS256", kid: a key of the set, typ: "JWT" or absent} and nothing else; a signature that matches
// (compared in constant time, before the claims are read); claims in which sub, role, jti are texts, not empty, iss and
// aud are ours, exp and iat are whole numbers, exp is after `now`, iat at most 60 s after it. Repeated members are
// refused. The message of the kDenied error says which of these failed: for logs, never for the client.
Result<Principal> VerifyToken(std::string_view token, const KeySet& keys, const TokenOptions& options, WallTime now);

}  // namespace flyball::identity
