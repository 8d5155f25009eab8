#include "pkg/simulate/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "pkg/base/html.h"

namespace flyball::simulate {
namespace {

// Of a chart's plane, in its own units; the page scales it to its width.
constexpr double kWidth = 400, kHeight = 110, kLeft = 34, kRight = 6, kTop = 8, kBottom = 18;
constexpr size_t kColumns = 300;

// The end of an axis: 1, 2 or 5 times a power of ten, not below `most`.
double Round(double most) {
  if (most <= 1) return 1;
  const double power = std::pow(10, std::floor(std::log10(most)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (most <= step * power) return step * power;
  }
  return 10 * power;
}

std::string Clock(double seconds) {
  const int all = static_cast<int>(seconds);
  return all >= 3600 ? fmt::format("{}:{:02}:{:02}", all / 3600, all / 60 % 60, all % 60)
                     : fmt::format("{}:{:02}", all / 60, all % 60);
}

// A plane of `duration` seconds and values up to `most`.
class Plane {
 public:
  Plane(double duration, double most) : duration_(std::max(duration, 1.0)), most_(Round(most)) {}
  double X(double at) const { return kLeft + (kWidth - kLeft - kRight) * at / duration_; }
  double Y(double value) const { return kHeight - kBottom - (kHeight - kTop - kBottom) * value / most_; }

  std::string Axes() const {
    std::string out;
    for (const double part : {0.0, 0.5, 1.0}) {
      const double y = Y(part * most_);
      out += fmt::format(R"(<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>)", kLeft,
                         kWidth - kRight, y, y);
      out +=
          fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="end">{:g}</text>)", kLeft - 3, y + 3, part * most_);
    }
    for (const double part : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      const char* anchor = part == 0 ? "start" : part == 1 ? "end" : "middle";
      out += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)", X(part * duration_), kHeight - 4,
                         anchor, Clock(part * duration_));
    }
    return out;
  }

 private:
  double duration_, most_;
};

std::string Open(int id, std::string_view title, std::string_view description) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-labelledby=\"t{} d{}\"><title id=\"t{}\">{}</title>"
      "<desc id=\"d{}\">{}</desc>",
      kWidth, kHeight, id, id, id, EscapeHtml(title), id, EscapeHtml(description));
}

// Seconds are put together so that a long trace has no more than kColumns of them.
struct Columns {
  explicit Columns(size_t seconds) : each(std::max<size_t>(1, (seconds + kColumns - 1) / kColumns)) {}
  size_t each;
};

bool Violated(const Second& second) { return second.offered > 0 && second.good < 0.95 * second.offered; }

}  // namespace

const char* const kChartStyle = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #d0d7de; --load: #0550ae; --pods: #0550ae;
  --ready: #b6d7ff; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --soft: #3d444d; --load: #79c0ff;
  --pods: #79c0ff; --ready: #1f3f66; --bad: #ff7b72; } }
body { font: 16px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; padding: 1rem;
  max-width: 54rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-bottom: .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--soft); text-align: right; }
th:first-child, td:first-child { text-align: left; }
dl { display: grid; grid-template-columns: max-content auto; gap: .1rem .8rem; } dt { font-weight: 600; } dd { margin: 0; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 9px system-ui, sans-serif; }
.grid { stroke: var(--soft); stroke-width: .5; } .load, .pods { fill: none; stroke: var(--load); stroke-width: 1.4; }
.ready { fill: var(--ready); } .bad { fill: var(--bad); }
@media (max-width: 30rem) { th, td { padding: .2rem .25rem; font-size: .8rem; } }
)";

std::string LoadChart(int id, seconds duration, const std::vector<Second>& seconds) {
  const Columns columns(seconds.size());
  std::vector<double> rates;
  for (size_t i = 0; i < seconds.size(); i += columns.each) {
    double offered = 0;
    const size_t end = std::min(seconds.size(), i + columns.each);
    for (size_t s = i; s < end; ++s) offered += seconds[s].offered;
    rates.push_back(offered / static_cast<double>(end - i));
  }
  const double most = rates.empty() ? 0 : *std::max_element(rates.begin(), rates.end());
  const Plane plane(static_cast<double>(duration.count()), most);
  std::string out = Open(id, "Requests offered a second",
                         fmt::format("From {:.0f} to {:.0f} requests a second over {}.",
                                     rates.empty() ? 0 : *std::min_element(rates.begin(), rates.end()), most,
                                     Clock(static_cast<double>(duration.count()))));
  out += plane.Axes() + "<polyline class=\"load\" points=\"";
  for (size_t i = 0; i < rates.size(); ++i) {
    out += fmt::format("{:.1f},{:.1f} ", plane.X(static_cast<double>(i * columns.each)), plane.Y(rates[i]));
  }
  return out + "\"/></svg>\n";
}

std::string ReplicasChart(int id, seconds duration, const Replay& replay, int most) {
  const std::vector<Second>& seconds = replay.outcome.seconds;
  const Plane plane(static_cast<double>(duration.count()), most);
  const Figures figures = FiguresOf(replay.outcome);
  std::string out = Open(id, fmt::format("Replicas under {}", replay.name),
                         fmt::format("At most {} replicas; the objective was violated in {} seconds.",
                                     figures.most_replicas, figures.violated_seconds));
  const Columns columns(seconds.size());
  std::string ready = fmt::format("M{:.1f},{:.1f}", plane.X(0), plane.Y(0)), ordered, bad;
  for (size_t i = 0; i < seconds.size(); i += columns.each) {
    const size_t end = std::min(seconds.size(), i + columns.each);
    const double x = plane.X(static_cast<double>(i)), right = plane.X(static_cast<double>(end));
    int least_ready = seconds[i].ready, most_ordered = 0, violated = 0;
    for (size_t s = i; s < end; ++s) {
      least_ready = std::min(least_ready, seconds[s].ready);
      most_ordered = std::max(most_ordered, seconds[s].ordered);
      violated += Violated(seconds[s]) ? 1 : 0;
    }
    ready += fmt::format("L{:.1f},{:.1f}L{:.1f},{:.1f}", x, plane.Y(least_ready), right, plane.Y(least_ready));
    ordered += fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} ", x, plane.Y(most_ordered), right, plane.Y(most_ordered));
    if (violated > 0) {
      const double height = 6.0 * violated / static_cast<double>(end - i);
      bad += fmt::format(R"(<rect class="bad" x="{:.1f}" y="{:.1f}" width="{:.2f}" height="{:.1f}"/>)", x,
                         kTop + 6 - height, std::max(right - x, 0.7), height);
    }
  }
  ready += fmt::format("L{:.1f},{:.1f}Z", plane.X(static_cast<double>(seconds.size())), plane.Y(0));
  return out + fmt::format(R"(<path class="ready" d="{}"/>)", ready) + plane.Axes() +
         fmt::format(R"(<polyline class="pods" points="{}"/>)", ordered) + bad + "</svg>\n";
}

Figures FiguresOf(const Outcome& outcome) {
  Figures figures;
  figures.pod_hours = outcome.PodHours();
  figures.violated_seconds = outcome.violated_seconds;
  for (const Second& second : outcome.seconds) figures.most_replicas = std::max(figures.most_replicas, second.ordered);
  if (outcome.offered > 0) figures.in_time = outcome.good / outcome.offered;
  if (outcome.critical_offered > 0) figures.critical_served = outcome.critical_served / outcome.critical_offered;
  return figures;
}

}  // namespace flyball::simulate
