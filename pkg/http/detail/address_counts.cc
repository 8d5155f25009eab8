#include "pkg/http/detail/address_counts.h"

#include <utility>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"

namespace flyball::http::detail {
namespace {

// An IPv4 address, or the upper half of an IPv6 one. They do not meet: ::/8 is no unicast space (RFC 4291 section 2.4).
uint64_t KeyOf(const PeerAddress& peer) {
  const size_t bytes = peer.family == PeerAddress::Family::kIpv4 ? 4 : 8;
  uint64_t key = 0;
  for (size_t i = 0; i < bytes; ++i) key = key << 8 | peer.bytes[i];
  return key;
}

}  // namespace

size_t AddressCounts::Mixed::operator()(uint64_t key) const { return Random(seed ^ key)(); }

AddressCounts::AddressCounts(size_t cap, std::function<bool(const PeerAddress&)> exempt)
    : cap_(cap), exempt_(std::move(exempt)), mixed_{RandomUint64()} {
  for (auto& stripe : stripes_) stripe = std::make_unique<Stripe>(mixed_);
}

AddressCounts::Place AddressCounts::Enter(const PeerAddress& peer) {
  if (cap_ == 0 || peer.family == PeerAddress::Family::kUnknown) return Place::kFree;
  if (exempt_ ? exempt_(peer) : peer.IsLoopback()) return Place::kFree;
  const uint64_t key = KeyOf(peer);
  Stripe& stripe = Of(key);
  std::lock_guard lock(stripe.mutex);
  uint32_t& count = stripe.counts[key];
  if (count >= cap_) return Place::kRefused;
  ++count;
  return Place::kCounted;
}

void AddressCounts::Leave(const PeerAddress& peer) {
  const uint64_t key = KeyOf(peer);
  Stripe& stripe = Of(key);
  std::lock_guard lock(stripe.mutex);
  const auto at = stripe.counts.find(key);
  if (at != stripe.counts.end() && --at->second == 0) stripe.counts.erase(at);
}

}  // namespace flyball::http::detail
