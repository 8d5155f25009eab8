#pragma once

#include <cstddef>
#include <vector>

#include "pkg/base/clock.h"

namespace flyball::scaling {

// Finds out whether the load repeats itself, by autocorrelation of all that was seen, and says what it needed one
// period ago. At most 720 bins are kept: they become twice as wide when they are full, so that a day takes as much as
// an hour.
class PeriodLearner {
 public:
  // One tick: the pods that the load needs now; `now` never goes back. `lead`: how far ahead Ahead() will be asked for.
  // Once in 15 ticks it looks for the period again: some 100 microseconds.
  void Add(double pods, SteadyTime now, nanoseconds lead);

  // The period that is trusted: two of them were seen, and over the last one it was off by less than half of what the
  // load of `lead` ago was. 0 = none.
  nanoseconds period() const { return trusted_ * width_; }

  // The most that the load needed one period before now to one period before now + lead, one bin more on either side.
  // 0 without a trusted period.
  double Ahead(nanoseconds lead) const;

 private:
  void Halve();
  void Learn(size_t lead);

  std::vector<double> bins_;  // the most in each
  nanoseconds width_ = std::chrono::seconds(2);
  SteadyTime begin_{};
  int ticks_ = 0;
  size_t trusted_ = 0;  // bins
};

}  // namespace flyball::scaling
