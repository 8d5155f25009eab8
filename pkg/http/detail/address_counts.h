#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "pkg/http/request.h"

namespace flyball::http::detail {

// Open connections by client address: an IPv4 address, or the /64 of an IPv6 address (what one subscriber gets).
// Shared by the reactors; taken on accept and close only. Memory is bounded by the connections that are open.
class AddressCounts {
 public:
  enum class Place {
    kFree,     // not counted: no cap, or none for this address
    kCounted,  // Leave is due
    kRefused,
  };

  // `cap`: connections of one address, 0 for no cap. `exempt`: addresses without one; null exempts loopback.
  AddressCounts(size_t cap, std::function<bool(const PeerAddress&)> exempt);

  // Any thread.
  Place Enter(const PeerAddress& peer);
  void Leave(const PeerAddress& peer);

 private:
  struct Mixed {
    uint64_t seed;
    size_t operator()(uint64_t key) const;
  };
  struct alignas(64) Stripe {
    explicit Stripe(Mixed mixed) : counts(0, mixed) {}
    std::mutex mutex;
    std::unordered_map<uint64_t, uint32_t, Mixed> counts;
  };

  Stripe& Of(uint64_t key) { return *stripes_[mixed_(key) % stripes_.size()]; }

  const size_t cap_;
  const std::function<bool(const PeerAddress&)> exempt_;
  const Mixed mixed_;  // seeded, so that nobody can choose addresses that collide
  std::array<std::unique_ptr<Stripe>, 16> stripes_;
};

}  // namespace flyball::http::detail
