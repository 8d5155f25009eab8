#include "pkg/service/autoscaler/record_publisher.h"

#include <future>
#include <memory>

namespace flyball::service::autoscaler {

Result<void> RecordPublisher::Publish(const scaling::Decision& decision, int ready) {
  state::GovernorRecord record;
  record.epoch = epoch_;
  record.seq = ++seq_;
  record.ceiling = decision.allocation.ceiling_rps.has_value();
  record.rates = decision.allocation.rates;
  record.quota_factor = decision.allocation.quota_factor;
  record.ready = ready;
  record.mean_connections = decision.estimates.mean_connections;
  record.capacity_per_pod = decision.estimates.capacity_per_pod_rps;
  auto answer = std::make_shared<std::promise<Result<void>>>();
  auto waiting = answer->get_future();
  if (!state_.Publish(record, [answer](Result<void> result) { answer->set_value(std::move(result)); })) {
    return Fail(ErrorCode::kUnavailable, "the shared state takes no more operations");
  }
  return waiting.get();
}

}  // namespace flyball::service::autoscaler
