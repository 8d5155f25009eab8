#include "pkg/identity/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <simdjson.h>

#include <array>

#include "pkg/base/check.h"
#include "pkg/base/ids.h"
#include "pkg/base/json_writer.h"
#include "pkg/identity/detail/base64url.h"

namespace flyball::identity {
namespace {

using Digest = std::array<char, 32>;
constexpr int64_t kClockSkewSeconds = 60;
constexpr size_t kSignatureChars = 43;

int64_t UnixSeconds(WallTime time) { return std::chrono::floor<seconds>(time.time_since_epoch()).count(); }

Digest Sign(std::string_view text, const SigningKey& key) {
  Digest digest;
  unsigned int size = 0;
  const unsigned char* made = HMAC(EVP_sha256(), key.secret().data(), static_cast<int>(key.secret().size()),
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                   reinterpret_cast<unsigned char*>(digest.data()), &size);
  Check(made != nullptr && size == digest.size(), "OpenSSL computes HMAC-SHA-256");
  return digest;
}

tl::unexpected<Error> Denied(std::string why) { return Fail(ErrorCode::kDenied, std::move(why)); }

// The members of a flat JSON object. Parsed by simdjson, so that what one parser takes no other reads differently.
class Members {
 public:
  Result<void> Parse(std::string_view encoded, const char* part) {
    if (!detail::DecodeBase64Url(encoded, bytes_)) return Denied(std::string(part) + " is not base64url");
    simdjson::dom::element root;
    if (parser_.parse(bytes_).get(root) != simdjson::SUCCESS || root.get_object().get(object_) != simdjson::SUCCESS) {
      return Denied(std::string(part) + " is not a JSON object");
    }
    for (auto a = object_.begin(); a != object_.end(); ++a) {
      for (auto b = object_.begin(); b != a; ++b) {
        if (a.key() == b.key()) return Denied(std::string(part) + " repeats a member");
      }
    }
    return {};
  }

  size_t size() const { return object_.size(); }
  bool Has(std::string_view name) const {
    simdjson::dom::element value;
    return object_.at_key(name).get(value) == simdjson::SUCCESS;
  }
  // Empty when it is absent or no text.
  std::string_view Text(std::string_view name) const {
    std::string_view text;
    return object_.at_key(name).get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
  }
  // False when it is absent or no whole number.
  bool Integer(std::string_view name, int64_t& number) const {
    simdjson::dom::element value;
    if (object_.at_key(name).get(value) != simdjson::SUCCESS || !value.is_int64()) return false;
    return value.get_int64().get(number) == simdjson::SUCCESS;
  }

 private:
  std::string bytes_;
  simdjson::dom::parser parser_{kMaxTokenBytes};
  simdjson::dom::object object_;
};

struct Parts {
  std::string_view signed_text, header, claims, signature;
};

Result<Parts> Split(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return Denied("the token is longer than 4 KiB");
  const size_t first = token.find('.');
  const size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last ||
      token.substr(first + 1, last - first - 1).find('.') != std::string_view::npos) {
    return Denied("the token has not three parts");
  }
  return Parts{token.substr(0, last), token.substr(0, first), token.substr(first + 1, last - first - 1),
               token.substr(last + 1)};
}

Result<const SigningKey*> ReadHeader(std::string_view encoded, const KeySet& keys) {
  Members header;
  if (auto parsed = header.Parse(encoded, "the header"); !parsed) return Fail(parsed.error());
  if (header.Text("alg") != "HS256") return Denied("alg is not HS256");
  const bool has_typ = header.Has("typ");
  if (has_typ && header.Text("typ") != "JWT") return Denied("typ is not JWT");
  const SigningKey* key = keys.Find(header.Text("kid"));
  if (key == nullptr) return Denied("kid names no key of ours");
  if (header.size() != (has_typ ? 3u : 2u)) return Denied("the header has members besides alg, kid and typ");
  return key;
}

Result<void> CheckSignature(const Parts& parts, const SigningKey& key) {
  if (parts.signature.size() != kSignatureChars) return Denied("the signature has not 32 bytes");
  std::string given;
  if (!detail::DecodeBase64Url(parts.signature, given)) return Denied("the signature is not base64url");
  const Digest expected = Sign(parts.signed_text, key);
  if (CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0) return Denied("the signature does not match");
  return {};
}

Result<Principal> ReadClaims(std::string_view encoded, const TokenOptions& options, WallTime now) {
  Members claims;
  if (auto parsed = claims.Parse(encoded, "the claims"); !parsed) return Fail(parsed.error());
  Principal principal;
  principal.id = claims.Text("sub");
  principal.role = claims.Text("role");
  principal.jti = claims.Text("jti");
  if (principal.id.empty() || principal.role.empty() || principal.jti.empty()) {
    return Denied("sub, role and jti must be texts");
  }
  if (claims.Text("iss") != options.issuer) return Denied("iss is not ours");
  if (claims.Text("aud") != options.audience) return Denied("aud is not ours");
  int64_t issued = 0;
  if (!claims.Integer("exp", principal.expires) || !claims.Integer("iat", issued)) {
    return Denied("exp and iat must be whole numbers");
  }
  const int64_t seconds_now = UnixSeconds(now);
  if (principal.expires <= seconds_now) return Denied("the token has expired");
  if (issued > seconds_now + kClockSkewSeconds) return Denied("iat is in the future");
  return principal;
}

}  // namespace

AccessToken MintToken(const KeySet& keys, const TokenOptions& options, std::string_view id, std::string_view role,
                      WallTime now) {
  const int64_t issued = UnixSeconds(now);
  AccessToken minted;
  minted.expires_in = std::chrono::floor<seconds>(options.access_ttl).count();
  minted.principal = Principal{std::string(id), std::string(role), RandomHex(16), issued + minted.expires_in};

  std::string header, claims;
  JsonWriter head(header);
  head.BeginObject();
  head.Key("alg"), head.Value("HS256");
  head.Key("typ"), head.Value("JWT");
  head.Key("kid"), head.Value(keys.current.kid());
  head.EndObject();
  JsonWriter body(claims);
  body.BeginObject();
  body.Key("sub"), body.Value(id);
  body.Key("role"), body.Value(role);
  body.Key("iss"), body.Value(options.issuer);
  body.Key("aud"), body.Value(options.audience);
  body.Key("iat"), body.Value(issued);
  body.Key("exp"), body.Value(minted.principal.expires);
  body.Key("jti"), body.Value(minted.principal.jti);
  body.EndObject();

  detail::AppendBase64Url(minted.token, header);
  minted.token.push_back('.');
  detail::AppendBase64Url(minted.token, claims);
  const Digest signature = Sign(minted.token, keys.current);
  minted.token.push_back('.');
  detail::AppendBase64Url(minted.token, std::string_view(signature.data(), signature.size()));
  return minted;
}

Result<Principal> VerifyToken(std::string_view token, const KeySet& keys, const TokenOptions& options, WallTime now) {
  const auto parts = Split(token);
  if (!parts) return Fail(parts.error());
  const auto key = ReadHeader(parts->header, keys);
  if (!key) return Fail(key.error());
  if (auto checked = CheckSignature(*parts, **key); !checked) return Fail(checked.error());
  return ReadClaims(parts->claims, options, now);
}

}  // namespace flyball::identity
