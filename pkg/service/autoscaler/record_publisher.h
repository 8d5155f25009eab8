#pragma once

#include <cstdint>

#include "pkg/service/autoscaler/ports.h"
#include "pkg/state/shared_state.h"

namespace flyball::service::autoscaler {

// Publishes a decision's rates as the governor's record in the state that the pods share. One thread.
class RecordPublisher final : public RatePublisher {
 public:
  // `epoch` is this leader's: Unix milliseconds at its start in local mode. `state` must outlive it.
  RecordPublisher(state::SharedState& state, uint64_t epoch) : state_(state), epoch_(epoch) {}

  // Waits for the answer; the state bounds the time (its operation timeout).
  Result<void> Publish(const scaling::Decision& decision, int ready) override;

 private:
  state::SharedState& state_;
  const uint64_t epoch_;
  uint64_t seq_ = 0;
};

}  // namespace flyball::service::autoscaler
