#pragma once

#include <cstdint>
#include <string_view>

namespace flyball::admission {

// A seeded 64-bit hash (multiply-fold, after wyhash): fast on short texts; with a secret seed nobody can choose texts
// that collide. Not cryptographic.
uint64_t Hash(uint64_t seed, std::string_view text);
// Mixes a number into a hash.
uint64_t Mix(uint64_t hash, uint64_t number);

}  // namespace flyball::admission
