#include "pkg/service/autoscaler/controller_metrics.h"

#include <charconv>

namespace flyball::service::autoscaler {
namespace {

std::string Number(double number) {
  char buffer[32];
  const auto written = std::to_chars(buffer, buffer + sizeof buffer, number);
  return std::string(buffer, written.ptr);
}

void Family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ");
  out.append(type).append("\n");
}

void Line(std::string& out, std::string_view name, const std::string& labels, double value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(Number(value)).append("\n");
}

}  // namespace

void ControllerMetrics::Wrote(std::string_view verb, std::string_view resource, bool good) {
  std::string labels = "verb=\"" + std::string(verb) + "\",resource=\"" + std::string(resource) + "\",result=\"" +
                       (good ? "success" : "error") + "\"";
  const std::lock_guard lock(mutex_);
  ++writes_[labels];
}

void ControllerMetrics::Ticked(const std::string& governor, const scaling::Decision& decision, size_t scrape_errors,
                               double seconds) {
  const std::lock_guard lock(mutex_);
  OfGovernor& numbers = governors_[governor];
  ++numbers.decisions;
  numbers.scrape_errors += scrape_errors;
  numbers.desired = decision.desired;
  numbers.demand_rps = decision.estimates.demand_rps;
  numbers.seconds += seconds;
}

void ControllerMetrics::Ordered(const std::string& governor, int from, int to) {
  const std::lock_guard lock(mutex_);
  ++(to > from ? governors_[governor].up : governors_[governor].down);
}

void ControllerMetrics::Forget(const std::string& governor) {
  const std::lock_guard lock(mutex_);
  governors_.erase(governor);
}

std::string ControllerMetrics::Render(const Now& now) const {
  std::string out;
  Family(out, "flyball_controller_leader", "gauge", "1 while this process leads.");
  Line(out, "flyball_controller_leader", "", now.leader ? 1 : 0);
  Family(out, "flyball_controller_epoch", "gauge", "The leadership's number; 0 without one.");
  Line(out, "flyball_controller_epoch", "", static_cast<double>(now.epoch));
  Family(out, "flyball_controller_reconciles_total", "counter", "Rounds of the operator.");
  Line(out, "flyball_controller_reconciles_total", "result=\"success\"",
       static_cast<double>(now.rounds - now.failures));
  Line(out, "flyball_controller_reconciles_total", "result=\"error\"", static_cast<double>(now.failures));
  Family(out, "flyball_controller_reconcile_seconds_total", "counter", "Time spent in them.");
  Line(out, "flyball_controller_reconcile_seconds_total", "", now.round_seconds);
  Family(out, "flyball_controller_queue_depth", "gauge", "Apps that wait for a round.");
  Line(out, "flyball_controller_queue_depth", "", static_cast<double>(now.queue_depth));
  const std::lock_guard lock(mutex_);
  Family(out, "flyball_controller_writes_total", "counter", "Writes sent to the API server.");
  for (const auto& [labels, count] : writes_)
    Line(out, "flyball_controller_writes_total", labels, static_cast<double>(count));
  const auto each = [&](const char* name, const char* type, const char* help, const auto& value) {
    Family(out, name, type, help);
    for (const auto& [governor, numbers] : governors_) Line(out, name, "governor=\"" + governor + "\"", value(numbers));
  };
  each("flyball_governor_decisions_total", "counter", "Ticks that decided.",
       [](const OfGovernor& numbers) { return static_cast<double>(numbers.decisions); });
  each("flyball_governor_scrape_errors_total", "counter", "Scrapes and queries that failed.",
       [](const OfGovernor& numbers) { return static_cast<double>(numbers.scrape_errors); });
  each("flyball_governor_tick_seconds_total", "counter", "Time spent in ticks.",
       [](const OfGovernor& numbers) { return numbers.seconds; });
  each("flyball_governor_desired_replicas", "gauge", "What the last decision wants.",
       [](const OfGovernor& numbers) { return static_cast<double>(numbers.desired); });
  each("flyball_governor_demand_rps", "gauge", "What it was decided on.",
       [](const OfGovernor& numbers) { return numbers.demand_rps; });
  Family(out, "flyball_governor_replicas_ordered_total", "counter", "Writes of replicas.");
  for (const auto& [governor, numbers] : governors_) {
    for (const auto& [direction, count] : {std::pair("up", numbers.up), std::pair("down", numbers.down)}) {
      Line(out, "flyball_governor_replicas_ordered_total",
           "governor=\"" + governor + "\",direction=\"" + direction + "\"", static_cast<double>(count));
    }
  }
  return out;
}

}  // namespace flyball::service::autoscaler
