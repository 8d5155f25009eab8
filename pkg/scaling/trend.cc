#include "pkg/scaling/trend.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace flyball::scaling {

double Trend(std::span<const double> loads, double tick_seconds, double lead_seconds) {
  if (loads.size() < 8) return 0;
  const auto n = static_cast<double>(loads.size());
  double mean = 0;
  for (double load : loads) mean += load / n;
  const double middle = (n - 1) / 2;
  double covariance = 0, spread = 0;
  for (size_t i = 0; i < loads.size(); ++i) {
    covariance += (static_cast<double>(i) - middle) * (loads[i] - mean);
    spread += (static_cast<double>(i) - middle) * (static_cast<double>(i) - middle);
  }
  const double slope = covariance / spread;  // a tick
  if (slope <= 0) return 0;
  double residual = 0;
  for (size_t i = 0; i < loads.size(); ++i) {
    const double error = loads[i] - mean - slope * (static_cast<double>(i) - middle);
    residual += error * error;
  }
  const double slope_error = std::sqrt(residual / (n - 2) / spread);
  const double first = mean - slope * middle, last = mean + slope * middle;
  if (slope < 6 * slope_error || first <= 0 || last > 1.25 * first) return 0;
  return std::clamp(slope / tick_seconds * lead_seconds / last, 0.0, 0.25);
}

}  // namespace flyball::scaling
