#include "tests/demo/demo_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pkg/base/html.h"

namespace flyball::demo {
namespace {

using simulate::Outcome;

double Goodput(const Row& row, seconds duration) { return row.outcome.good / static_cast<double>(duration.count()); }

seconds DurationOf(const Row& row) { return seconds(row.outcome.seconds.size()); }

int MostPods(const std::vector<Row>& rows) {
  int most = 1;
  for (const Row& row : rows) {
    for (const auto& second : row.outcome.seconds) most = std::max(most, second.ordered);
  }
  return most;
}

const Row* Find(const std::vector<Row>& rows, const char* name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

double MeanViolated(const std::vector<Outcome>& runs) {
  double sum = 0;
  for (const Outcome& run : runs) sum += run.violated_seconds;
  return sum / static_cast<double>(runs.size());
}

// "41-63, 65": the seconds in which the objective was violated.
std::string ViolatedSeconds(const Outcome& run) {
  std::string out;
  for (size_t i = 0; i < run.seconds.size(); ++i) {
    const auto violated = [&](size_t at) {
      return at < run.seconds.size() && run.seconds[at].good < 0.95 * run.seconds[at].offered;
    };
    if (!violated(i)) continue;
    const size_t first = i;
    while (violated(i + 1)) ++i;
    out += (out.empty() ? "" : ", ") + (i == first ? fmt::format("{}", i) : fmt::format("{}-{}", first, i));
  }
  return out.empty() ? "none" : out;
}

double MeanOrdered(const std::vector<Outcome>& runs, size_t second) {
  double sum = 0;
  for (const Outcome& run : runs) sum += run.seconds[std::min(second, run.seconds.size() - 1)].ordered;
  return sum / static_cast<double>(runs.size());
}

}  // namespace

std::string Table(const std::vector<Row>& rows) {
  std::string out =
      fmt::format("{:<14}{:>12}{:>16}{:>14}{:>12}\n", "", "violated s", "goodput /s", "pod-seconds", "p99 ms");
  for (const Row& row : rows) {
    out += fmt::format("{:<14}{:>12}{:>16.1f}{:>14.0f}{:>12.0f}\n", row.name, row.outcome.violated_seconds,
                       Goodput(row, DurationOf(row)), row.outcome.pod_seconds, row.p99_ms);
  }
  return out;
}

std::string DemoPage(seconds duration, const std::vector<Row>& rows) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>Flyball: the same load, three ways</title>\n"
      "<style>{}</style></head>\n<body><main>\n<h1>The same load, three ways</h1>\n"
      "<p>A flash crowd and an on/off load on real fleets on one machine, at the same time. A pod becomes Ready 20 s "
      "after it is ordered and carries about 200 requests a second.</p>\n<h2>What each cost and served</h2>\n"
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Figures\"><table><thead><tr>"
      "<th scope=\"col\">way</th><th scope=\"col\">violated seconds</th><th scope=\"col\">goodput, requests/s</th>"
      "<th scope=\"col\">pod-seconds</th><th scope=\"col\">p99, ms</th></tr></thead><tbody>\n",
      simulate::kChartStyle);
  for (const Row& row : rows) {
    out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{:.1f}</td><td>{:.0f}</td><td>{:.0f}</td></tr>\n",
                       EscapeHtml(row.name), row.outcome.violated_seconds, Goodput(row, duration),
                       row.outcome.pod_seconds, row.p99_ms);
  }
  out +=
      "</tbody></table></div>\n<p>A second is violated when less than 95 % of the first attempts offered in it were "
      "answered 2xx within 250 ms. Goodput counts those that were. p99 is of what was answered, from when the request "
      "was due.</p>\n<h2>Requests offered a second</h2>\n";
  if (!rows.empty()) out += simulate::LoadChart(0, duration, rows.front().outcome.seconds);
  int id = 0;
  for (const Row& row : rows) {
    out +=
        fmt::format("<h2>{}</h2>\n<p>{} Line: replicas ordered. Area: Ready. Bars at the top: seconds violated.</p>\n",
                    EscapeHtml(row.name), EscapeHtml(row.what));
    out += simulate::ReplicasChart(++id, duration, {row.name, row.outcome}, MostPods(rows));
  }
  return out + "</main></body></html>\n";
}

