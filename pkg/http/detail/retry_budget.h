#pragma once

#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/http/client.h"

namespace flyball::http::detail {

// Keeps retries to a share of the requests, so that a service in trouble is not sent a multiple of its load by those
// who call it (the retry budget of Finagle). Not thread-safe.
class RetryBudget {
 public:
  // `share`: retries a request; `burst`: what may be saved up, and is there at first.
  RetryBudget(double share, double burst) : share_(share), burst_(burst), saved_(burst) {}

  void CountRequest();
  // Takes one retry; false when there is none.
  bool TakeRetry();

 private:
  const double share_;
  const double burst_;
  double saved_;
};

// Whether a request like this may be sent again at all: its method is idempotent (RFC 9110 section 9.2.2), or the
// caller says so.
bool MayRepeat(const ClientRequest& request);

// Whether this outcome is one that another attempt may better: no or a broken connection, 429, 502, 503, 504.
bool IsWorthRepeating(const Result<ClientResponse>& outcome);

// The wait after attempt number `attempt` (from 1): drawn evenly from 0 to min(longest_wait, first_wait x
// 2^(attempt-1)), at least `retry_after`.
milliseconds RetryWait(const RetryPolicy& policy, int attempt, milliseconds retry_after, Random& random);

}  // namespace flyball::http::detail
