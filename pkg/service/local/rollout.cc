#include "pkg/service/local/rollout.h"

#include <utility>

namespace flyball::local {

const Revision* Rollout::Find(uint64_t number) const {
  if (next_ && next_->number == number) return &*next_;
  return stable_.number == number ? &stable_ : nullptr;
}

void Rollout::Begin(Revision next, SteadyTime now) {
  next_ = std::move(next);
  proven_ = false;
  progress_ = now;
  rejected_.clear();
}

bool Rollout::PodReady(uint64_t number, SteadyTime now) {
  if (!next_ || number != next_->number) return false;
  progress_ = now;
  return !std::exchange(proven_, true);
}

bool Rollout::Settled() {
  if (!next_ || !proven_) return false;
  stable_ = std::move(*next_);
  next_.reset();
  return true;
}

void Rollout::Abandon(std::string why) {
  next_.reset();
  proven_ = false;
  rejected_ = std::move(why);
}

std::optional<SteadyTime> Rollout::Deadline() const {
  return next_ ? std::optional(progress_ + kProgressDeadline) : std::nullopt;
}

}  // namespace flyball::local
