// The status of a Governor's object, and when it is worth a write. Pure.
#pragma once

#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/scaling/governor.h"
#include "pkg/service/operator/app_document.h"

namespace flyball::service::autoscaler {

// What there is to say of a Governor.
struct GovernorNews {
  std::string problems;        // of its document; empty: it is right
  std::string waiting_reason;  // CamelCase: why nothing is governed; empty: something is
  std::string waiting;         // the same for people
  std::string trouble;         // why the target could not be observed; empty: it could
  std::string loop;            // StatusJson of the last tick; empty before the first
};

// The status to write, JSON: what `flyballctl status` shows of it without what it has of each pod, the last decision in
// words, and the conditions
//   Valid   False: the document has problems; what it said before counts on
//   Active  True: replicas follow the load. False: it waits for its target, observes only, is paused, or in conflict
//   ScalingLimited, MetricsMissing, Conflict, ScaleUpIneffective, SharedStateDown, TargetUnreachable: True while they
//   are
//           so; False once they were and no longer are
// `before` is the object as it is.
std::string GovernorStatus(const app_operator::Resource& governor, const std::string& before, const GovernorNews& news,
                           WallTime now);

// What a new leader takes over from the status of `object`.
scaling::Remembered RememberedFrom(const std::string& object);

// Writes a status at once when it matters to people (replicas wanted and Ready, bounds, mode, conditions), what else
// changed once a minute, and nothing when nothing changed.
class StatusPace {
 public:
  // Whether `status` should be written over `written`, the object's. A written one is told to Wrote().
  bool Due(const std::string& written, const std::string& status, SteadyTime now) const;
  void Wrote(SteadyTime now) { last_ = now; }

 private:
  std::optional<SteadyTime> last_;
};

}  // namespace flyball::service::autoscaler
