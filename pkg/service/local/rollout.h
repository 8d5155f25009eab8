// Which revision of the documents the pods should be of, while a saved change is on its way to them: a Deployment's
// rollout, without the processes. Pure: no clock, no system call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/service/local/blueprint.h"

namespace flyball::local {

// The documents as they were read once.
struct Revision {
  uint64_t number = 0;  // counts from 1; the generation of the pods that are of it
  Blueprint blueprint;
  std::vector<std::string> copies;  // paths of what the pods read
};

// A change is put to work as a whole or not at all. Its first pod is started beside the old ones; when that is Ready,
// the change's bounds and Governor hold, and the old pods are replaced one by one. When a pod of the change ends before
// it was Ready, or none becomes Ready for kProgressDeadline, the change is abandoned: everything is of the old revision
// again, and stays so until something else is saved.
class Rollout {
 public:
  static constexpr std::chrono::minutes kProgressDeadline{10};  // as a Deployment's progressDeadlineSeconds

  explicit Rollout(Revision first) : stable_(std::move(first)) {}

  // What the pods should be of: the change while one is under way, otherwise what runs.
  const Revision& target() const { return next_ ? *next_ : stable_; }
  // Whose replica bounds and Governor hold.
  const Revision& effective() const { return next_ && proven_ ? *next_ : stable_; }
  // What is gone back to.
  const Revision& stable() const { return stable_; }
  // Null when no pod can be of it any more.
  const Revision* Find(uint64_t number) const;
  bool under_way() const { return next_.has_value(); }

  // A change was saved: its pods come next. An earlier one that is under way is given up for it.
  void Begin(Revision next, SteadyTime now);
  // A pod of this revision became Ready. True: it is the change's first, so effective() is another now.
  bool PodReady(uint64_t number, SteadyTime now);
  // All pods are Ready and of target(). True: that completes the change, and what ran before is forgotten.
  bool Settled();
  // Back to stable(). `why` is shown until something else is saved; empty: the change was taken back.
  void Abandon(std::string why);
  // A change that was refused before it was begun.
  void Refuse(std::string why) { rejected_ = std::move(why); }
  // What is saved is what runs.
  void Accept() { rejected_.clear(); }

  // When to look whether Overdue(); nullopt = never.
  std::optional<SteadyTime> Deadline() const;
  bool Overdue(SteadyTime now) const { return next_ && now >= *Deadline(); }

  // Why the saved documents are not those that run; empty when they are, or are about to be.
  const std::string& rejected() const { return rejected_; }

 private:
  Revision stable_;
  std::optional<Revision> next_;
  bool proven_ = false;  // a pod of next_ was Ready
  SteadyTime progress_{};
  std::string rejected_;
};

}  // namespace flyball::local
