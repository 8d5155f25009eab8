#include "pkg/admission/rate_share.h"

#include <algorithm>
#include <cmath>

namespace flyball::admission {
namespace {

double Sane(double rate) { return std::isfinite(rate) && rate > 0 ? rate : 0; }

// What each criticality gets over the fleet, and at last what is left.
struct Allotment {
  PerCriticality given{};
  double spare = 0;
};

Allotment Allot(const PerCriticality& rates, const PerCriticality& asked) {
  constexpr size_t kCritical = Index(Criticality::kCritical);
  Allotment result;
  double left = 0;
  for (double rate : rates) left += Sane(rate);
  auto give = [&](size_t k, double most) {
    const double part = std::min({asked[k] - result.given[k], most, left});
    result.given[k] += part;
    left -= part;
  };
  give(kCritical, left);
  for (size_t k = kCritical + 1; k < kCriticalities; ++k) give(k, Sane(rates[k]));
  for (size_t k = kCritical + 1; k < kCriticalities; ++k) give(k, left);
  result.spare = std::max(left, 0.0);
  return result;
}

// Of what is given to criticality k: everybody's part is by demand, but nobody's demand counts as less than a twentieth
// of the mean.
double Share(const std::vector<PerCriticality>& demands, size_t mine, size_t k, double asked) {
  const double least = 0.05 * asked / static_cast<double>(demands.size());
  double sum = 0;
  for (const auto& demand : demands) sum += std::max(Sane(demand[k]), least);
  return sum > 0 ? std::max(Sane(demands[mine][k]), least) / sum : 0;
}

}  // namespace

RateLease ShareRates(const PerCriticality& rates, const std::vector<PerCriticality>& demands, size_t mine) {
  PerCriticality asked{};
  for (const auto& demand : demands)
    for (size_t k = 0; k < kCriticalities; ++k) asked[k] += Sane(demand[k]);
  const Allotment fleet = Allot(rates, asked);
  RateLease lease;
  lease.published = true;
  for (size_t k = 0; k < kCriticalities; ++k) lease.rates[k] = fleet.given[k] * Share(demands, mine, k, asked[k]);
  lease.spare = fleet.spare / static_cast<double>(demands.size());
  return lease;
}

}  // namespace flyball::admission
