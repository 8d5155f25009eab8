// What came of the load: counts, latencies, and a line for every second. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pkg/service/load/histogram.h"

namespace flyball::load {

// One second of the run. Arrivals count in the second they were due, answers in the second they came.
struct Second {
  int t = 0;             // seconds since the start: [t, t + 1)
  uint64_t offered = 0;  // arrivals due, retries included
  uint64_t sent = 0;
  uint64_t answered = 0;
  uint64_t ok = 0;      // answered 2xx or 3xx
  uint64_t shed = 0;    // answered 503 or 429
  uint64_t failed = 0;  // resets, timeouts, arrivals given up before they were sent
  uint64_t first = 0;   // of offered: first attempts
  uint64_t good = 0;    // of first: answered 2xx or 3xx within the objective, whenever that was
  double p50_ms = 0;    // of the answers counted in latencies; 0 when there was none
  double p99_ms = 0;
  uint64_t measured = 0;  // how many that are
};

struct Latency {
  double p50_ms = 0, p95_ms = 0, p99_ms = 0, max_ms = 0;
};

// sent == answered + resets + timeouts, and offered == sent + not_sent, once a run is over.
struct Report {
  double duration_s = 0;  // of the trace, or until it was stopped
  uint64_t offered = 0;
  uint64_t sent = 0;
  uint64_t answered = 0;
  std::map<int, uint64_t> by_status;
  uint64_t resets = 0;  // the connection closed or broke after the request was written and before its answer was whole
  uint64_t timeouts = 0;             // sent, but not answered within the timeout of their due time
  uint64_t malformed = 0;            // of the resets: those whose answer was not HTTP
  uint64_t not_sent = 0;             // given up in the backlog: no connection came free in time, or it was full
  uint64_t retries = 0;              // of sent: attempts after the first
  uint64_t missing_retry_after = 0;  // first attempts answered 503 without Retry-After
  uint64_t reconnects = 0;           // connections opened after the first of each
  uint64_t connect_failures = 0;     // attempts to connect that failed
  Latency latency;                   // from the due time to the whole answer, of answers other than 503 and 429
  Latency wait;                      // from the due time to the first byte sent: what this side added
  double goodput_rps = 0;            // 2xx and 3xx answers a second of the trace
  std::vector<Second> series;        // oldest first, without gaps

  // Seconds in which less than 95 % of the first attempts due were answered well within the objective.
  int ViolatedSeconds() const;
};

// {"sent":..,"answered":..,"byStatus":{"200":..},"resets":..,"timeouts":..,"latencyMs":{"p50","p95","p99","max"},
// "goodputRps":..,"series":[{"t","offered","sent","ok","shed","failed","first","good","p50Ms",
// "p99Ms"}],
// "offered","notSent","malformed","violatedSeconds",
// "retries","missingRetryAfter","reconnects","connectFailures","waitMs":{..},"durationSeconds"}. A second without a
// measured answer has null for its latencies.
std::string ToJson(const Report& report);

// Collects while the run goes. Times are offsets from the start of the run and never go back by more than a second.
class Tally {
 public:
  using Offset = std::chrono::nanoseconds;

  explicit Tally(std::chrono::nanoseconds objective = std::chrono::milliseconds(250)) : objective_(objective) {}

  // An answer; `due` and `now` bound its latency, `attempt` counts from 1.
  struct Answered {
    int status = 0;
    int attempt = 1;
    bool has_retry_after = false;
  };

  void OnOffered(Offset due, int attempt = 1);
  void OnSent(Offset due, Offset now, int attempt);
  void OnAnswered(Offset due, Offset now, const Answered& answer);
  void OnReset(Offset now, bool malformed);
  void OnTimeout(Offset now);
  void OnNotSent(Offset now);
  void OnConnected(bool first);
  void OnConnectFailure();

  // Closes the seconds that ended before `now`; closed() of them can then be shown.
  void Tick(Offset now);
  size_t closed() const { return closed_; }
  const Second& second(size_t t) const { return report_.series[t]; }  // t < closed()

  // Ends the run at `now`; `duration` is what goodput is divided by. The tally is used up.
  Report Finish(Offset now, std::chrono::nanoseconds duration);

 private:
  Second& At(Offset time);

  std::chrono::nanoseconds objective_;
  Report report_;
  size_t closed_ = 0;  // seconds closed so far
  Histogram all_, wait_, this_second_;
  uint64_t ok_ = 0;
};

}  // namespace flyball::load
