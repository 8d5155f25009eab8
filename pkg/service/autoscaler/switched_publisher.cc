#include "pkg/service/autoscaler/switched_publisher.h"

#include <chrono>
#include <utility>

#include "pkg/state/redis/redis_state.h"

namespace flyball::service::autoscaler {
namespace {

// How long an address that was found is taken for the right one, and one that was not found is not asked for again.
constexpr auto kKnownFor = std::chrono::minutes(1);
constexpr auto kUnknownFor = std::chrono::seconds(5);

}  // namespace

SwitchedPublisher::SwitchedPublisher(app_operator::FencedWriter& writer, std::string app, FindRedis find,
                                     const Clock& clock)
    : writer_(writer), app_(std::move(app)), find_(std::move(find)), clock_(clock) {}

Result<void> SwitchedPublisher::Connect(SteadyTime now) {
  if (known_ && now - asked_ < kKnownFor) return {};
  if (!known_ && asked_ != SteadyTime{} && now - asked_ < kUnknownFor && state_ == nullptr)
    return Fail(ErrorCode::kUnavailable, "the address of the App's Redis is not known");
  asked_ = now;
  auto address = find_();
  if (!address) {
    known_ = false;
    if (state_ != nullptr) return {};  // the last one may still be right
    return Fail(address.error());
  }
  if (known_ && *address == address_) return {};
  if (!address->empty() && (*address != address_ || state_ == nullptr)) {
    auto parsed = state::ParseRedisAddress(*address);
    if (!parsed) return Fail(parsed.error().code, "the App's Redis Secret: " + parsed.error().message);
    publisher_.reset();
    state_ = state::MakeRedisState({.address = std::move(*parsed), .app = app_}, clock_);
    epoch_ = 0;
  } else if (address->empty()) {
    publisher_.reset();
    state_.reset();
  }
  address_ = std::move(*address);
  known_ = true;
  return {};
}

Result<void> SwitchedPublisher::Publish(const scaling::Decision& decision, int ready) {
  if (!writer_.MayWrite()) return Fail(ErrorCode::kConflict, "this process does not lead any more");
  if (auto connected = Connect(clock_.Now()); !connected) return connected;
  if (state_ == nullptr) return {};
  if (publisher_ == nullptr || epoch_ != writer_.epoch()) {
    epoch_ = writer_.epoch();
    // Milliseconds: ahead of every publisher of this leadership before, which counted ticks from an earlier one.
    const auto begin = std::chrono::duration_cast<milliseconds>(clock_.Now().time_since_epoch());
    publisher_ = std::make_unique<RecordPublisher>(*state_, epoch_, static_cast<uint64_t>(begin.count()));
  }
  return publisher_->Publish(decision, ready);
}

}  // namespace flyball::service::autoscaler
