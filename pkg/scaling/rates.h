// From cumulative counters to rates: differences over the pod's own steady clock, averaged over three ticks.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/scaling/sample.h"

namespace flyball::scaling {

inline constexpr size_t kRateIntervals = 3;  // 6 s at the default scrape

// The counters of one endpoint at one criticality, as differences or as rates a second.
struct Cell {
  enum Counter : size_t {
    kFirst,
    kRetries,
    kAuth,
    kQuota,
    kAdaptive,
    kFleet,
    kPod,
    k2xx,
    k3xx,
    k4xx,
    k5xx,
    kServiceSeconds,
    kServiceCount
  };
  static constexpr size_t kCounters = 13;
  std::array<double, kCounters> counters{};

  double operator[](Counter counter) const { return counters[counter]; }
  double Completed() const { return counters[k2xx] + counters[k3xx] + counters[k4xx] + counters[k5xx]; }
  // Arrivals that no login and no nominal quota refused; what asks for capacity, retries included.
  double Offered() const;
  // Offered, less retries: what new pods should be bought for.
  double Demand() const;
  // Refused for lack of capacity: by the lowered factor, the ceiling, the pod.
  double Shed() const { return counters[kAdaptive] + counters[kFleet] + counters[kPod]; }
  void Add(const Cell& other, double times);
};

// Small integers for (endpoint, criticality); they stay for the life of the table. At most kMax, then the last is
// shared.
class CellTable {
 public:
  static constexpr size_t kMax = 4000;
  // `hint` is tried first: samples of one fleet list their endpoints in the same order.
  size_t Id(std::string_view endpoint, Criticality criticality, size_t hint);
  size_t size() const { return names_.size(); }
  Criticality CriticalityOf(size_t id) const { return names_[id].second; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::vector<std::pair<std::string, Criticality>> names_;
  std::unordered_map<std::string, std::array<int, kCriticalities>, Hash, std::equal_to<>> ids_;
};

// What a pod did between two scrapes.
struct Interval {
  double seconds = 0;
  std::vector<Cell> cells;  // by id; may be shorter than the table
  std::array<LatencyHistogram, kCriticalities> request;
  LatencyHistogram queue;
  double executor_busy = 0, reactor_busy = 0, cpu = 0;  // seconds
};

// One pod's recent past.
class PodHistory {
 public:
  // Takes a valid sample that arrived at `at`. A first sample, one after a gap longer than `max_gap` and one whose
  // clock does not move only start anew. After a restart (another start time, a clock that went back, any counter that
  // fell) the differences are the new values. Returns false when it gave no interval.
  bool Add(const PodSample& sample, SteadyTime at, CellTable& table, nanoseconds max_gap);
  void ForgetRates() { newest_.reset(), has_last_ = false; }

  bool HasRates() const { return newest_.has_value(); }
  const Interval& newest() const { return *newest_; }
  SteadyTime last_at() const { return last_at_; }  // of the last sample; the epoch when there was none
  // Requests a second it would complete with its busiest resource always busy, over the last few scrapes. 0 = too
  // little was completed to say.
  double Capacity() const;

  // Gauges of the last sample.
  double workers = 0, reactors = 0, cores = 0, connections = 0, in_flight = 0, memory = 0, memory_limit = 0;

 private:
  struct Totals {  // cumulative, as last seen
    std::vector<Cell> cells;
    std::array<LatencyHistogram, kCriticalities> request;
    LatencyHistogram queue;
    double executor_busy = 0, reactor_busy = 0, cpu = 0;
  };
  static Totals Read(const PodSample& sample, CellTable& table);
  static bool Fell(const Totals& before, const Totals& after);
  static Interval Difference(const Totals& before, const Totals& after, double seconds);
  void Fade(const Interval& interval);

  bool has_last_ = false;
  Totals last_;
  SteadyTime last_at_{};
  double last_start_ = 0, last_monotonic_ = 0;
  std::optional<Interval> newest_;
  struct {  // sums that fade by a third an interval
    double completed = 0, seconds = 0, executor = 0, reactor = 0, cpu = 0;
  } faded_;
};

// The fleet in one tick, or the mean of a few: rates a second, histograms as counts.
struct FleetTick {
  std::vector<Cell> cells;  // by id
  Cell total;
  std::array<LatencyHistogram, kCriticalities> request;
  LatencyHistogram queue;
  double executor_busy = 0, reactor_busy = 0, cpu = 0;  // busy seconds a second
  double workers = 0, reactors = 0, cores = 0;          // of the pods that gave rates, summed
  double seconds = 0;                                   // the span of the rates
  int pods = 0;                                         // that gave rates

  // Adds one pod's newest interval; nothing when it has none.
  void Add(const PodHistory& pod);
  double CompletedCount() const { return total.Completed() * seconds; }
};

// Fleet rates over the last ticks. Summing the fleet within a tick before averaging over ticks keeps load that moves
// between pods (a new one became Ready) from being counted twice. A step up forgets the ticks before it.
class FleetRates {
 public:
  void Push(FleetTick tick);
  void Forget() { ticks_.clear(), mean_ = FleetTick(), newest_ = FleetTick(); }
  const FleetTick& mean() const { return mean_; }  // over up to kRateIntervals ticks
  const FleetTick& newest() const { return newest_; }

 private:
  bool IsStep(const FleetTick& tick) const;

  std::deque<FleetTick> ticks_;
  FleetTick mean_, newest_;
};

}  // namespace flyball::scaling
