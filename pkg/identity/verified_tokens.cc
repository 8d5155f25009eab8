#include "pkg/identity/verified_tokens.h"

#include <bit>
#include <cstring>

namespace flyball::identity {
namespace {

constexpr size_t kWays = 4;

int64_t UnixSeconds(WallTime time) { return std::chrono::floor<seconds>(time.time_since_epoch()).count(); }

uint64_t Mark(std::string_view token) {
  uint64_t mark = 0;
  if (token.size() >= 40) std::memcpy(&mark, token.data() + token.size() - 40, sizeof(mark));
  return mark;
}

// The bits of base64url text are uneven; one multiplication spreads them.
size_t SetOf(uint64_t mark, size_t sets) { return (mark * 0x9e3779b97f4a7c15ULL >> 32) & (sets - 1); }

}  // namespace

VerifiedTokens::VerifiedTokens(size_t capacity) : slots_(std::bit_ceil(std::max(capacity, kWays))) {}
VerifiedTokens::~VerifiedTokens() = default;

Result<const Principal*> VerifiedTokens::Verify(std::string_view token, const KeySet& keys, const TokenOptions& options,
                                                WallTime now) {
  const uint64_t mark = Mark(token);
  Slot* const set = &slots_[SetOf(mark, slots_.size() / kWays) * kWays];
  Slot* oldest = set;
  for (Slot* slot = set; slot != set + kWays; ++slot) {
    if (slot->mark == mark && slot->token == token && !token.empty()) {
      if (slot->principal.expires <= UnixSeconds(now)) break;
      ++hits_;
      return &slot->principal;
    }
    if (slot->principal.expires < oldest->principal.expires) oldest = slot;
  }
  ++misses_;
  auto principal = VerifyToken(token, keys, options, now);
  if (!principal) return Fail(std::move(principal.error()));
  *oldest = Slot{mark, std::string(token), std::move(*principal)};
  return &oldest->principal;
}

void VerifiedTokens::Clear() {
  for (Slot& slot : slots_) slot = Slot{};
}

}  // namespace flyball::identity
