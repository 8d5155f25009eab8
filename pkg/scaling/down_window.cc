#include "pkg/scaling/down_window.h"

#include <algorithm>
#include <deque>

namespace flyball::scaling {
namespace {

// A tick in which the fleet could not carry the load costs as much as this many times the fleet it needed.
constexpr double kViolationPrice = 10;

double Cost(std::span<const int> raw, size_t window, size_t startup, double target_utilization) {
  double cost = 0;
  std::deque<size_t> peaks;  // indexes of falling raw: the front is the maximum of the window
  std::deque<size_t> lows;   // of rising order: the front is the least ordered during one startup
  std::deque<int> ordered;   // the last startup + 1 orders
  for (size_t i = 0; i < raw.size(); ++i) {
    while (!peaks.empty() && raw[peaks.back()] <= raw[i]) peaks.pop_back();
    peaks.push_back(i);
    if (peaks.front() + window < i) peaks.pop_front();
    const int order = raw[peaks.front()];
    ordered.push_back(order);
    if (ordered.size() > startup + 1) ordered.pop_front();
    while (!lows.empty() && ordered[ordered.size() - 1 - (i - lows.back())] >= order) lows.pop_back();
    lows.push_back(i);
    if (lows.front() + startup < i) lows.pop_front();
    const int ready = ordered[ordered.size() - 1 - (i - lows.front())];
    cost += order;
    if (ready < raw[i] * target_utilization) cost += kViolationPrice * raw[i];
  }
  return cost;
}

}  // namespace

std::chrono::seconds ChooseDownWindow(std::span<const int> raw, std::chrono::milliseconds tick,
                                      std::chrono::milliseconds startup, double target_utilization) {
  const auto ticks = [&](std::chrono::milliseconds span) { return static_cast<size_t>(span / tick); };
  if (raw.size() < ticks(std::chrono::minutes(5))) return kDefaultWindow;
  std::chrono::seconds best = kDefaultWindow;
  double least = -1;
  for (const std::chrono::seconds candidate : kWindowCandidates) {
    const double cost = Cost(raw, ticks(candidate), ticks(startup), target_utilization);
    if (least < 0 || cost <= least) {
      least = cost;
      best = candidate;
    }
  }
  return best;
}

}  // namespace flyball::scaling
