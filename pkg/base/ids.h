#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"

namespace flyball {

// Fills `bytes` from the kernel's generator (getrandom). Never fails after boot; a failure aborts.
void RandomBytes(void* bytes, size_t size);
uint64_t RandomUint64();
// 2*`bytes` lower-case hex digits.
std::string RandomHex(size_t bytes);

// UUID version 7 (RFC 9562 section 5.7) as 36 lower-case characters: 48 bits of Unix milliseconds, then 12 bits that
// count within one millisecond and thread, then randomness. Sorts in creation order within a thread; rows of several
// pods interleave by millisecond.
std::string NewUuidV7(WallTime now);

// 36 characters, hex and dashes in the right places, any version, either case.
bool IsUuid(std::string_view text);

}  // namespace flyball
