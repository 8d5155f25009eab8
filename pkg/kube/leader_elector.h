#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pkg/kube/client.h"
#include "pkg/kube/leader_election.h"

namespace flyball::kube {

struct LeaderElectorOptions {
  std::string name_space{}, name{};  // of the Lease
  std::string identity{};            // the pod's name; a part that is this process's alone is added
  ElectionTimes times{};
  bool release_on_stop = true;  // gives the lease back, so that the next leads at once
};

// Takes part in an election on a thread of its own until it is destroyed.
class LeaderElector {
 public:
  // `on_change` (may be null) is called on the elector's thread when leading begins (with its epoch) and ends (0). Do
  // not rely on it to stop writing: ask fence() before each write. `client` must outlive this.
  LeaderElector(Client& client, LeaderElectorOptions options, std::function<void(uint64_t epoch)> on_change = nullptr);
  ~LeaderElector();  // stops leading, gives the lease back, joins; the caller has stopped writing before
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  // Any thread; cheap (a short lock). `fence().MayWrite(RealClock().Now())` turns false by the clock alone: also in a
  // process that was stopped for a while and goes on in the middle of its work.
  Fence fence() const;
  bool leading() const;
  std::string holder() const;  // who leads as far as is known
  const std::string& identity() const;
  // What went wrong last; empty while it works.
  std::string trouble() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::kube
