// What all pods of a fleet share: quotas, the fleet's rate, the governor's record. The port; adapters are memory/ (one
// process) and redis/. Both pass testing/shared_state_contract.h.
//
// Threads: any thread may call anything. `done` runs exactly once, on the state's own thread, and must be short and not
// block; it may call the state again. When a call returns false it was not accepted (too many wait, or the state is
// stopped) and `done` never runs; treat it as kUnavailable.
//
// Time: every operation ends by Options.timeout after it was accepted, with kTimeout (its effect is unknown) or, while
// the state is down, at once with kUnavailable (it had no effect). Refills follow the shared state's clock, never a
// pod's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pkg/admission/lease.h"
#include "pkg/base/clock.h"
#include "pkg/base/result.h"

namespace flyball::state {

using admission::GovernorRecord;
using admission::QuotaLease;
using admission::QuotaLeaseRequest;
using admission::RateDemand;
using admission::RateLease;

enum class Mode : uint8_t { kMemory, kRedis };

// As of now; cheap to read from any thread.
struct Health {
  Mode mode = Mode::kMemory;
  bool up = false;
  SteadyTime since{};      // when it became so
  std::string last_error;  // why it is, or was last, down; empty when it never was
};

// Since the start.
struct Counters {
  uint64_t operations = 0;   // accepted
  uint64_t answered = 0;     // by the shared state, refusals such as an older epoch included
  uint64_t timeouts = 0;     // operations that ended with kTimeout
  uint64_t unavailable = 0;  // operations that ended with kUnavailable
  uint64_t errors = 0;       // answers that were an error or made no sense (kCorrupt)
  uint64_t connections = 0;  // opened and found well; the first included
  uint64_t writes = 0;       // system writes: operations / writes is what one write carries
};

// The record with its age as the shared state tells it.
struct GovernorReading {
  std::optional<GovernorRecord> record;  // none: nobody publishes
  nanoseconds ttl{0};                    // that the record has left, <= admission::kRecordTtl
};

// kInvalid unless all numbers are finite and >= 0, and need <= want.
Result<void> CheckRequest(const QuotaLeaseRequest& request);

class SharedState {
 public:
  virtual ~SharedState() = default;

  // Each request on its own (one key each), all in one write; results in the order of the requests. Errors: kTimeout,
  // kUnavailable, kCorrupt (an answer that makes no sense), kInvalid (CheckRequest).
  using QuotaDone = std::function<void(std::vector<Result<QuotaLease>>)>;
  [[nodiscard]] virtual bool LeaseQuota(std::vector<QuotaLeaseRequest> requests, QuotaDone done) = 0;

  // Tells what arrived at a holder and leases its share of the published rates (admission/rate_share.h); not published
  // while there is no record or one without a ceiling. A holder not heard of for 2 s is out. To be called every 100 ms
  // or so.
  using RateDone = std::function<void(Result<RateLease>)>;
  [[nodiscard]] virtual bool LeaseRate(RateDemand demand, RateDone done) = 0;

  // Makes the record the one all pods read, for kRecordTtl. kConflict when one with a newer epoch, or with the same and
  // this or a newer seq, was published before (even if it has expired since). Epoch and seq below 2^53.
  using PublishDone = std::function<void(Result<void>)>;
  [[nodiscard]] virtual bool Publish(GovernorRecord record, PublishDone done) = 0;

  using ReadDone = std::function<void(Result<GovernorReading>)>;
  [[nodiscard]] virtual bool ReadRecord(ReadDone done) = 0;

  virtual Health health() const = 0;
  virtual Counters counters() const = 0;
};

}  // namespace flyball::state