std::string DemoPicture(seconds duration, const std::vector<Row>& rows) {
  constexpr int kWidth = 400, kTitle = 16, kEach = 130;
  const int height = kEach * (static_cast<int>(rows.size()) + 1) + 4;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{2}\" height=\"{3}\" role=\"img\" "
      "aria-label=\"The same load, three ways: requests offered, and replicas of each\">\n<style>{4}\n"
      "svg svg {{ width: auto; }} .head {{ font: 600 11px system-ui, sans-serif; }}</style>\n"
      "<rect width=\"{0}\" height=\"{1}\" style=\"fill: var(--paper)\"/>\n",
      kWidth, height, 2 * kWidth, 2 * height, simulate::kChartStyle);
  int y = 0;
  const auto add = [&](const std::string& title, std::string chart) {
    out += fmt::format("<text class=\"head\" x=\"4\" y=\"{}\">{}</text>\n", y + 12, EscapeHtml(title));
    chart.insert(4, fmt::format(" x=\"0\" y=\"{}\" width=\"{}\" height=\"110\"", y + kTitle, kWidth));
    out += chart;
    y += kEach;
  };
  if (!rows.empty()) add("Requests offered a second", simulate::LoadChart(0, duration, rows.front().outcome.seconds));
  int id = 0;
  for (const Row& row : rows) {
    add(fmt::format("{}: {} s violated, {:.0f} good/s, {:.0f} pod-seconds", row.name, row.outcome.violated_seconds,
                    Goodput(row, duration), row.outcome.pod_seconds),
        simulate::ReplicasChart(++id, duration, {row.name, row.outcome}, MostPods(rows)));
  }
  return out + "</svg>\n";
}

std::string WrongClaims(const std::vector<Row>& rows) {
  const Row *fixed = Find(rows, "fixed fleet"), *scaling = Find(rows, "scaling only"),
            *governor = Find(rows, "governor");
  if (fixed == nullptr || scaling == nullptr || governor == nullptr) return "a row is missing";
  std::string wrong;
  const auto claim = [&](bool holds, const char* what) {
    if (!holds) wrong += std::string(wrong.empty() ? "" : "; ") + what;
  };
  claim(governor->outcome.violated_seconds < scaling->outcome.violated_seconds,
        "the governor has no fewer violated seconds than scaling only");
  claim(governor->outcome.good > scaling->outcome.good, "the governor has no more goodput than scaling only");
  claim(governor->outcome.pod_seconds < fixed->outcome.pod_seconds,
        "the governor has no fewer pod-seconds than the fixed fleet");
  return wrong;
}

Difference Compare(const Agreement& agreement) {
  Difference out;
  double mean = 0;
  const size_t seconds = agreement.real.seconds.size();
  for (size_t i = 0; i < seconds; ++i) {
    const double simulated = MeanOrdered(agreement.simulated, i);
    mean += simulated;
    out.replicas += std::abs(agreement.real.seconds[i].ordered - simulated);
  }
  mean /= static_cast<double>(seconds);
  out.replicas /= static_cast<double>(seconds);
  out.replicas_bound = std::max(1.0, 0.2 * mean);
  out.simulated_violated = MeanViolated(agreement.simulated);
  out.violated = std::abs(agreement.real.violated_seconds - out.simulated_violated);
  out.violated_bound = 4 + 0.2 * out.simulated_violated;
  return out;
}

std::string AgreementReport(const std::vector<Agreement>& agreements) {
  std::string out =
      "| trace | replicas: mean error (bound) | violated s, real | simulated | difference (bound) | |\n"
      "|---|---|---|---|---|---|\n";
  for (const Agreement& agreement : agreements) {
    const Difference d = Compare(agreement);
    out += fmt::format("| {} | {:.2f} ({:.2f}) | {} | {:.1f} | {:.1f} ({:.1f}) | {} |\n", agreement.trace, d.replicas,
                       d.replicas_bound, agreement.real.violated_seconds, d.simulated_violated, d.violated,
                       d.violated_bound, d.Holds() ? "holds" : "**differs**");
  }
  out += "\nReplicas ordered each 10 s, real / mean of the simulated runs:\n\n";
  for (const Agreement& agreement : agreements) {
    out += fmt::format("- {}:", agreement.trace);
    for (size_t i = 0; i < agreement.real.seconds.size(); i += 10) {
      out += fmt::format(" {}/{:.3g}", agreement.real.seconds[i].ordered, MeanOrdered(agreement.simulated, i));
    }
    out += fmt::format("\n  seconds violated, real: {}; in the first simulated run: {}\n",
                       ViolatedSeconds(agreement.real), ViolatedSeconds(agreement.simulated.front()));
  }
  return out;
}

}  // namespace flyball::demo
