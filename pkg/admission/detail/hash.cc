#include "pkg/admission/detail/hash.h"

#include <cstring>

namespace flyball::admission {

uint64_t Mix(uint64_t hash, uint64_t number) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(hash ^ 0xa0761d6478bd642fULL) * (number ^ 0xe7037ed1a0b428dbULL);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t Hash(uint64_t seed, std::string_view text) {
  uint64_t hash = seed ^ 0x8ebc6af09c88c6e3ULL;
  for (; text.size() > 8; text.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = Mix(hash, word);
  }
  uint64_t last = 0;
  std::memcpy(&last, text.data(), text.size());
  return Mix(Mix(hash, last), text.size());
}

}  // namespace flyball::admission
