// The control gates: a committed matrix of runs, and what the governor must be better than the references by. Nothing
// here runs in parallel; whoever has threads runs the jobs in any order and hands the scores back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pkg/scaling/governor.h"
#include "pkg/simulate/simulation.h"

namespace flyball::simulate {

// Where one seed runs: start-up, load and service times differ between seeds, so that a dozen of them span the matrix.
struct MatrixCell {
  uint64_t seed = 1;
  int startup = 30;  // D in seconds
  double base_rps = 200;
  FleetOptions::Service service = FleetOptions::Service::kExponential;
};

struct Matrix {
  std::string name;                           // "quick", "medium", "full"
  std::vector<std::string> traces, held_out;  // held out: run once at the end, never tuned on
  std::vector<MatrixCell> cells;
  std::vector<double> targets;  // the references' sweep
  bool extras = false;          // ablations, and references at their defaults without any limiter
};

// Quick: under a minute of CPU, for every test run. Medium: some ten minutes. Full: an hour of two cores.
Matrix QuickMatrix();
Matrix MediumMatrix();
Matrix FullMatrix();

// An autoscaler with all that is set about it.
struct Variant {
  std::string name;  // unique: "hpa 0.70", "flyball"
  std::string contender;
  double target = 0.8;
  bool limiter = true;
  scaling::Elements elements{};  // of flyball
};

struct Job {
  size_t variant = 0, trace = 0, cell = 0;
};

struct Score {
  double pod_hours = 0, violated_seconds = 0;
  double offered = 0, good = 0;
  // Over the seconds in which critical demand fitted the Ready pods: least share served is over a whole run.
  double critical_offered = 0, critical_served = 0;
  double recovery_seconds = -1;  // "flash": from the step's begin until ten good seconds in a row
  double raw_ticks = -1;         // "flash": decisions after the step's end until the load estimate is within 10 %
};

class Gates {
 public:
  explicit Gates(Matrix matrix);

  const Matrix& matrix() const { return matrix_; }
  const std::vector<Variant>& variants() const { return variants_; }
  std::vector<Job> Jobs() const;
  // Some seconds at most; any thread.
  Score Run(const Job& job) const;

  struct Result {
    std::string gate;          // "net violation / hpa, equal pod-hours"
    std::string bound;         // "<= 0.35"
    double value = 0;          // the worst of what it covers
    double low = 0, high = 0;  // 95 % by resampling the seeds; equal to value where there is nothing to resample
    bool met = false;
    std::string note;  // what to know about it: beyond the sweep, which trace was worst
  };
  // `scores` belong to Jobs(), in their order.
  std::vector<Result> Evaluate(const std::vector<Score>& scores) const;
  // The whole report as Markdown: matrix, gates, every trace, every variant's cost, ablations.
  std::string Report(const std::vector<Score>& scores) const;

 private:
  struct Table;
  Matrix matrix_;
  std::vector<std::string> traces_;  // held-out ones last
  std::vector<Variant> variants_;
};

}  // namespace flyball::simulate
