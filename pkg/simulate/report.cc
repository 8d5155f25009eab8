#include "pkg/simulate/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "pkg/base/html.h"
#include "pkg/simulate/chart.h"

namespace flyball::simulate {
std::string HtmlReport(const Trace& trace, const std::vector<Setting>& settings, const std::vector<Replay>& replays) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>Simulation of {0}</title>\n<style>{1}</style></head>\n"
      "<body><main>\n<h1>Simulation of {0}</h1>\n<dl>\n",
      EscapeHtml(trace.name), kChartStyle);
  for (const auto& [name, value] : settings) {
    out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", EscapeHtml(name), EscapeHtml(value));
  }
  out +=
      "</dl>\n<h2>What each cost and served</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"Figures\"><table><thead><tr><th scope=\"col\">autoscaler</th><th scope=\"col\">pod-hours</th>"
      "<th scope=\"col\">most pods</th><th scope=\"col\">violated seconds</th><th scope=\"col\">in time</th>"
      "<th scope=\"col\">critical served</th></tr></thead><tbody>\n";
  int most = 1;
  for (const Replay& replay : replays) {
    const Figures f = FiguresOf(replay.outcome);
    most = std::max(most, f.most_replicas);
    out += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{:.3f}</td><td>{}</td><td>{}</td><td>{:.2f} %</td><td>{:.2f} %</td></tr>\n",
        EscapeHtml(replay.name), f.pod_hours, f.most_replicas, f.violated_seconds, 100 * f.in_time,
        100 * f.critical_served);
  }
  out +=
      "</tbody></table></div>\n<p>A second is violated when less than 95 % of the first attempts offered were answered "
      "2xx within the objective.</p>\n<h2>Requests offered a second</h2>\n";
  if (!replays.empty()) out += LoadChart(0, trace.duration, replays.front().outcome.seconds);
  for (size_t i = 0; i < replays.size(); ++i) {
    out += fmt::format("<h2>{}</h2>\n<p>Line: replicas ordered. Area: Ready. Bars at the top: seconds violated.</p>\n",
                       EscapeHtml(replays[i].name));
    out += ReplicasChart(static_cast<int>(i) + 1, trace.duration, replays[i], most);
  }
  return out + "</main></body></html>\n";
}

}  // namespace flyball::simulate
