#include "pkg/service/local/console_answers.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "pkg/base/html.h"
#include "pkg/base/json_writer.h"
#include "pkg/base/time_format.h"

namespace flyball::local {
namespace {

constexpr std::string_view kPageHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Flyball console</title>
<link rel="stylesheet" href="console.css">
</head>
<body>
<main>
)";

void NumberOrNull(JsonWriter& json, int number) {
  if (number == 0) {
    json.Null();
  } else {
    json.Value(number);
  }
}

void TimeOrNull(JsonWriter& json, const std::optional<WallTime>& time) {
  if (time) {
    json.Value(FormatRfc3339(*time));
  } else {
    json.Null();
  }
}

void Identity(JsonWriter& json, const PodView& pod) {
  json.Key("name"), json.Value(pod.name);
  json.Key("pid"), NumberOrNull(json, pod.pid);
  json.Key("ready"), json.Value(pod.state == PodState::kReady);
  json.Key("admin"), NumberOrNull(json, pod.admin_port);
}

int CountPods(const FleetView& view, std::string_view state) {
  int count = 0;
  for (const PodView& pod : view.pods) count += state == Name(pod.state);
  return count;
}

void Metric(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out.append(name).append(" ").append(type).append("\n");
}

void Sample(std::string& out, std::string_view name, std::string_view labels, uint64_t value) {
  out.append(name).append(labels).append(" ").append(std::to_string(value)).append("\n");
}

void Row(std::string& out, std::string_view name, std::string_view value) {
  out += "<tr><th scope=\"row\">" + EscapeHtml(name) + "</th><td>" + EscapeHtml(value) + "</td></tr>\n";
}

// Out of a governor's status, whatever it holds: 0, "" and an empty object for what is absent or of another type.
using Status = nlohmann::ordered_json;

const Status& Part(const Status& status, const char* name) {
  static const Status kEmpty = Status::object();
  const auto found = status.find(name);
  return found != status.end() && found->is_object() ? *found : kEmpty;
}

double Figure(const Status& status, const char* name) {
  const auto found = status.find(name);
  return found != status.end() && found->is_number() ? found->get<double>() : 0;
}

std::string Words(const Status& status, const char* name) {
  const auto found = status.find(name);
  return found != status.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string Number(double number) {
  char text[32];
  std::snprintf(text, sizeof text, std::abs(number) < 100 ? "%.3g" : "%.0f", number);
  return text;
}

// The same facts as `flyballctl status` gives, in the same words.
void GovernorSection(std::string& out, const Status& status) {
  if (!status.is_object()) return;
  const Status &replicas = Part(status, "replicas"), &rates = Part(status, "rates");
  const auto number = [](const Status& of, const char* name) { return Number(Figure(of, name)); };
  out += "<h2>Governor " + EscapeHtml(Words(status, "name")) + "</h2>\n<table>\n";
  Row(out, "Mode", Words(status, "mode") + (status.value("paused", Status()) == true ? ", paused" : ""));
  Row(out, "Replicas",
      number(replicas, "ready") + " ready of " + number(replicas, "desired") + " desired; the load asks for " +
          number(replicas, "raw") + ", between " + number(replicas, "min") + " and " + number(replicas, "max") +
          " are allowed");
  Row(out, "Load",
      number(status, "demandRps") + " requests/s wanted, " + number(status, "admittedRps") + " answered, " +
          Number(100 * Figure(status, "shedShare")) + " % shed");
  if (Figure(status, "admittedRps") > 0) {
    Row(out, "Latency",
        "p50 " + number(status, "p50Ms") + " ms, p99 " + number(status, "p99Ms") + " ms; the objective is " +
            number(status, "sloLatencyMs") + " ms");
  }
  Row(out, "Capacity",
      Figure(status, "capacityPerPodRps") == 0
          ? "not known yet: it shows under load"
          : number(status, "capacityPerPodRps") + " requests/s a pod, of which " +
                Number(100 * Figure(status, "targetUtilization")) + " % are planned with");
  Row(out, "Limits",
      rates.value("normal", Status()).is_null()
          ? "none on the fleet yet"
          : "critical " + number(rates, "critical") + ", normal " + number(rates, "normal") + ", sheddable " +
                number(rates, "sheddable") + " requests/s");
  Row(out, "Quotas", "adaptive ones x " + number(status, "quotaFactor"));
  for (const Status& condition : status.value("conditions", Status::array())) {
    if (!condition.is_object()) continue;
    Row(out, "Condition", Words(condition, "reason") + ": " + Words(condition, "message"));
  }
  for (const auto& [pod, connections] : Part(status, "connections").items()) {
    Row(out, "Connections of " + pod, connections.dump());
  }
  const Status& decision = Part(status, "lastDecision");
  if (!decision.empty()) Row(out, "Decided", Words(decision, "at") + " " + Words(decision, "reason"));
  out += "</table>\n";
}

void PodTable(std::string& out, const FleetView& view) {
  out +=
      "<h2>Pods</h2>\n<table>\n<thead><tr><th scope=\"col\">Pod</th><th scope=\"col\">State</th><th scope=\"col\">"
      "Process</th><th scope=\"col\">Restarts</th></tr></thead>\n<tbody>\n";
  for (const PodView& pod : view.pods) {
    out += "<tr><th scope=\"row\">" + EscapeHtml(pod.name) + "</th><td>" + Name(pod.state) + "</td><td>" +
           (pod.pid == 0 ? "-" : std::to_string(pod.pid)) + "</td><td>" + std::to_string(pod.restarts) + "</td></tr>\n";
  }
  out += "</tbody>\n</table>\n";
}

}  // namespace

std::string PodsJson(const FleetView& view) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  json.Key("desired"), json.Value(view.desired);
  json.Key("pods"), json.BeginArray();
  for (const PodView& pod : view.pods) {
    json.BeginObject();
    Identity(json, pod);
    json.Key("orderedAt"), json.Value(FormatRfc3339(pod.ordered_at));
    json.Key("startedAt"), TimeOrNull(json, pod.started_at);
    json.Key("readyAt"), TimeOrNull(json, pod.ready_at);
    json.Key("restarts"), json.Value(pod.restarts);
    json.Key("state"), json.Value(Name(pod.state));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return text;
}

std::string StatusJson(const FleetView& view, const std::string& statuses) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  json.Key("pods"), json.BeginArray();
  for (const PodView& pod : view.pods) {
    json.BeginObject();
    Identity(json, pod);
    json.EndObject();
  }
  json.EndArray();
  json.Key("governors"), json.Raw(statuses);
  json.Key("documents"), json.BeginObject();
  json.Key("state"), json.Value(view.rolling_out ? "rolling out" : view.rejected.empty() ? "running" : "rejected");
  json.Key("reason"), view.rejected.empty() ? json.Null() : json.Value(view.rejected);
  json.EndObject();
  json.EndObject();
  return text;
}

