#include "pkg/scaling/recommend.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace flyball::scaling {
namespace {

// Far above any fleet, and far below where an int overflows.
constexpr double kMostReplicas = 1e6;

int Ceil(const Signal& signal, double fractional) {
  if (signal.current > 0 && std::abs(fractional / signal.current - 1) <= signal.tolerance) return signal.current;
  return static_cast<int>(std::ceil(std::min(fractional, kMostReplicas) - 1e-9));
}

}  // namespace

void Recommend(std::vector<Signal>& signals) {
  std::erase_if(signals, [](const Signal& s) { return !(s.resource * s.target > 0) || !std::isfinite(s.work_down); });
  for (Signal& s : signals) {
    const double per_pod = s.resource * s.target;
    s.fractional = s.headroom * (1 + s.trend) * s.work / per_pod;
    s.fractional_down = s.headroom * (1 + s.trend) * std::max(s.work, s.work_down) / per_pod;
    s.raw = Ceil(s, s.fractional);
    s.raw_down = std::max(Ceil(s, s.fractional_down), s.raw);
  }
  const auto winner = std::max_element(signals.begin(), signals.end(), [](const Signal& a, const Signal& b) {
    return std::tie(a.raw, a.fractional) < std::tie(b.raw, b.fractional);
  });
  if (winner != signals.end()) std::rotate(signals.begin(), winner, winner + 1);
}

}  // namespace flyball::scaling
