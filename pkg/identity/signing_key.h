// The secrets that access tokens are signed with (HMAC-SHA-256).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::identity {

// One secret of 32 to 512 bytes. Its memory is kept out of core dumps and, where the limits allow, out of swap, and is
// wiped when the last copy goes. Immutable, cheap to copy, thread-safe.
class SigningKey {
 public:
  static constexpr size_t kMinBytes = 32, kMaxBytes = 512;

  // kInvalid when `secret` is shorter or longer than the bounds. The caller's copy is the caller's to wipe.
  static Result<SigningKey> FromSecret(std::string_view secret);
  // 32 bytes from the kernel's generator.
  static SigningKey Generate();

  // The first 16 hex digits of SHA-256 of the secret; names the key in a token's header (`kid`).
  const std::string& kid() const;
  std::string_view secret() const;

 private:
  struct Memory;
  explicit SigningKey(std::shared_ptr<const Memory> memory) : memory_(std::move(memory)) {}
  std::shared_ptr<const Memory> memory_;
};

// From a text as in a Kubernetes Secret: 64 to 1,024 hex digits, or 32 to 512 bytes as they are; a newline at its end
// does not count. kInvalid says what would be right.
Result<SigningKey> ReadKey(std::string_view text);

// Reads a key file: one line as LoadOrCreateKey writes it, or anything else that ReadKey takes. kNotFound; kIo;
// kInvalid, naming the file and what would be right, when others than owner and group may read it or others than the
// owner may write it, when it is no regular file, or has not the length.
Result<SigningKey> LoadKey(const std::string& path);

// LoadKey, or when there is no such file: generates a key and stores it with mode 0600. Safe when several processes do
// it at once: all get the one key that came first, and none ever sees half a file. The folder must exist (kIo).
Result<SigningKey> LoadOrCreateKey(const std::string& path);

// The key that signs, and those that are still accepted while keys are rotated.
struct KeySet {
  SigningKey current;
  std::vector<SigningKey> previous = {};

  const SigningKey* Find(std::string_view kid) const;  // null when there is none
};

}  // namespace flyball::identity
