#include "pkg/base/ids.h"

#include <sys/random.h>

#include <array>

#include "pkg/base/check.h"

namespace flyball {
namespace {

constexpr char kHex[] = "0123456789abcdef";

}  // namespace

void RandomBytes(void* bytes, size_t size) {
  auto* at = static_cast<unsigned char*>(bytes);
  while (size > 0) {
    const ssize_t n = getrandom(at, size, 0);
    if (n < 0) continue;  // only EINTR is possible with flags 0
    at += n;
    size -= static_cast<size_t>(n);
  }
}

uint64_t RandomUint64() {
  uint64_t value;
  RandomBytes(&value, sizeof value);
  return value;
}

std::string RandomHex(size_t bytes) {
  std::string raw(bytes, '\0'), out;
  RandomBytes(raw.data(), bytes);
  out.reserve(bytes * 2);
  for (const char c : raw) {
    out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

std::string NewUuidV7(WallTime now) {
  thread_local uint64_t last_ms = 0;
  thread_local uint32_t counter = 0;
  thread_local std::array<unsigned char, 256> pool;
  thread_local size_t used = pool.size();

  auto ms = static_cast<uint64_t>(std::chrono::floor<milliseconds>(now.time_since_epoch()).count());
  if (used + 8 > pool.size()) RandomBytes(pool.data(), pool.size()), used = 0;
  if (ms > last_ms) {
    last_ms = ms;
    counter = pool[used] & 0x7f;  // a random start leaves room to count up
  } else if (++counter > 0xfff) {
    ++last_ms, counter = 0;  // borrow from the next millisecond rather than repeat
  }
  ms = last_ms;
  std::array<unsigned char, 16> id;
  for (int i = 0; i < 6; ++i) id[static_cast<size_t>(i)] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  id[6] = static_cast<unsigned char>(0x70 | (counter >> 8));
  id[7] = static_cast<unsigned char>(counter);
  for (size_t i = 8; i < 16; ++i) id[i] = pool[used++];
  id[8] = static_cast<unsigned char>(0x80 | (id[8] & 0x3f));

  std::string out(36, '-');
  size_t at = 0;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    out[at++] = kHex[id[i] >> 4];
    out[at++] = kHex[id[i] & 15];
  }
  return out;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return false;
    } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
      return false;
    }
  }
  return true;
}

}  // namespace flyball
