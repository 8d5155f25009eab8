#pragma once

#include "pkg/scaling/governor.h"
#include "pkg/simulate/autoscaler.h"
#include "pkg/simulate/trace.h"

namespace flyball::simulate {

// The product's own decision code.
class Governed final : public Autoscaler {
 public:
  Governed(spec::Governor document, SteadyTime start, const scaling::Elements& elements = {})
      : governor_(std::move(document), start, {}, elements) {}
  std::string_view name() const override { return "flyball"; }
  int Decide(const FleetSight& sight, SteadyTime now) override;
  std::optional<scaling::Allocation> Limits() const override { return last_.allocation; }
  const scaling::Decision& last() const { return last_; }

 private:
  scaling::Governor governor_;
  scaling::Decision last_;
};

// Knows the trace: orders ahead by the start-up time what the load will need at `target`, and keeps it 30 s.
class Oracle final : public Autoscaler {
 public:
  Oracle(const Trace& trace, SteadyTime start, milliseconds startup, double pod_rps, double target, int min, int max);
  std::string_view name() const override { return "oracle"; }
  int Decide(const FleetSight& sight, SteadyTime now) override;

 private:
  const Trace& trace_;
  SteadyTime start_;
  milliseconds startup_;
  double pod_rps_, target_;
  int min_, max_;
};

}  // namespace flyball::simulate
