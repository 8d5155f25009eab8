#include "pkg/service/local/scale_orders.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace flyball::local {
namespace {

constexpr size_t kMostWaiting = 64;

Result<int> CarryOut(int replicas, Fleet& fleet, bool open) {
  const ReplicaBounds bounds = fleet.bounds();
  if (!open) return Fail(ErrorCode::kUnavailable, "the fleet is starting or stopping; it does not scale now");
  if (replicas < bounds.min || replicas > bounds.max) {
    return Fail(ErrorCode::kInvalid,
                "replicas must be " + std::to_string(bounds.min) + " to " + std::to_string(bounds.max));
  }
  fleet.SetDesired(replicas);
  return fleet.desired();
}

}  // namespace

ScaleOrders::ScaleOrders() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), waiting_(kMostWaiting) {}

bool ScaleOrders::Send(ScaleOrder order) {
  const auto sent = waiting_.Send(std::move(order));
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) < 0) return false;
  return sent == Mailbox<ScaleOrder>::Sent::kFirst || sent == Mailbox<ScaleOrder>::Sent::kQueued;
}

void ScaleOrders::Carry(Fleet& fleet, bool open) {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t woken = ::read(wake_.get(), &count, sizeof count);
  for (ScaleOrder& order : waiting_.TakeAll()) order.answer(CarryOut(order.replicas, fleet, open));
}

}  // namespace flyball::local
