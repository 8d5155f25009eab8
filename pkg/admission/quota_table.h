// Quotas of principals, shared by all pods, decided where the request is.
//
// Each (limit, principal) is a token bucket in the shared state. A table - one per reactor - leases tokens from it in
// blocks, admits from its block without asking anybody, asks for the next block when half of this one is used, and
// gives back what it did not use. A block is 1 at first, doubles while it asks more often than every 200 ms, halves
// when it asks less often than every 2 s, never exceeds the rule's `max_block`, and the state gives at most half of
// what is left (but always what is needed now, while there is any). So no more than burst + rate * t is admitted in any
// time t, plus what tables held at its beginning: tables * block; with max_block 1 nothing is held. When the fleet's
// bucket is found empty a table refuses by itself until the next token is due, at least 100 ms and at most 1 s, and
// then asks again.
//
// A request for which no token is at hand waits (kWait) for the state's answer, at most `wait`; after that, or while
// the state is down, the limit's `when_store_down` decides at once. The table never blocks and does no IO: it fills an
// outbox that its owner sends, and is told what came back.
//
//   decision = table.Decide(rule, principal, factor, 1, ticket, now);
//   kWait: park the request under `ticket`; every later call that takes `settled` may append its decision.
//   each turn: table.TakeRequests(requests) -> SharedState::LeaseQuota; answers -> OnLease / OnLeaseFailed
//   each 10 ms: table.Tick(now, settled)
//
// Not thread-safe: one owner. A decision from a block costs < 200 ns for a principal that is in the processor's cache.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/admission/lease.h"
#include "pkg/admission/token_bucket.h"
#include "pkg/base/clock.h"

namespace flyball::admission {

// A limit as it applies to one role. Owned by the caller, must stay where it is as long as the table.
struct QuotaRule {
  uint32_t id = 0;    // unique among the rules given to one table
  std::string limit;  // the limit's name; rules of one limit share the principal's bucket
  double quota = 0;   // requests a window, > 0
  milliseconds window{0};
  double burst = 0;   // tokens the bucket holds, >= 1; 0 = quota
  int max_block = 0;  // 1 = exact; 0 = a twentieth of the burst, within 1..100
  bool adaptive = false;
  spec::Limit::WhenStoreDown when_store_down = spec::Limit::WhenStoreDown::kLocal;

  double Rate() const { return quota / ToSeconds(window); }
  double Burst() const { return burst > 0 ? burst : quota; }
};

// The rule that limit makes for role, `id` given by the caller. A role the limit does not name gets "anonymous"'s
// quota, and none of both: quota 0, which means that the limit does not apply to the role.
QuotaRule MakeQuotaRule(const spec::Limit& limit, std::string_view role, uint32_t id);

enum class Verdict : uint8_t { kAllowed, kRefused, kWait };
enum class Cause : uint8_t {
  kNone,       // allowed or waiting
  kNominal,    // over the quota as written: not demand
  kAdaptive,   // over the quota only because of its lowered factor: demand
  kStoreDown,  // a `closed` limit, and the shared state cannot be asked
};

struct QuotaDecision {
  Verdict verdict = Verdict::kAllowed;
  Cause cause = Cause::kNone;
  bool local = false;          // decided without the shared state, by when_store_down
  int64_t limit = 0;           // tokens the bucket holds at the factor in force, >= 1
  int64_t remaining = 0;       // as far as this table knows, >= 0
  nanoseconds retry_after{0};  // until one request may be allowed; zero when allowed. Without jitter.
  nanoseconds reset{0};        // until the bucket is full again
};

struct Settled {
  uint64_t ticket;
  QuotaDecision decision;  // never kWait
};

class QuotaTable {
 public:
  struct Options {
    size_t max_principals = 100'000;  // ~ 200 bytes each and the principal's text; the least recently used goes first
    size_t max_waiting = 10'000;      // tickets; above, when_store_down decides
    milliseconds wait{50};
    milliseconds idle{2000};  // an untouched principal's tokens go back and it is forgotten
    double factor_floor = 0.25;
    uint64_t seed = 0;  // of the hash: random, so that nobody can choose principals that collide
  };

  explicit QuotaTable(const Options& options);
  ~QuotaTable();
  QuotaTable(const QuotaTable&) = delete;
  QuotaTable& operator=(const QuotaTable&) = delete;

  // Decides on one request. `factor`: the governor's, clamped to [factor_floor, 1], used when the rule is adaptive.
  // `cost` >= 1 tokens. `ticket` is the caller's name for the request, used only when the verdict is kWait.
  QuotaDecision Decide(const QuotaRule& rule, std::string_view principal, double factor, int cost, uint64_t ticket,
                       SteadyTime now);
  // Forgets the ticket (its client went away). Unknown tickets are ignored. O(waiting).
  void Cancel(uint64_t ticket);

  // Moves the outbox to the end of `out`. Every request taken must be answered by OnLease or OnLeaseFailed, except
  // those with handle 0 (tokens given back, nobody waits).
  void TakeRequests(std::vector<QuotaLeaseRequest>& out);
  void OnLease(uint64_t handle, const QuotaLease& lease, SteadyTime now, std::vector<Settled>& settled);
  // The state did not answer; tokens it may have given are lost to the fleet until they refill.
  void OnLeaseFailed(uint64_t handle, SteadyTime now, std::vector<Settled>& settled);

  // Settles tickets that waited too long and forgets idle principals (at most 256 a call).
  void Tick(SteadyTime now, std::vector<Settled>& settled);

  // False: nothing is asked any more, tickets are settled by when_store_down. True again: asks, and charges what was
  // admitted meanwhile.
  void SetStoreUp(bool up, SteadyTime now, std::vector<Settled>& settled);
  // How many tables there are in the fleet (Ready pods * tables a pod), >= 1: a `local` limit gives its share of it.
  void SetShares(int tables);
  // Puts everything that is leased into the outbox (drain). Decide() must not be called afterwards.
  // What waits must be settled before (SetStoreUp(false) does it).
  void ReturnAll();

  size_t principals() const;
  size_t waiting() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::admission
