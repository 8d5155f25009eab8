#include "pkg/identity/token.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <functional>

#include "pkg/base/random.h"
#include "pkg/identity/detail/base64url.h"
#include "pkg/identity/verified_tokens.h"

namespace flyball::identity {
namespace {

const WallTime kNow = WallTime{} + seconds(1'800'000'000);
const TokenOptions kOptions{"tasks", "tasks", std::chrono::minutes(15)};

const KeySet& Keys() {
  static const KeySet keys{*SigningKey::FromSecret(std::string(32, 'k')),
                           {*SigningKey::FromSecret(std::string(32, 'p'))}};
  return keys;
}

std::string Encode(std::string_view bytes) {
  std::string out;
  detail::AppendBase64Url(out, bytes);
  return out;
}

// A token with any header and claims, signed by `key`.
std::string Forge(std::string_view header, std::string_view claims, const SigningKey& key = Keys().current,
                  const EVP_MD* hash = EVP_sha256()) {
  const std::string text = Encode(header) + "." + Encode(claims);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(hash, key.secret().data(), static_cast<int>(key.secret().size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return text + "." + Encode({reinterpret_cast<char*>(digest), size});
}

std::string Header(std::string_view alg = "HS256", const SigningKey& key = Keys().current) {
  return R"({"alg":")" + std::string(alg) + R"(","kid":")" + key.kid() + R"("})";
}

std::string Claims(std::string_view exp = "1800000900", std::string_view more = "") {
  return R"({"sub":"u1","role":"user","iss":"tasks","aud":"tasks","iat":1800000000,"jti":"j","exp":)" +
         std::string(exp) + std::string(more) + "}";
}

std::string WhyDenied(std::string_view token, WallTime now = kNow) {
  const auto principal = VerifyToken(token, Keys(), kOptions, now);
  return principal ? "accepted" : principal.error().message;
}

TEST(Token, MintedOneVerifies) {
  const AccessToken minted = MintToken(Keys(), kOptions, "u1", "admin", kNow);
  EXPECT_EQ(minted.expires_in, 900);
  const auto principal = VerifyToken(minted.token, Keys(), kOptions, kNow);
  ASSERT_TRUE(principal) << principal.error().message;
  EXPECT_EQ(principal->id, "u1");
  EXPECT_EQ(principal->role, "admin");
  EXPECT_EQ(principal->expires, 1'800'000'900);
  EXPECT_EQ(principal->jti, minted.principal.jti);
  EXPECT_NE(MintToken(Keys(), kOptions, "u1", "admin", kNow).principal.jti, minted.principal.jti);
}

TEST(Token, EndsAtItsSecond) {
  const std::string token = MintToken(Keys(), kOptions, "u1", "user", kNow).token;
  EXPECT_EQ(WhyDenied(token, kNow + milliseconds(899'999)), "accepted");
  EXPECT_EQ(WhyDenied(token, kNow + seconds(900)), "the token has expired");
}

TEST(Token, PreviousKeyIsAcceptedForeignOneIsNot) {
  const auto& previous = Keys().previous[0];
  EXPECT_EQ(WhyDenied(Forge(Header("HS256", previous), Claims(), previous)), "accepted");
  const auto foreign = SigningKey::Generate();
  EXPECT_EQ(WhyDenied(Forge(Header("HS256", foreign), Claims(), foreign)), "kid names no key of ours");
  EXPECT_EQ(WhyDenied(Forge(Header(), Claims(), foreign)), "the signature does not match");
}

TEST(Token, AnythingButTheStrictFormIsDenied) {
  const std::string kid = R"("kid":")" + Keys().current.kid() + '"';
  const std::string good = Forge(Header(), Claims());
  ASSERT_EQ(WhyDenied(good), "accepted");
  struct Case {
    const char* name;
    std::string token;
    std::string why;
  };
  const Case cases[] = {
      {"empty", "", "the token has not three parts"},
      {"two parts", Encode(Header()) + "." + Encode(Claims()), "the token has not three parts"},
      {"four parts", good + ".x", "the token has not three parts"},
      {"only dots", "..", "the header is not a JSON object"},
      {"4 KiB", Forge(Header(), Claims("1", R"(,"x":")" + std::string(4000, 'x') + '"')),
       "the token is longer than 4 KiB"},
      {"alg none", Encode(Header("none")) + "." + Encode(Claims()) + ".", "alg is not HS256"},
      {"alg None", Forge(Header("None"), Claims()), "alg is not HS256"},
      {"alg hs256", Forge(Header("hs256"), Claims()), "alg is not HS256"},
      {"alg HS512", Forge(Header("HS512"), Claims(), Keys().current, EVP_sha512()), "alg is not HS256"},
      {"alg RS256", Forge(Header("RS256"), Claims()), "alg is not HS256"},
      {"alg absent", Forge("{" + kid + "}", Claims()), "alg is not HS256"},
      {"alg a list", Forge(R"({"alg":["HS256"],)" + kid + "}", Claims()), "alg is not HS256"},
      {"alg twice", Forge(R"({"alg":"HS256","alg":"none",)" + kid + "}", Claims()), "the header repeats a member"},
      {"typ", Forge(R"({"alg":"HS256","typ":"JWE",)" + kid + "}", Claims()), "typ is not JWT"},
      {"no kid", Forge(R"({"alg":"HS256"})", Claims()), "kid names no key of ours"},
      {"kid a number", Forge(R"({"alg":"HS256","kid":1})", Claims()), "kid names no key of ours"},
      {"jwk", Forge(R"({"alg":"HS256","jwk":{},)" + kid + "}", Claims()),
       "the header has members besides alg, kid and typ"},
      {"crit", Forge(R"({"alg":"HS256","crit":["b64"],)" + kid + "}", Claims()),
       "the header has members besides alg, kid and typ"},
      {"header no object", Forge("[]", Claims()), "the header is not a JSON object"},
      {"header padded", "=" + good, "the header is not base64url"},
      {"white space", " " + good, "the header is not base64url"},
      {"signature padded", good + "=", "the signature has not 32 bytes"},
      {"signature cut", good.substr(0, good.size() - 1), "the signature has not 32 bytes"},
      {"signature with a newline", good.substr(0, good.size() - 1) + "\n", "the signature is not base64url"},
      {"exp a text", Forge(Header(), Claims(R"("1800000900")")), "exp and iat must be whole numbers"},
      {"exp a fraction", Forge(Header(), Claims("1800000900.5")), "exp and iat must be whole numbers"},
      {"exp 1e10", Forge(Header(), Claims("1e10")), "exp and iat must be whole numbers"},
      {"exp null", Forge(Header(), Claims("null")), "exp and iat must be whole numbers"},
      {"exp huge", Forge(Header(), Claims("18446744073709551615")), "exp and iat must be whole numbers"},
      {"exp past", Forge(Header(), Claims("1800000000")), "the token has expired"},
      {"exp twice", Forge(Header(), Claims("1", R"(,"exp":1800000900)")), "the claims repeats a member"},
      {"not JSON", Forge(Header(), "{"), "the claims is not a JSON object"},
      {"trailing bytes", Forge(Header(), Claims() + "x"), "the claims is not a JSON object"},
      {"not UTF-8", Forge(Header(), Claims("1800000900", ",\"x\":\"\xff\"")), "the claims is not a JSON object"},
      {"iss",
       Forge(Header(), R"({"sub":"u","role":"r","jti":"j","iss":"other","aud":"tasks","iat":1,"exp":9000000000})"),
       "iss is not ours"},
      {"aud",
       Forge(Header(), R"({"sub":"u","role":"r","jti":"j","iss":"tasks","aud":["tasks"],"iat":1,"exp":9000000000})"),
       "aud is not ours"},
      {"sub a number",
       Forge(Header(), R"({"sub":1,"role":"r","jti":"j","iss":"tasks","aud":"tasks","iat":1,"exp":9000000000})"),
       "sub, role and jti must be texts"},
      {"no role", Forge(Header(), R"({"sub":"u","jti":"j","iss":"tasks","aud":"tasks","iat":1,"exp":9000000000})"),
       "sub, role and jti must be texts"},
      {"iat ahead",
       Forge(Header(),
             R"({"sub":"u","role":"r","jti":"j","iss":"tasks","aud":"tasks","iat":1800000061,"exp":9000000000})"),
       "iat is in the future"},
  };
  for (const Case& c : cases) EXPECT_EQ(WhyDenied(c.token), c.why) << c.name;
}

TEST(Token, SpareBitsOfTheSignatureAreNotFree) {
  std::string token = MintToken(Keys(), kOptions, "u1", "user", kNow).token;
  int accepted = 0;
  for (const char c : std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
    token.back() = c;
    accepted += WhyDenied(token) == "accepted";
  }
  EXPECT_EQ(accepted, 1);
}

TEST(Token, EveryChangedByteIsDenied) {
  const std::string token = MintToken(Keys(), kOptions, "u1", "user", kNow).token;
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(WhyDenied(changed), "accepted") << i;
  }
}

TEST(Token, RandomBytesNeverVerifyNorCrash) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  Random random(seed);
  const std::string good = MintToken(Keys(), kOptions, "u1", "user", kNow).token;
  for (int round = 0; round < 5000; ++round) {
    std::string token = good.substr(0, random.Below(good.size() + 1));
    for (uint64_t i = random.Below(6); i > 0 && !token.empty(); --i) {
      token[random.Below(token.size())] = static_cast<char>(random.Below(256));
    }
    if (token == good) continue;
    EXPECT_NE(WhyDenied(token), "accepted") << token;
  }
}

TEST(Base64Url, RoundTripsEveryLength) {
  std::string bytes, decoded;
  for (int i = 0; i < 70; ++i) {
    ASSERT_TRUE(detail::DecodeBase64Url(Encode(bytes), decoded));
    EXPECT_EQ(decoded, bytes);
    bytes.push_back(static_cast<char>(i * 37));
  }
  for (const char* bad : {"A", "AAAAA", "AB=", "A+==", "A/AA", "AA\n", "AB"}) {
    EXPECT_FALSE(detail::DecodeBase64Url(bad, decoded)) << bad;
  }
}

TEST(VerifiedTokens, RemembersUntilExpiry) {
  VerifiedTokens cache(16);
  const std::string token = MintToken(Keys(), kOptions, "u1", "user", kNow).token;
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*cache.Verify(token, Keys(), kOptions, kNow))->id, "u1");
  EXPECT_EQ(cache.hits(), 2u);
  EXPECT_EQ(cache.misses(), 1u);
  EXPECT_TRUE(cache.Verify(token, Keys(), kOptions, kNow + seconds(899)));
  EXPECT_FALSE(cache.Verify(token, Keys(), kOptions, kNow + seconds(900)));
  EXPECT_FALSE(cache.Verify(token, Keys(), kOptions, kNow + seconds(901)));
}

TEST(VerifiedTokens, OtherClaimsUnderAKnownSignatureAreDenied) {
  VerifiedTokens cache;
  const std::string token = MintToken(Keys(), kOptions, "u1", "user", kNow).token;
  ASSERT_TRUE(cache.Verify(token, Keys(), kOptions, kNow));
  std::string forged = Forge(Header(), Claims());
  forged.replace(forged.rfind('.'), std::string::npos, token.substr(token.rfind('.')));
  EXPECT_FALSE(cache.Verify(forged, Keys(), kOptions, kNow));
  EXPECT_FALSE(cache.Verify(forged, Keys(), kOptions, kNow)) << "failures are not remembered as good";
  EXPECT_FALSE(cache.Verify("", Keys(), kOptions, kNow));
}

TEST(VerifiedTokens, StaysBoundedAndRight) {
  VerifiedTokens cache(8);
  std::vector<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    tokens.push_back(MintToken(Keys(), kOptions, "u" + std::to_string(i), "user", kNow + seconds(i)).token);
  }
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) {
      const auto principal = cache.Verify(tokens[static_cast<size_t>(i)], Keys(), kOptions, kNow + seconds(99));
      ASSERT_TRUE(principal);
      EXPECT_EQ((*principal)->id, "u" + std::to_string(i));
    }
  }
  EXPECT_GE(cache.misses(), 2 * 100u - 8);
}

TEST(VerifiedTokens, ClearForgets) {
  VerifiedTokens cache;
  const std::string token = MintToken(Keys(), kOptions, "u1", "user", kNow).token;
  ASSERT_TRUE(cache.Verify(token, Keys(), kOptions, kNow));
  cache.Clear();
  const KeySet rotated{SigningKey::Generate()};
  EXPECT_FALSE(cache.Verify(token, rotated, kOptions, kNow));
}

}  // namespace
}  // namespace flyball::identity
