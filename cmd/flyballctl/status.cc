// flyballctl status: the fleet, its load, its limits and the last decision.
#include <signal.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cmd/flags/command_line.h"
#include "cmd/flyballctl/commands.h"
#include "cmd/flyballctl/output.h"
#include "cmd/flyballctl/refusal.h"
#include "cmd/flyballctl/running_fleet.h"

namespace flyball::ctl {
namespace {

using nlohmann::json;

struct Flags {
  std::string data = ".flyball";
  std::string output = "text";
  bool watch = false;
};

// A number of `from`, or 0 when it is absent or null: an autoscaler that has just started knows little.
double Get(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_number() ? found->get<double>() : 0;
}

std::string GetText(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_string() ? found->get<std::string>() : "";
}

const json& GetObject(const json& from, const char* name) {
  static const json kEmpty = json::object();
  const auto found = from.find(name);
  return found != from.end() && found->is_object() ? *found : kEmpty;
}

std::string Scalar(const json& pod, const char* name) {
  const auto found = pod.find(name);
  if (found == pod.end() || found->is_null() || *found == 0) return "-";  // no process yet, not Ready yet
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f %%", share * 100);
  return text;
}

std::string Line(const char* name, const std::string& text) {
  char label[32];
  std::snprintf(label, sizeof(label), "  %-12s", name);
  return Paint(Tone::kDim, label) + text + "\n";
}

std::string Pods(const json& status) {
  std::vector<std::vector<std::string>> rows{{"POD", "PID", "STATE", "ADMIN"}};
  const auto pods = status.find("pods");
  if (pods != status.end() && pods->is_array()) {
    for (const json& pod : *pods)
      rows.push_back({Scalar(pod, "name"), Scalar(pod, "pid"), pod.value("ready", false) ? "ready" : "not ready",
                      Scalar(pod, "admin")});
  }
  return rows.size() == 1 ? "No pod is running.\n" : Table(rows);
}

std::string LastDecision(const json& decision) {
  const double before = Get(decision, "ordered"), after = Get(decision, "desired");
  std::string text = GetText(decision, "at") + "  ";
  text += before == after ? "stays at " + Number(after) : Number(before) + " -> " + Number(after);
  return text + ": " + GetText(decision, "reason");
}

std::string Governor(const json& governor) {
  const json& replicas = GetObject(governor, "replicas");
  const json& rates = GetObject(governor, "rates");
  const double ready = Get(replicas, "ready"), desired = Get(replicas, "desired"), shed = Get(governor, "shedShare");
  std::string out = Paint(Tone::kBold, "Governor " + GetText(governor, "name")) + " (" + GetText(governor, "mode") +
                    (governor.value("paused", false) ? ", paused" : "") + ")\n";
  out += Line("replicas", Paint(ready < desired ? Tone::kWarn : Tone::kGood, Number(ready) + " ready") + " of " +
                              Number(desired) + " desired; the load asks for " + Number(Get(replicas, "raw")) +
                              ", between " + Number(Get(replicas, "min")) + " and " + Number(Get(replicas, "max")) +
                              " are allowed");
  out +=
      Line("load", Number(Get(governor, "demandRps")) + " requests/s wanted, " + Number(Get(governor, "admittedRps")) +
                       " answered, " + Paint(shed > 0.01 ? Tone::kBad : Tone::kPlain, Percent(shed) + " shed"));
  if (Get(governor, "admittedRps") > 0 && governor.contains("p99Ms"))
    out += Line("latency", "p50 " + Number(Get(governor, "p50Ms")) + " ms, p99 " + Number(Get(governor, "p99Ms")) +
                               " ms; the objective is " + Number(Get(governor, "sloLatencyMs")) + " ms");
  const double capacity = Get(governor, "capacityPerPodRps");
  out += Line("capacity", capacity == 0 ? "not known yet: it shows under load"
                                        : Number(capacity) + " requests/s a pod, of which " +
                                              Percent(Get(governor, "targetUtilization")) + " are planned with");
  out +=
      Line("limits", !rates.contains("normal") || rates["normal"].is_null()
                         ? "none on the fleet yet"
                         : "critical " + Number(Get(rates, "critical")) + ", normal " + Number(Get(rates, "normal")) +
                               ", sheddable " + Number(Get(rates, "sheddable")) + " requests/s");
  if (const auto conditions = governor.find("conditions"); conditions != governor.end() && conditions->is_array()) {
    for (const json& condition : *conditions)
      out += Line("condition", Paint(Tone::kWarn, GetText(condition, "type") + "/" + GetText(condition, "reason")) +
                                   ": " + GetText(condition, "message"));
  }
  const json& errors = GetObject(governor, "scrapeErrors");
  for (const auto& [pod, message] : errors.items())
    out += Line("not scraped", pod + ": " + (message.is_string() ? message.get<std::string>() : message.dump()));
  if (const json& decision = GetObject(governor, "lastDecision"); !decision.empty())
    out += Line("decided", LastDecision(decision));
  return out;
}

std::string Describe(const local::RunFile& fleet, const json& status) {
  std::string out = Paint(Tone::kBold, fleet.app.empty() ? "Fleet" : "App " + fleet.app) + "  " + fleet.api +
                    fleet.base + "  (console " + fleet.console + ")\n\n" + Pods(status);
  const json& documents = GetObject(status, "documents");
  if (const std::string state = GetText(documents, "state"); state == "rejected") {
    out +=
        "\n" + Paint(Tone::kWarn, "The saved documents are not those that run: ") + GetText(documents, "reason") + "\n";
  } else if (state == "rolling out") {
    out += "\nA saved change is on its way to the pods.\n";
  }
  if (const auto governors = status.find("governors"); governors != status.end() && governors->is_array()) {
    for (const json& governor : *governors) {
      if (governor.is_object()) out += "\n" + Governor(governor);
    }
  }
  return out;
}

int Show(const Flags& flags, bool redraw) {
  const auto fleet = FindFleet(flags.data);
  if (!fleet) return Failed("status", fleet.error().message);
  const auto body = AskConsole(*fleet, "/api/status");
  if (!body) return Failed("status", body.error().message);
  const json status = json::parse(*body, nullptr, false);
  if (!status.is_object()) return Failed("status", "the console did not answer with a JSON object");
  if (redraw) std::fputs("\x1b[H\x1b[J", stdout);
  if (const Format format = FormatOf(flags.output); format != Format::kText) {
    PrintStructured(*body, format);
  } else {
    std::fputs(Describe(*fleet, status).c_str(), stdout);
  }
  std::fflush(stdout);
  return flags::kFine;
}

int Status(const Flags& flags) {
  if (!flags.watch) return Show(flags, false);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const timespec second{1, 0};
  while (true) {
    if (const int shown = Show(flags, OnTerminal()); shown != flags::kFine) return shown;
    if (sigtimedwait(&signals, nullptr, &second) > 0) return flags::kFine;
    if (!OnTerminal()) std::fputs("\n", stdout);
  }
}

}  // namespace

void AddStatus(flags::CommandLine& line) {
  const auto flags = std::make_shared<Flags>();
  flags::Command& status = line.Add("status", "Show the fleet, its load, its limits and the last decision.");
  status.Option("--data", &flags->data, "data folder of the fleet");
  status.Flag("-w,--watch", &flags->watch, "go on, once a second, until Ctrl-C");
  OutputOption(status, &flags->output);
  status.Runs([flags] { return Status(*flags); });
}

}  // namespace flyball::ctl
