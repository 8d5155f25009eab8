#include <fmt/format.h>

#include <cmath>
#include <string>

#include "pkg/scaling/decision.h"

namespace flyball::scaling {
namespace {

// 1980.4 -> "1,980"; below 10 with one decimal.
std::string Number(double value) {
  if (std::abs(value) < 10) return fmt::format("{:.1f}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (digits[0] == '-' ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

// What a signal is called in words: "workers", "network threads", "CPU", "lag".
std::string Name(const Signal& s) {
  if (s.name == "executor") return "workers";
  if (s.name == "reactor") return "network threads";
  if (s.name == "cpu") return "CPU";
  if (s.name == "cpu-target") return "the CPU target";
  if (s.name.starts_with("external/")) return s.name.substr(9);
  return s.name;
}

std::string Mebibytes(double bytes) { return Number(bytes / (1 << 20)) + " MiB"; }

bool ByCpu(const Signal& s) { return s.name == "cpu" || s.name == "cpu-target"; }

std::string Resource(const Signal& s) {
  if (s.name == "memory") return Mebibytes(s.resource) + " a pod";
  if (s.name == "executor") return fmt::format("{} workers a pod", Number(s.resource));
  if (s.name == "reactor") return fmt::format("{} threads a pod", Number(s.resource));
  if (ByCpu(s)) return fmt::format("{} cores a pod", Number(s.resource));
  return fmt::format("{} requests/s a pod", Number(s.resource));
}

std::string Work(const Signal& s, const Estimates& e) {
  if (s.name == "demand") return fmt::format("{} requests/s", Number(s.work));
  if (s.name == "memory") return Mebibytes(s.work) + " in use";
  if (s.name == "executor" && e.price_seconds > 0) {
    return fmt::format("{} requests/s x {:.2f} ms = {:.2f} workers kept busy", Number(e.demand_rps),
                       e.price_seconds * 1e3, s.work);
  }
  return fmt::format("{:.2f} {} kept busy", s.work, ByCpu(s) ? "cores" : s.name == "executor" ? "workers" : "threads");
}

bool ByRatio(const Signal& s) { return s.name == "latency" || s.name.starts_with("external/"); }

const Step* LastThatMattered(const Decision& d) {
  const Step* last = nullptr;
  for (const Step& step : d.steps) {
    if (step.before != step.after && step.rule != "signals") last = &step;
  }
  return last;
}

void AppendLoad(std::string& out, const Decision& d) {
  const Estimates& e = d.estimates;
  out += fmt::format("Load: {} requests/s came, of which {} are new", Number(e.arrivals_rps), Number(e.demand_rps));
  if (e.retries_rps >= 0.05) out += fmt::format(" and {} repeat one that was refused", Number(e.retries_rps));
  out += fmt::format(".\nAnswers: {} a second", Number(e.admitted_rps));
  if (e.admitted_rps > 0) {
    out +=
        fmt::format(", half within {:.1f} ms, 99 % within {:.1f} ms, {:.1f} % slower than the objective of {:.4g} ms",
                    e.p50_seconds * 1e3, e.p99_seconds * 1e3, e.late_share * 100, e.objective_seconds * 1e3);
  }
  out += fmt::format("; {:.1f} % of what came was refused for lack of capacity.\n", e.shed_share * 100);
  out += fmt::format("Pods: workers {:.0f} % busy, network threads {:.0f} %, CPU {:.0f} %.", e.utilization * 100,
                     e.utilization_reactor * 100, e.utilization_cpu * 100);
  if (e.service_seconds > 0) {
    out +=
        fmt::format(" A request waits {:.2f} ms for a worker and keeps it {:.2f} ms; the plan is made with {:.2f} ms.",
                    e.queue_seconds * 1e3, e.service_seconds * 1e3, e.price_seconds * 1e3);
  }
  out += "\n";
}

// Not only the number: where it comes from.
void AppendSignal(std::string& out, const Signal& s, const Estimates& e) {
  if (s.name == "probe") {
    out += fmt::format("  a trial: requests take longer; {} pods are tried to see whether more get answered\n", s.raw);
    return;
  }
  if (ByRatio(s)) {
    const char* unit = s.name == "latency" ? " s" : "";
    const char* over = s.name == "latency" ? " over all pods" : "";
    out +=
        fmt::format("  for {}: {:.4g}{}{} / {:.4g}{} a pod = {:.2f} pods, so {}{}\n", Name(s), s.work, unit, over,
                    s.resource, unit, s.fractional, s.raw, s.raw == s.current ? " (within the tolerance of 10 %)" : "");
    return;
  }
  out += fmt::format("  for {}: {}", Name(s), Work(s, e));
  if (s.headroom > 1.0005)
    out += fmt::format(" x {:.2f} headroom, as too many were late or refused before", s.headroom);
  if (s.trend > 0) out += fmt::format(" x {:.2f}, as the load is rising and pods take time to start", 1 + s.trend);
  out += fmt::format(" / ({}, planned {:.0f} % busy) = {:.2f} pods, so {}\n", Resource(s), s.target * 100, s.fractional,
                     s.raw);
}

void AppendRules(std::string& out, const Decision& d) {
  std::string rules;
  for (const Step& step : d.steps) {
    if (step.before == step.after) continue;
    rules += fmt::format("  {} -> {}: {}{}\n", step.before, step.after, step.reason,
                         step.rule == "signals" ? "" : fmt::format(" ({})", step.rule));
  }
  if (!rules.empty()) out += "Replicas, rule by rule:\n" + rules;
  if (!d.act) out += fmt::format("Not applied: {} stays, the governor only observes here.\n", d.ordered);
}

void AppendLimits(std::string& out, const Decision& d) {
  const Allocation& a = d.allocation;
  if (a.ceiling_rps) {
    const AllocationInputs& in = d.allocation_inputs;
    out += fmt::format("Limits from now on: at most {} requests/s are let in", Number(*a.ceiling_rps));
    if (in.knee_rps > 0) {
      out += ", the throughput beyond which something shared gets slow";
    } else {
      out += fmt::format(", {:.1f} times what {} Ready pods carry at {} each with all workers busy", in.ceiling_factor,
                         in.ready, Number(in.capacity_per_pod));
    }
    out += fmt::format("; by class: critical {}, normal {}, sheddable {}.", Number(a.rates[0]), Number(a.rates[1]),
                       Number(a.rates[2]));
  } else {
    out += "Limits: the fleet as a whole has none.";
  }
  if (a.quota_factor < 1)
    out += fmt::format(" Clients with an adaptive quota get {:.0f} % of it.", a.quota_factor * 100);
  out += "\n";
}

}  // namespace

std::string Sentence(const Decision& d) {
  std::string text;
  if (d.signals.empty()) {
    text = "no metrics to judge by";
  } else {
    const Signal& s = d.signals.front();
    if (ByRatio(s)) {
      text = s.name == "latency" ? fmt::format("latency at its target of {:.4g} s asks for {:.1f} pods, so {}",
                                               s.resource, s.fractional, s.raw)
                                 : fmt::format("{} of {:.4g} needs {:.1f} pods at {:.4g} a pod, so {}", Name(s), s.work,
                                               s.fractional, s.resource, s.raw);
    } else if (s.name == "memory") {
      text = fmt::format("{} of memory in use need {:.1f} pods with {:.0f} % of {} each, so {}", Mebibytes(s.work),
                         s.fractional, s.target * 100, Mebibytes(s.resource), s.raw);
    } else {
      text = fmt::format("{} requests/s need {:.1f} pods with {} {:.0f} % busy, so {}", Number(d.estimates.demand_rps),
                         s.fractional, s.name == "demand" ? "each" : Name(s), s.target * 100, s.raw);
    }
  }
  if (const Step* step = LastThatMattered(d)) text += fmt::format("; but {} ({})", step->reason, step->rule);
  if (!d.act) text += "; not applied";
  return text;
}

std::string Explain(const Decision& d) {
  std::string out;
  if (d.desired == d.ordered) {
    out = fmt::format("{}: stays at {} replicas ({} Ready)", d.governor, d.ordered, d.constraint_inputs.ready);
  } else {
    out = fmt::format("{}: {} -> {} replicas ({} Ready)", d.governor, d.ordered, d.desired, d.constraint_inputs.ready);
  }
  out += fmt::format(": {}.\n", d.reason);
  AppendLoad(out, d);
  if (!d.signals.empty()) {
    out += fmt::format("Pods needed, the most first ({} to {} are allowed):\n", d.constraint_inputs.min,
                       d.constraint_inputs.max);
  }
  for (const Signal& signal : d.signals) AppendSignal(out, signal, d.estimates);
  AppendRules(out, d);
  AppendLimits(out, d);
  for (const Condition& c : d.conditions) out += fmt::format("Condition {}/{}: {}.\n", c.type, c.reason, c.message);
  return out;
}

}  // namespace flyball::scaling
