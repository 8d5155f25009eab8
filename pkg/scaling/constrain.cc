#include "pkg/scaling/constrain.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace flyball::scaling {
namespace {

constexpr double kHoldAfterStale = 30, kFallbackAfterStale = 120;  // seconds

class Chain {
 public:
  explicit Chain(int start) : now_(start) {}
  int now() const { return now_; }
  void Apply(const char* rule, int after, std::string reason) {
    steps_.push_back({rule, now_, after, after == now_ ? std::string() : std::move(reason)});
    now_ = after;
  }
  std::vector<Step> Take() { return std::move(steps_); }

 private:
  int now_;
  std::vector<Step> steps_;
};

void Signals(Chain& chain, const ConstraintInputs& in) {
  chain.Apply("signals", in.has_signal ? in.raw : in.ordered, fmt::format("the load asks for {}", in.raw));
  if (chain.now() < in.ordered) {
    chain.Apply("missing-metrics", std::min(in.ordered, std::max(in.raw, in.raw_down)),
                "pods without metrics are assumed to run at the target");
  } else {
    chain.Apply("missing-metrics", chain.now(), "");
  }
  int stale = chain.now();
  if (in.fresh_share < 0.5) stale = std::max(stale, in.ordered);
  if (in.stale_seconds > kHoldAfterStale) stale = in.ordered;
  if (in.stale_seconds > kFallbackAfterStale) stale = std::max(in.ordered, in.fallback > 0 ? in.fallback : in.min);
  chain.Apply("stale-metrics", stale,
              in.stale_seconds > kHoldAfterStale
                  ? fmt::format("no pod's metrics are fresh since {:.0f} s", in.stale_seconds)
                  : fmt::format("only {:.0f} % of the pods' metrics are fresh", in.fresh_share * 100));
}

void Up(Chain& chain, const ConstraintInputs& in) {
  const bool stale = in.stale_seconds > kFallbackAfterStale;
  const bool up = chain.now() > in.ordered && !stale;
  const bool small_up = up && !in.shedding && chain.now() <= (1 + in.up_tolerance) * in.ordered;
  const bool small_down = chain.now() < in.ordered && chain.now() >= (1 - in.down_tolerance) * in.ordered;
  chain.Apply("tolerance", small_up || small_down ? in.ordered : chain.now(), "within the tolerance");
  const auto at_most = [&](const char* rule, int limit, std::string reason) {
    const bool over = !stale && chain.now() > in.ordered && chain.now() > limit;
    chain.Apply(rule, over ? std::max(limit, in.ordered) : chain.now(), std::move(reason));
  };
  at_most("scale-up-window", in.up_window_low, "the least the load asked for during the scale-up window");
  at_most("scale-up-rate", in.up_rate_limit, fmt::format("at most {} may be ordered now", in.up_rate_limit));
  at_most("pods-not-ready", in.up_blocked.empty() ? chain.now() : in.ordered, in.up_blocked);
}

void Down(Chain& chain, const ConstraintInputs& in) {
  const bool blocked = !in.down_blocked.empty();
  chain.Apply("scale-down-blocked", blocked ? std::max(chain.now(), in.ordered) : chain.now(), in.down_blocked);
  const auto at_least = [&](const char* rule, int limit, std::string reason) {
    const bool under = chain.now() < in.ordered && chain.now() < limit;
    chain.Apply(rule, under ? std::min(limit, in.ordered) : chain.now(), std::move(reason));
  };
  at_least("scale-down-window", in.window_peak,
           fmt::format("the load asked for {} within the last {:.0f} s", in.window_peak, in.window_seconds));
  at_least("scale-down-rate", in.down_rate_limit, fmt::format("at least {} must stay now", in.down_rate_limit));
  // What was ordered too much and has not started yet can go at once; Ready pods are not touched by this.
  const int keep = std::max({in.revoke_peak, in.ready, in.raw_down});
  const bool revoke = in.has_signal && !blocked && in.fresh_share >= 0.5 && in.stale_seconds <= kHoldAfterStale &&
                      keep < in.ordered && keep < chain.now() && chain.now() <= in.ordered;
  chain.Apply("revoke", revoke ? keep : chain.now(),
              fmt::format("{} ordered pods have not started and are not needed any more", in.ordered - keep));
}

}  // namespace

std::vector<Step> Constrain(const ConstraintInputs& in) {
  Chain chain(in.ordered);
  Signals(chain, in);
  Up(chain, in);
  Down(chain, in);
  chain.Apply("floor", std::max(chain.now(), in.floor),
              in.floor_reason.empty() ? fmt::format("the floor is {}", in.floor) : in.floor_reason);
  chain.Apply("min", std::max(chain.now(), in.min), fmt::format("replicas.min is {}", in.min));
  chain.Apply("max", std::min(chain.now(), in.max), fmt::format("replicas.max is {}", in.max));
  chain.Apply("paused", in.paused ? in.ordered : chain.now(), "the governor is paused");
  return chain.Take();
}

}  // namespace flyball::scaling
