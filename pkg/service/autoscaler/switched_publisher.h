#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pkg/service/autoscaler/record_publisher.h"
#include "pkg/service/operator/fenced_writer.h"
#include "pkg/state/shared_state.h"

namespace flyball::service::autoscaler {

// Publishes to the Redis that an App's pods share, which may be another one tomorrow, as long as this process leads.
// The record's epoch is the leadership's. One thread.
class SwitchedPublisher final : public RatePublisher {
 public:
  // "redis://..."; empty: the App has none, its pods are alone, and publishing does nothing. The error says why it is
  // not known now.
  using FindRedis = std::function<Result<std::string>()>;
  SwitchedPublisher(app_operator::FencedWriter& writer, std::string app, FindRedis find, const Clock& clock);

  // kConflict also when this process does not lead any more.
  Result<void> Publish(const scaling::Decision& decision, int ready) override;

 private:
  Result<void> Connect(SteadyTime now);

  app_operator::FencedWriter& writer_;
  const std::string app_;
  const FindRedis find_;
  const Clock& clock_;
  std::string address_;
  SteadyTime asked_{};
  bool known_ = false;
  uint64_t epoch_ = 0;
  std::unique_ptr<state::SharedState> state_;
  std::unique_ptr<RecordPublisher> publisher_;
};

}  // namespace flyball::service::autoscaler
