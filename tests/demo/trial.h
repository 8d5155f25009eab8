// One load on one real fleet: started by `flyballctl up` in a folder of its own on free ports, offered load by the
// generator of `flyballctl load`, watched once a second.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "pkg/base/result.h"
#include "pkg/service/load/tally.h"
#include "pkg/simulate/simulation.h"
#include "pkg/simulate/trace.h"

namespace flyball::demo {

// How replicas and admission are decided.
enum class Way {
  kFixed,        // as many pods as the peak needs at 80 %, nobody changes them; the pods' own limits hold
  kScalingOnly,  // the governor's replicas without any limit: limits.enforce false, so neither ceiling nor concurrency
                 // limit nor bounded queue
  kGovernor,     // both
};

// The pods of all trials: few workers, so that a small machine can offer several times what a pod carries. The time of
// a request is a sleep of its worker, as that of a slow dependency is.
inline constexpr int kWorkers = 4, kMinPods = 1, kMaxPods = 10;
inline constexpr int kFixedPods = 4;  // of kFixed: 600 requests/s / (200 x 80 %)
inline constexpr milliseconds kDelay{20}, kStartDelay{20'000}, kObjective{250};

struct TrialOptions {
  std::string name;
  Way way = Way::kGovernor;
  simulate::Trace trace;  // rps, service_factor (times kDelay), retry_share 0 or 1
};

struct Trialled {
  simulate::Outcome outcome;  // what the simulator would give of it; no hash
  load::Report load;
};

class Trial {
 public:
  // `bin` holds the programs, `source` the repository, `folder` exists and is this trial's own.
  Trial(TrialOptions options, std::string bin, std::string source, std::string folder);
  ~Trial();  // ends what is left of the fleet

  // From the main thread, before any other call. Returns when the fleet's pods are Ready; a minute at most.
  Result<void> Start();
  // Offers the load on a thread of its own.
  void Begin();
  Result<Trialled> Finish();
  const TrialOptions& options() const { return options_; }

 private:
  struct Seen;
  Result<void> WriteDocuments() const;
  Result<void> SetDelay(double factor) const;
  Result<Seen> Look() const;
  Result<Trialled> Offer();

  TrialOptions options_;
  std::string bin_, source_, folder_;
  int pid_ = 0;
  std::thread thread_;
  Result<Trialled> result_;
};

}  // namespace flyball::demo
