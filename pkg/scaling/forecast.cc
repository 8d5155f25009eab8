#include "pkg/scaling/forecast.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace flyball::scaling {
namespace {

constexpr int64_t kBins = 288;
constexpr double kLevel = 0.1, kTrend = 0.01, kSeason = 0.3;

}  // namespace

SeasonalForecast::SeasonalForecast(nanoseconds season) : width_(season / kBins) {}

void SeasonalForecast::Add(double pods, SteadyTime now) {
  if (begun_ && now - begin_ > (bin_ + kBins) * width_) *this = SeasonalForecast(width_ * kBins);
  if (!begun_) begin_ = now;
  begun_ = true;
  const int64_t bin = (now - begin_) / width_;
  while (bin_ < bin) {
    Close(most_);
    ++bin_;
    if (bin_ == bin) most_ = 0;
  }
  most_ = std::max(most_, pods);
}

// The first season gives the level and what each bin adds to it; from then on the three are smoothed.
void SeasonalForecast::Close(double most) {
  if (season_.empty()) {
    first_.push_back(most);
    if (static_cast<int64_t>(first_.size()) < kBins) return;
    level_ = std::accumulate(first_.begin(), first_.end(), 0.0) / kBins;
    for (const double pods : first_) season_.push_back(pods - level_);
    first_.clear();
    return;
  }
  double& seasonal = season_[static_cast<size_t>(bin_ % kBins)];
  const double before = level_;
  level_ = kLevel * (most - seasonal) + (1 - kLevel) * (level_ + trend_);
  trend_ = kTrend * (level_ - before) + (1 - kTrend) * trend_;
  seasonal = kSeason * (most - level_) + (1 - kSeason) * seasonal;
}

double SeasonalForecast::Ahead(nanoseconds lead) const {
  if (season_.empty() || bin_ < 2 * kBins) return 0;
  double most = 0;
  for (int64_t ahead = 0; ahead <= lead / width_ + 1; ++ahead) {
    const double seasonal = season_[static_cast<size_t>((bin_ + ahead) % kBins)];
    most = std::max(most, level_ + static_cast<double>(ahead) * trend_ + seasonal);
  }
  return most;
}

}  // namespace flyball::scaling
