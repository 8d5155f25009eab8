#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/admission/quota_table.h"

namespace flyball::admission {

struct WaitingTicket {
  uint64_t ticket;
  int cost;
};

// What one table knows of one principal under one rule.
struct Principal {
  const QuotaRule* rule = nullptr;
  std::string name;
  uint64_t hash = 0;
  double factor = 1;  // in force at the last request

  double tokens = 0;      // leased and not used
  double remaining = -1;  // in the fleet's bucket when it last answered; -1 = it never has
  double nominal_left = 0;
  double debt = 0, spent = 0;  // as in QuotaLeaseRequest, not told yet
  int block = 0;               // size of the last one asked for; 0 = never asked
  int asked_need = 0;
  bool asked = false;   // in the outbox or with the state
  bool posted = false;  // in the outbox
  SteadyTime asked_at{}, used_at{};
  SteadyTime refused_until{};          // the fleet's bucket was empty: nothing is asked before
  SteadyTime token_due{};              // when it will hold a token again
  std::vector<WaitingTicket> waiting;  // oldest first
  int needed = 0;                      // sum of their costs
  std::optional<TokenBucket> local;    // while the state is down

  uint32_t generation = 0;
  uint32_t newer = 0, older = 0;  // neighbours by last use
};

// A bounded set of principals, found by rule and name in O(1), ordered by last use. Places (uint32_t) are stable while
// the principal is in it; a handle also tells whether that is still the same principal.
class Principals {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  Principals(size_t capacity, uint64_t seed);

  // kNone when it is not there.
  uint32_t Find(uint32_t rule, std::string_view name) const;
  // It must not be there, and the set must not be full. Becomes the newest.
  uint32_t Add(const QuotaRule& rule, std::string_view name);
  void Remove(uint32_t place);
  void Touch(uint32_t place, SteadyTime now);

  Principal& operator[](uint32_t place) { return slots_[place]; }
  uint64_t Handle(uint32_t place) const { return (uint64_t{slots_[place].generation} << 32) | place; }
  // kNone when it has been removed since.
  uint32_t PlaceOf(uint64_t handle) const;

  uint32_t oldest() const { return oldest_; }
  uint32_t NextNewer(uint32_t place) const { return slots_[place].newer; }
  size_t size() const { return size_; }
  bool full() const { return size_ == capacity_; }

 private:
  uint64_t HashOf(uint32_t rule, std::string_view name) const;
  void Index(uint32_t place);
  void Unindex(uint32_t place);
  void Link(uint32_t place);
  void Unlink(uint32_t place);

  const size_t capacity_;
  const uint64_t seed_;
  std::deque<Principal> slots_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> index_;  // open addressing, a power of two, at most half full
  uint32_t newest_ = kNone, oldest_ = kNone;
  size_t size_ = 0;
};

}  // namespace flyball::admission
