#include "pkg/service/load/trace.h"

#include <algorithm>
#include <cmath>

#include "pkg/base/check.h"
#include "pkg/base/clock.h"

namespace flyball::load {
namespace {

double Area(const Trace::Point& a, const Trace::Point& b) { return (a.rps + b.rps) / 2 * (b.at_s - a.at_s); }

}  // namespace

Trace::Trace(std::vector<Point> points) : points_(std::move(points)) {
  Check(points_.size() >= 2 && points_.front().at_s == 0, "a trace begins at 0 and has an end");
  for (size_t i = 0; i < points_.size(); ++i) {
    Check(points_[i].rps >= 0, "a rate is not negative");
    Check(i == 0 || points_[i].at_s >= points_[i - 1].at_s, "points are in time order");
  }
}

Trace Trace::Steady(double rps, std::chrono::milliseconds duration) {
  return Trace({{0, rps}, {ToSeconds(duration), rps}});
}

Trace Trace::Flash(double rps, std::chrono::milliseconds duration) {
  const double end = ToSeconds(duration);
  const double start = end / 3;
  return Trace({{0, rps}, {start, rps}, {start + std::min(10.0, end / 6), 5 * rps}, {end, 5 * rps}});
}

Trace Trace::Ramp(double rps, std::chrono::milliseconds duration) {
  return Trace({{0, 0}, {ToSeconds(duration), rps}});
}

Trace Trace::OnOff(double rps, std::chrono::milliseconds duration) {
  const double end = ToSeconds(duration);
  const double turn = std::min(30.0, end / 4);
  std::vector<Point> points;
  bool on = true;
  for (double at = 0; at < end - 1e-6; at += turn, on = !on) {
    const double rate = on ? rps : rps / 10;
    points.push_back({at, rate});
    points.push_back({std::min(at + turn, end), rate});
  }
  return Trace(std::move(points));
}

std::optional<Trace> Trace::Named(std::string_view name, double rps, std::chrono::milliseconds duration) {
  if (name == "steady") return Steady(rps, duration);
  if (name == "flash") return Flash(rps, duration);
  if (name == "ramp") return Ramp(rps, duration);
  if (name == "on-off") return OnOff(rps, duration);
  return std::nullopt;
}

double Trace::RateAt(double at_s) const {
  if (at_s < 0 || at_s > duration_s()) return 0;
  size_t i = 0;
  while (i + 2 < points_.size() && points_[i + 1].at_s <= at_s) ++i;
  const Point& a = points_[i];
  const Point& b = points_[i + 1];
  if (b.at_s == a.at_s) return b.rps;
  return a.rps + (b.rps - a.rps) * (at_s - a.at_s) / (b.at_s - a.at_s);
}

double Trace::ExpectedArrivals() const {
  double sum = 0;
  for (size_t i = 0; i + 1 < points_.size(); ++i) sum += Area(points_[i], points_[i + 1]);
  return sum;
}

std::optional<std::chrono::nanoseconds> Arrivals::Next() {
  const auto& points = trace_.points();
  spent_ += -std::log1p(-random_.Uniform());  // a unit-rate gap, in expected arrivals
  while (segment_ + 1 < points.size()) {
    const Trace::Point& a = points[segment_];
    const Trace::Point& b = points[segment_ + 1];
    const double area = Area(a, b);
    if (spent_ < area) {
      // a.rps x + slope x^2 / 2 = spent, in the form that does not cancel when the slope is small.
      const double slope = (b.rps - a.rps) / (b.at_s - a.at_s);
      const double root = std::sqrt(std::max(0.0, a.rps * a.rps + 2 * slope * spent_));
      const double offset = 2 * spent_ / (a.rps + root);
      return std::chrono::nanoseconds(static_cast<int64_t>((a.at_s + offset) * 1e9));
    }
    spent_ -= area;
    ++segment_;
  }
  return std::nullopt;
}

}  // namespace flyball::load
