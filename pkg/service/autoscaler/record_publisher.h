#pragma once

#include <cstdint>

#include "pkg/service/autoscaler/ports.h"
#include "pkg/state/shared_state.h"

namespace flyball::service::autoscaler {

// Publishes a decision's rates as the governor's record in the state that the pods share. One thread.
class RecordPublisher final : public RatePublisher {
 public:
  // `epoch` is this leader's: Unix milliseconds at its start in local mode. `state` must outlive it.
  // Sequence numbers follow `seq`: of one epoch, a later publisher must begin where no earlier one was.
  RecordPublisher(state::SharedState& state, uint64_t epoch, uint64_t seq = 0)
      : state_(state), epoch_(epoch), seq_(seq) {}

  // Waits for the answer; the state bounds the time (its operation timeout).
  Result<void> Publish(const scaling::Decision& decision, int ready) override;

 private:
  state::SharedState& state_;
  const uint64_t epoch_;
  uint64_t seq_;
};

}  // namespace flyball::service::autoscaler