std::string MetricsText(const FleetView& view) {
  std::string out;
  Metric(out, "flyball_fleet_desired_replicas", "gauge", "Pods wanted.");
  Sample(out, "flyball_fleet_desired_replicas", "", static_cast<uint64_t>(view.desired));
  Metric(out, "flyball_fleet_pods", "gauge", "Pods by state.");
  for (const std::string_view state : {"starting", "ready", "draining"}) {
    Sample(out, "flyball_fleet_pods", "{state=\"" + std::string(state) + "\"}",
           static_cast<uint64_t>(CountPods(view, state)));
  }
  Metric(out, "flyball_fleet_pod_deaths_total", "counter", "Pods that ended without being told to.");
  Sample(out, "flyball_fleet_pod_deaths_total", "", view.pod_deaths);
  Metric(out, "flyball_fleet_reloads_total", "counter", "Times changed documents were put to work.");
  Sample(out, "flyball_fleet_reloads_total", "", view.reloads);
  Metric(out, "flyball_fleet_change_rejected", "gauge", "1 while the saved documents are not those that run.");
  Sample(out, "flyball_fleet_change_rejected", "", view.rejected.empty() ? 0 : 1);
  Metric(out, "flyball_fleet_autoscaler_up", "gauge", "1 while flyball-autoscaler runs.");
  Sample(out, "flyball_fleet_autoscaler_up", "", view.autoscaler_running ? 1 : 0);
  if (view.redis_up) {
    Metric(out, "flyball_fleet_redis_up", "gauge", "1 while the private redis-server answers.");
    Sample(out, "flyball_fleet_redis_up", "", *view.redis_up ? 1 : 0);
    Metric(out, "flyball_fleet_redis_restarts_total", "counter", "Times the private redis-server was started again.");
    Sample(out, "flyball_fleet_redis_restarts_total", "", view.redis_restarts);
  }
  return out;
}

std::string StatusPage(const FleetView& view, const std::string& statuses) {
  std::string out(kPageHead);
  out += "<h1>" + EscapeHtml(view.app.empty() ? "Flyball" : view.app) + "</h1>\n<table>\n";
  Row(out, "API", view.api_url);
  Row(out, "Pods",
      std::to_string(CountPods(view, "ready")) + " Ready of " + std::to_string(view.desired) + " wanted (" +
          std::to_string(view.bounds.min) + " to " + std::to_string(view.bounds.max) + ")");
  if (view.redis_up) Row(out, "Redis", *view.redis_up ? "up" : "down");
  Row(out, "Autoscaler", view.autoscaler_running ? "running" : "not running");
  if (view.draining) Row(out, "State", "stopping");
  if (view.rolling_out) Row(out, "Documents", "a change is on its way to the pods");
  if (!view.rejected.empty()) Row(out, "Documents", "the saved change does not run: " + view.rejected);
  out += "</table>\n";
  PodTable(out, view);
  const auto governors = nlohmann::ordered_json::parse(statuses, nullptr, false);
  if (governors.is_array()) {
    for (const auto& governor : governors) GovernorSection(out, governor);
  }
  out += "<p><a href=\"\">Refresh</a></p>\n</main>\n</body>\n</html>\n";
  return out;
}

std::string ProblemJson(int status, std::string_view title, std::string_view detail) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  json.Key("type"), json.Value("about:blank");
  json.Key("title"), json.Value(title);
  json.Key("status"), json.Value(status);
  json.Key("detail"), json.Value(detail);
  json.EndObject();
  return text;
}

}  // namespace flyball::local
