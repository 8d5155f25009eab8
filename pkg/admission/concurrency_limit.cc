#include "pkg/admission/concurrency_limit.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "pkg/base/check.h"

namespace flyball::admission {
namespace {

constexpr double kTolerance = 0.5;  // of the baseline: latency may be so much above it before the limit falls,
constexpr double kSlack = 0.005;    // or so many seconds, whichever is more (CoDel's target for a standing queue)
constexpr double kSmoothing = 0.2;  // of the new limit in the old one
constexpr double kFall = 0.1;       // of the difference, for a baseline that falls
constexpr double kRise = 0.01;      // the same for one that rises, and of itself at most
constexpr double kTimeoutCut = 0.9;
constexpr int kSubBits = 3;  // buckets an octave: 8

int Bucket(nanoseconds latency) {
  const uint64_t us = static_cast<uint64_t>(std::max<int64_t>(1, latency.count() / 1000));
  const int octave = std::bit_width(us) - 1;
  const int sub = static_cast<int>((us << kSubBits >> octave) & ((1 << kSubBits) - 1));
  return std::min((octave << kSubBits) + sub, LatencyWindow::kBuckets - 1);
}

// Where bucket b begins, in seconds.
double Edge(int b) {
  const int sub = b & ((1 << kSubBits) - 1);
  return std::ldexp(1.0 + sub / 8.0, b >> kSubBits) * 1e-6;
}

}  // namespace

LatencyWindow::LatencyWindow(int endpoints)
    : counts_(static_cast<size_t>(endpoints)), totals_(static_cast<size_t>(endpoints)) {
  Check(endpoints >= 1, "a latency window needs an endpoint");
}

void LatencyWindow::Add(int endpoint, nanoseconds latency) {
  const size_t e = std::min(static_cast<size_t>(endpoint), counts_.size() - 1);
  ++counts_[e][static_cast<size_t>(Bucket(latency))];
  ++totals_[e];
  spent_ += std::max(latency, nanoseconds(0));
}

void LatencyWindow::Absorb(LatencyWindow& other) {
  Check(other.endpoints() == endpoints(), "latency windows of different endpoints");
  for (int e = 0; e < endpoints(); ++e) {
    const size_t i = static_cast<size_t>(e);
    if (other.totals_[i] == 0) continue;
    for (size_t b = 0; b < kBuckets; ++b) counts_[i][b] += other.counts_[i][b];
    totals_[i] += other.totals_[i];
    other.Clear(e);
  }
  spent_ += other.TakeSpent();
}

double LatencyWindow::Median(int endpoint) const {
  const size_t e = static_cast<size_t>(endpoint);
  const double rank = static_cast<double>(totals_[e]) / 2;
  double below = 0;
  for (int b = 0; b < kBuckets; ++b) {
    const double here = counts_[e][static_cast<size_t>(b)];
    if (here > 0 && below + here >= rank) return Edge(b) + (Edge(b + 1) - Edge(b)) * (rank - below) / here;
    below += here;
  }
  return 0;
}

void LatencyWindow::Clear(int endpoint) {
  counts_[static_cast<size_t>(endpoint)].fill(0);
  totals_[static_cast<size_t>(endpoint)] = 0;
}

ConcurrencyLimit::ConcurrencyLimit(const Options& options)
    : options_(options), window_(options.endpoints), baselines_(static_cast<size_t>(options.endpoints)) {
  Check(options.workers >= 1, "a concurrency limit needs a worker");
  if (options_.max_limit <= 0) options_.max_limit = 5.0 * options.workers;
  options_.max_limit = std::max(options_.max_limit, static_cast<double>(options.workers));
  Reset();
}

void ConcurrencyLimit::Reset() {
  for (int e = 0; e < options_.endpoints; ++e) window_.Clear(e);
  baselines_.assign(baselines_.size(), {});
  gradient_ = 1;
  closed_.reset();
  SetLimit(options_.max_limit);
}

void ConcurrencyLimit::SetLimit(double limit) {
  limit_ = std::clamp(limit, static_cast<double>(options_.workers), options_.max_limit);
}

void ConcurrencyLimit::OnTimeout() { SetLimit(limit_ * kTimeoutCut); }

bool ConcurrencyLimit::Tick(int peak_in_flight, SteadyTime now) {
  if (!closed_) closed_ = now;
  const nanoseconds elapsed = now - *closed_;
  if (elapsed < kWindow) return false;
  closed_ = now;
  // On average, by Little's law.
  const double in_flight = std::min<double>(peak_in_flight, ToSeconds(window_.TakeSpent()) / ToSeconds(elapsed));
  const Sums sums = Close(std::max(1.0, in_flight / options_.workers), peak_in_flight > options_.workers);
  if (sums.observed > 0) {
    gradient_ = std::clamp(sums.tolerated / sums.observed, 0.5, 1.0);
    const double next = (1 - kSmoothing) * limit_ + kSmoothing * (gradient_ * limit_ + std::sqrt(limit_));
    if (next < limit_ || peak_in_flight >= limit_ / 2) SetLimit(next);
  }
  return true;
}

ConcurrencyLimit::Sums ConcurrencyLimit::Close(double crowding, bool queued) {
  Sums sums;
  for (int e = 0; e < options_.endpoints; ++e) {
    const int64_t n = window_.Count(e);
    if (n == 0) continue;
    Baseline& baseline = baselines_[static_cast<size_t>(e)];
    baseline.crowding = std::max(baseline.crowding, crowding);
    baseline.queued |= queued;
    if (n < options_.min_samples) continue;
    const double median = window_.Median(e);
    window_.Clear(e);
    Learn(baseline, median);
    sums.tolerated += static_cast<double>(n) * (baseline.seconds + std::max(kTolerance * baseline.seconds, kSlack));
    sums.observed += static_cast<double>(n) * median;
    baseline.crowding = 1;
    baseline.queued = false;
  }
  return sums;
}

void ConcurrencyLimit::Learn(Baseline& baseline, double median) {
  const double difference = median - baseline.seconds;
  if (baseline.seconds == 0)
    baseline.seconds = median / baseline.crowding;
  else if (difference <= 0)
    baseline.seconds += kFall * difference;
  else if (!baseline.queued)
    baseline.seconds += kRise * std::min(difference, baseline.seconds);
}

}  // namespace flyball::admission
