#include "pkg/admission/token_bucket.h"

#include <algorithm>

namespace flyball::admission {

TokenBucket::TokenBucket(double rate, double burst, double tokens, SteadyTime now)
    : rate_(rate), burst_(burst), tokens_(std::min(tokens, burst)), at_(now) {}

void TokenBucket::Refill(SteadyTime now) {
  if (now <= at_) return;
  tokens_ = std::min(burst_, tokens_ + rate_ * ToSeconds(now - at_));
  at_ = now;
}

bool TokenBucket::Take(double cost, SteadyTime now, double reserve) {
  Refill(now);
  if (tokens_ < cost + reserve) return false;
  tokens_ -= cost;
  return true;
}

void TokenBucket::Put(double tokens, SteadyTime now) {
  Refill(now);
  tokens_ = std::min(burst_, tokens_ + tokens);
}

void TokenBucket::SetRate(double rate, double burst, SteadyTime now) {
  Refill(now);
  rate_ = rate;
  burst_ = burst;
  tokens_ = std::min(tokens_, burst);
}

double TokenBucket::Tokens(SteadyTime now) {
  Refill(now);
  return tokens_;
}

nanoseconds TokenBucket::Until(double cost, SteadyTime now) {
  Refill(now);
  if (tokens_ >= cost) return nanoseconds(0);
  return WaitFor(cost - tokens_, rate_);
}

nanoseconds WaitFor(double tokens, double rate) {
  const double longest = ToSeconds(kLongestWait);
  if (rate * longest <= tokens) return kLongestWait;
  return nanoseconds(static_cast<int64_t>(tokens / rate * 1e9));
}

}  // namespace flyball::admission
