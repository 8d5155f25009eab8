#include "pkg/identity/password.h"

#include <crypt.h>
#include <openssl/crypto.h>

#include <cctype>
#include <cstring>
#include <memory>

#include "pkg/base/check.h"
#include "pkg/base/ids.h"
#include "pkg/base/utf8.h"

namespace flyball::identity {
namespace {

constexpr size_t kHashBytes = 60;

// crypt_r's work area: 32 KiB, too much for a thread's stack to hold lightly, and it sees the password.
struct WorkArea {
  crypt_data area{};
  ~WorkArea() { OPENSSL_cleanse(&area, sizeof(area)); }
};

std::string Salt(int cost) {
  char random[16];
  RandomBytes(random, sizeof(random));
  char salt[CRYPT_GENSALT_OUTPUT_SIZE];
  const char* made =
      crypt_gensalt_rn("$2b$", static_cast<unsigned long>(cost), random, sizeof(random), salt, sizeof(salt));
  Check(made != nullptr, "libcrypt makes bcrypt salts");
  return salt;
}

// bcrypt of the password's first 72 bytes up to a NUL; empty when `setting` is none of bcrypt.
std::string Crypt(std::string_view password, const std::string& setting) {
  std::string phrase(password.substr(0, kMaxPasswordBytes));
  auto work = std::make_unique<WorkArea>();
  const char* hash = crypt_r(phrase.c_str(), setting.c_str(), &work->area);
  std::string result = hash != nullptr && hash[0] == '$' ? hash : "";
  OPENSSL_cleanse(phrase.data(), phrase.size());
  return result;
}

bool Hashable(std::string_view password) {
  return password.size() <= kMaxPasswordBytes && password.find('\0') == std::string_view::npos;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsBcrypt(std::string_view hash) {
  return hash.size() == kHashBytes &&
         (hash.starts_with("$2b$") || hash.starts_with("$2a$") || hash.starts_with("$2y$")) && IsDigit(hash[4]) &&
         IsDigit(hash[5]) && hash[6] == '$';
}

}  // namespace

Result<void> CheckNewPassword(std::string_view password, int min_length) {
  if (password.find('\0') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "the password holds U+0000; any other character is fine");
  }
  if (FirstInvalidUtf8(password) != password.size()) {
    return Fail(ErrorCode::kInvalid, "the password is not well-formed UTF-8");
  }
  const size_t length = CountCodePoints(password);
  if (length < static_cast<size_t>(min_length)) {
    return Fail(ErrorCode::kInvalid, "the password has " + std::to_string(length) + " characters; expected at least " +
                                         std::to_string(min_length));
  }
  if (password.size() > kMaxPasswordBytes) {
    return Fail(ErrorCode::kInvalid, "the password has " + std::to_string(password.size()) +
                                         " bytes; bcrypt reads 72, so expected at most 72");
  }
  return {};
}

Result<std::string> HashPassword(std::string_view password, int cost) {
  Check(cost >= kMinBcryptCost && cost <= kMaxBcryptCost, "bcrypt cost is 4 to 31");
  if (!Hashable(password)) {
    return Fail(ErrorCode::kInvalid, "expected a password of at most 72 bytes without U+0000");
  }
  std::string hash = Crypt(password, Salt(cost));
  Check(hash.size() == kHashBytes, "libcrypt hashes with bcrypt");
  return hash;
}

bool VerifyPassword(std::string_view password, std::string_view hash) {
  if (!IsBcrypt(hash)) return false;
  const std::string again = Crypt(password, std::string(hash));
  return again.size() == hash.size() && CRYPTO_memcmp(again.data(), hash.data(), hash.size()) == 0 &&
         Hashable(password);
}

void VerifyNothing(std::string_view password, int cost) {
  Check(cost >= kMinBcryptCost && cost <= kMaxBcryptCost, "bcrypt cost is 4 to 31");
  Crypt(password, Salt(cost));
}

}  // namespace flyball::identity
