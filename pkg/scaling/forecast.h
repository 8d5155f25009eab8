#pragma once

#include <vector>

#include "pkg/base/clock.h"

namespace flyball::scaling {

// Additive Holt-Winters (P. R. Winters, Forecasting sales by exponentially weighted moving averages, Management Science
// 6, 1960) over a season of 288 bins: a level, its trend a bin, and what each bin of the season adds.
class SeasonalForecast {
 public:
  // `season` >= 288 s.
  explicit SeasonalForecast(nanoseconds season);

  // One tick: the pods that the load needs now; `now` never goes back. A pause longer than a season forgets everything.
  void Add(double pods, SteadyTime now);

  // The most expected from now to now + lead. 0 until two seasons were seen.
  double Ahead(nanoseconds lead) const;

 private:
  void Close(double most);

  nanoseconds width_;
  SteadyTime begin_{};
  bool begun_ = false;
  int64_t bin_ = 0;  // since begin_, the one that is open
  double most_ = 0;  // in it
  double level_ = 0, trend_ = 0;
  std::vector<double> season_, first_;  // first_: the first season as it was
};

}  // namespace flyball::scaling
