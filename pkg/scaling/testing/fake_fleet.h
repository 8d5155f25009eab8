// A fleet small enough to reason about: load is a fluid spread evenly over Ready pods; a pod carries workers / service
// time and sheds the rest. It starts and stops pods as the governor orders and scrapes them once a tick.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pkg/base/random.h"
#include "pkg/scaling/governor.h"

namespace flyball::scaling::testing {

struct Load {
  double rps = 0;  // first attempts a second, over the fleet
  double retries_rps = 0;
  double abuse_rps = 0;                // on top, refused by the nominal quota
  double critical = 0, sheddable = 0;  // shares of rps
  double logins_rps = 0;               // on top, requests that only compute, login_seconds each
};

class FakeFleet {
 public:
  struct Pod {
    std::string name;
    SteadyTime ordered_at, ready_at;
    bool mute = false;    // its metrics cannot be scraped
    bool broken = false;  // never becomes Ready
    double garbage = 0;   // not 0: its page says this of its first attempts
    PodSample sample;
  };

  FakeFleet(spec::Governor document, int ready_pods);

  // Two seconds of load, a scrape, a decision, which is applied.
  const Decision& Tick();
  const Decision& Run(seconds duration);
  void RestartGovernor();
  void RestartPod(size_t index);     // its counters begin at zero
  void Skip(seconds duration);       // the governor does not run, the fleet does
  void WriteReplicas(int replicas);  // somebody else does
  SteadyTime now() const { return now_; }
  int ready() const;
  const Decision& last() const { return last_; }
  double service_seconds() const;  // as requests see it now

  // What the next ticks are like.
  Load load;
  double workers = 8;
  double service = 0.020;  // seconds, alone
  double cpu_share = 0;    // of the service time that is CPU time
  double login_seconds = 0.25;
  double idle_cpu = 0;      // cores that a pod uses with nothing to do
  double database_rps = 0;  // a shared limit on what the fleet can complete; 0 = none
  double adaptive_rps = 0;  // on top of load, refused because the quota factor is lowered
  double memory_bytes = 0;  // of each pod, of its limit of 1 GiB
  bool foreign = false;     // pods that export no service times, only requests
  double noise = 0;         // relative, uniform
  bool new_pods_break = false;
  bool redis_up = true;
  std::vector<std::optional<double>> external;  // of the document's
  std::string other_owner;
  bool target_reachable = true;
  std::string scaling_limited;  // not empty: new pods are not placed, and the platform says why
  seconds linger{0};            // how long a pod that was taken away is still listed, terminating, and answers scrapes
  std::vector<Pod> pods;
  std::vector<std::pair<SteadyTime, Pod>> terminating;  // until when
  int ordered = 0;

 private:
  void Serve(double seconds);
  void ServePod(Pod& pod, double share, double seconds);
  void ServeLogins(PodSample& sample, double count) const;
  void Apply(int replicas);
  double Noise();

  spec::Governor document_;
  SteadyTime now_{std::chrono::hours(1)};
  Governor governor_;
  Random random_{7};
  int named_ = 0;
  Decision last_;
};

}  // namespace flyball::scaling::testing
