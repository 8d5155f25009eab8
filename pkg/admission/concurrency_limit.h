// How many requests a pod works on at once, found from its own latency.
//
//   g = clamp(sum(n_e T_e) / sum(n_e p50_e), 0.5, 1),  T_e = S0_e + max(S0_e / 2, 5 ms)
//                                                              over the endpoints e of a 200 ms window
//   L <- 0.8 L + 0.2 (g L + sqrt L),   workers <= L <= max_limit,   raised only while in flight >= L / 2
//
// S0_e and p50_e are medians of the same thing: latency from admission to the answer, the executor's wait included, but
// not requests that were shed. S0_e follows a lower median by a tenth of the difference a window, a higher one by a
// hundredth (at most 1 % of itself), and the latter only in windows in which nothing could queue (no more in flight
// than workers): otherwise a constant overload teaches it that slow is normal. A timeout multiplies L by 0.9.
// The 5 ms are for answers of a millisecond, whose median a busy machine doubles without any queue worth refusing for.
// L begins at max_limit: of a pod that has answered nothing yet only the queue's bounds (length, 100 ms) are known, and
// a limit of `workers` refused the connections that a rollout hands to the new pod all at once. The first S0_e is the
// median of the first window divided by the mean in flight per worker, if that is more than 1: what is left of the
// latency without the queue. After Netflix' concurrency-limits (Gradient2) and Envoy's adaptive concurrency, with like
// quantiles compared.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"

namespace flyball::admission {

// Latencies of one window by endpoint, in buckets about 9 % wide from 1 us to 67 s (outside: clamped). Not thread-safe:
// give each thread that measures its own, and Absorb them where the limit is.
class LatencyWindow {
 public:
  static constexpr int kBuckets = 208;

  // `endpoints`: ids are 0 .. endpoints-1, larger ones count as the last. >= 1. 832 bytes each.
  explicit LatencyWindow(int endpoints);

  // < 10 ns. Negative latencies count as zero.
  void Add(int endpoint, nanoseconds latency);
  // Takes over what `other` holds and empties it; both made for the same number of endpoints.
  void Absorb(LatencyWindow& other);

  int endpoints() const { return static_cast<int>(counts_.size()); }
  int64_t Count(int endpoint) const { return totals_[static_cast<size_t>(endpoint)]; }
  // In seconds, interpolated within its bucket; 0 without samples.
  double Median(int endpoint) const;
  void Clear(int endpoint);
  // The latencies' sum over all endpoints since this was last asked.
  nanoseconds TakeSpent() { return std::exchange(spent_, nanoseconds(0)); }

 private:
  std::vector<std::array<uint32_t, kBuckets>> counts_;
  std::vector<int64_t> totals_;
  nanoseconds spent_{0};
};

class ConcurrencyLimit {
 public:
  static constexpr milliseconds kWindow{200};

  struct Options {
    int workers = 1;       // executor threads: L is never less
    double max_limit = 0;  // 0 = 5 * workers: all at work and a full queue
    int endpoints = 1;     // as LatencyWindow
    int min_samples = 10;  // an endpoint with fewer carries them into the next window
  };

  explicit ConcurrencyLimit(const Options& options);

  // One answered request, or a thread's collected ones. Never for shed requests.
  void Sample(int endpoint, nanoseconds latency) { window_.Add(endpoint, latency); }
  void Absorb(LatencyWindow& samples) { window_.Absorb(samples); }
  // A request that was given up after its deadline.
  void OnTimeout();

  // Closes the window when 200 ms have passed since the last one (otherwise does nothing) and moves the limit.
  // `peak_in_flight`: the most in flight since the last call that returned true. Returns whether a window was closed.
  bool Tick(int peak_in_flight, SteadyTime now);

  // The document or the binary changed: latencies are no longer comparable, all is learnt anew.
  void Reset();

  double limit() const { return limit_; }
  // Whether one more may begin while `in_flight` are.
  bool Admits(int in_flight) const { return in_flight < static_cast<int>(limit_); }
  // g of the last window with samples; 1 before. For explaining.
  double gradient() const { return gradient_; }
  // S0 in seconds; 0 while unknown.
  double BaselineOf(int endpoint) const { return baselines_[static_cast<size_t>(endpoint)].seconds; }

 private:
  struct Baseline {
    double seconds = 0;   // S0; 0 = not known
    double crowding = 1;  // the most in flight per worker, a window's mean, >= 1, while the samples at hand were taken
    bool queued = false;  // something could queue meanwhile
  };
  struct Sums {
    double tolerated = 0, observed = 0;
  };

  Sums Close(double crowding, bool queued);
  static void Learn(Baseline& baseline, double median);
  void SetLimit(double limit);

  Options options_;
  LatencyWindow window_;
  std::vector<Baseline> baselines_;
  double limit_ = 1;
  double gradient_ = 1;
  std::optional<SteadyTime> closed_;
};

}  // namespace flyball::admission
