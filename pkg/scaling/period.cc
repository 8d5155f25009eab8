#include "pkg/scaling/period.h"

#include <algorithm>
#include <cmath>

namespace flyball::scaling {
namespace {

constexpr size_t kMostBins = 720;
constexpr int kLearnTicks = 15;
constexpr auto kShortest = std::chrono::seconds(60);
constexpr double kCorrelated = 0.5, kUnlike = 0.25;
constexpr double kMinChange = 0.05;  // of the mean, in one lead: else there is nothing to be ahead of

// Pearson's of the series with itself `lag` ago.
double Correlation(const std::vector<double>& x, double mean, size_t lag) {
  double product = 0, now = 0, then = 0;
  for (size_t i = lag; i < x.size(); ++i) {
    const double a = x[i] - mean, b = x[i - lag] - mean;
    product += a * b;
    now += a * a;
    then += b * b;
  }
  return now > 0 && then > 0 ? product / std::sqrt(now * then) : 0;
}

}  // namespace

void PeriodLearner::Halve() {
  for (size_t i = 0; 2 * i < bins_.size(); ++i) {
    bins_[i] = 2 * i + 1 < bins_.size() ? std::max(bins_[2 * i], bins_[2 * i + 1]) : bins_[2 * i];
  }
  bins_.resize((bins_.size() + 1) / 2);
  width_ *= 2;
  trusted_ /= 2;
}

void PeriodLearner::Add(double pods, SteadyTime now, nanoseconds lead) {
  if (bins_.empty()) begin_ = now;
  while ((now - begin_) / width_ >= static_cast<int64_t>(kMostBins)) {
    // A pause longer than all that is remembered: there is nothing to go by any more.
    if (bins_.empty() || now - begin_ > 4 * static_cast<int64_t>(kMostBins) * width_) {
      *this = PeriodLearner();
      begin_ = now;
      break;
    }
    Halve();
  }
  const auto bin = static_cast<size_t>((now - begin_) / width_);
  if (bin >= bins_.size()) bins_.resize(bin + 1, bins_.empty() || bin == bins_.size() ? pods : bins_.back());
  bins_[bin] = std::max(bins_[bin], pods);
  if (++ticks_ % kLearnTicks == 0) Learn(static_cast<size_t>(lead / width_) + 1);
}

void PeriodLearner::Learn(size_t lead) {
  trusted_ = 0;
  const size_t n = bins_.size();
  const size_t shortest = static_cast<size_t>(kShortest / width_) + 1;
  double mean = 0;
  for (const double pods : bins_) mean += pods / static_cast<double>(n);
  size_t best = 0;
  double highest = kCorrelated;
  bool apart = false;  // beyond where the load is merely like itself a moment ago
  for (size_t lag = shortest; 2 * lag <= n; ++lag) {
    const double r = Correlation(bins_, mean, lag);
    apart = apart || r < kUnlike;
    if (!apart) continue;
    // Multiples of a period are as good as the period: the shortest is taken.
    if (r > (best == 0 ? highest : highest * 1.05) || (r > highest && lag <= best + 2)) {
      best = lag;
      highest = r;
    }
  }
  if (best == 0 || n < best + lead + 1) return;
  double off = 0, off_persistent = 0;
  for (size_t i = n - best; i < n; ++i) {
    const double then = bins_[i - best], before = i - best > 0 ? bins_[i - best - 1] : then,
                 after = bins_[i - best + 1];
    const auto [low, high] = std::minmax({before, then, after});
    off += std::abs(bins_[i] - std::clamp(bins_[i], low, high));
    off_persistent += std::abs(bins_[i] - bins_[i - std::min(i, lead)]);
  }
  const bool moves = off_persistent > kMinChange * mean * static_cast<double>(best);
  if (moves && 2 * off < off_persistent) trusted_ = best;
}

double PeriodLearner::Ahead(nanoseconds lead) const {
  if (trusted_ == 0) return 0;
  const size_t now = bins_.size() - 1, from = now - std::min(now, trusted_ + 1);
  const size_t to = std::min(now, now - trusted_ + static_cast<size_t>(lead / width_) + 1);
  return *std::max_element(bins_.begin() + static_cast<std::ptrdiff_t>(from),
                           bins_.begin() + static_cast<std::ptrdiff_t>(to) + 1);
}

}  // namespace flyball::scaling
