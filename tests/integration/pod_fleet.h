// Real flyball-api processes that share one listening socket and one page of connection counts, as the supervisor
// starts them, but under the test's own hand.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "pkg/base/unique_fd.h"
#include "pkg/http/connection_counts.h"
#include "pkg/service/local/testing/folder.h"

namespace flyball::integration {

class PodFleet {
 public:
  // `flags` are added to each pod's own.
  PodFleet(std::string document, std::vector<std::string> flags);
  ~PodFleet();  // kills what is left

  uint16_t port() const { return port_; }

  // Starts a pod in that slot (0 to 7) and waits until it is Ready.
  ::testing::AssertionResult Start(size_t slot);
  // SIGTERM, and waits until it has ended with status 0.
  ::testing::AssertionResult Stop(size_t slot);

  int pid(size_t slot) const { return pods_[slot].pid; }  // 0 = none
  uint16_t admin_port(size_t slot) const { return pods_[slot].admin_port; }
  int connections(size_t slot) const { return counts_.Connections(slot); }
  // Resident, in KiB.
  long ResidentKib(size_t slot) const;
  // Standard error of the pods in that slot.
  std::string Said(size_t slot) const;

  // Of a new account.
  std::string Token(const std::string& email) const;

 private:
  struct Pod {
    int pid = 0;
    uint16_t admin_port = 0;
  };
  ::testing::AssertionResult AwaitReady(size_t slot, const UniqueFd& ready);
  std::string LogFile(size_t slot) const { return folder_ / ("pod-" + std::to_string(slot) + ".log"); }

  const std::string document_;
  const std::vector<std::string> flags_;
  local::testing::Folder folder_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  http::ConnectionCounts counts_;
  std::vector<Pod> pods_;
};

}  // namespace flyball::integration
