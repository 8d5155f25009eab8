#pragma once

#include <chrono>
#include <span>

namespace flyball::scaling {

inline constexpr std::chrono::seconds kWindowCandidates[] = {std::chrono::seconds(60),  std::chrono::seconds(90),
                                                             std::chrono::seconds(120), std::chrono::seconds(180),
                                                             std::chrono::seconds(300), std::chrono::seconds(600)};
inline constexpr std::chrono::seconds kDefaultWindow{120};

// The stabilization window that would have been cheapest on what was just seen. `raw` is N_raw one a tick, oldest
// first. Each candidate is replayed: replicas follow the maximum of N_raw over the window, a raise is felt `startup`
// later, and a tick costs its replicas plus, when the load needed more than were there, a price for the violation.
// kDefaultWindow until there are five minutes of history; ties go to the longer window.
std::chrono::seconds ChooseDownWindow(std::span<const int> raw, std::chrono::milliseconds tick,
                                      std::chrono::milliseconds startup, double target_utilization);

}  // namespace flyball::scaling
