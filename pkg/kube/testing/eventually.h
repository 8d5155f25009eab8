#pragma once

#include <chrono>
#include <thread>

namespace flyball::kube::testing {

// Waits until `holds` says so; false after a minute.
template <typename Condition>
bool Eventually(Condition holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace flyball::kube::testing
