// Passwords as bcrypt hashes ("$2b$", crypt(5)). A hash takes time on purpose - about 0.2 s at cost 12 - so call these
// on threads that may block. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "pkg/base/result.h"

namespace flyball::identity {

inline constexpr size_t kMaxPasswordBytes = 72;  // bcrypt reads no further, so a longer one would be cut silently
inline constexpr int kMinBcryptCost = 4, kMaxBcryptCost = 31;

// What a new password must be: UTF-8 without U+0000, at least `min_length` code points, at most 72 bytes. kInvalid says
// which of these it is not, in words for the person who chose it; the password itself is never in the message.
Result<void> CheckNewPassword(std::string_view password, int min_length);

// "$2b$12$...", 60 characters, with a fresh random salt. `cost` 4 to 31 (each step doubles the time; a bug otherwise).
// kInvalid when the password is longer than 72 bytes or holds NUL.
Result<std::string> HashPassword(std::string_view password, int cost);

// Whether `password` is the one `hash` was made of. A hash that is empty or not bcrypt never verifies. Takes the time
// of one hash at the cost in `hash`, whatever the password is, so that a refused one is not told from a wrong one.
bool VerifyPassword(std::string_view password, std::string_view hash);

// Takes the time of VerifyPassword at `cost` and learns nothing: for accounts that do not exist.
void VerifyNothing(std::string_view password, int cost);

}  // namespace flyball::identity
