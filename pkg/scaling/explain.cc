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

std::string Resource(const Signal& s) {
  if (s.name == "executor") return fmt::format("{} executor workers", Number(s.resource));
  if (s.name == "reactor") return fmt::format("{} reactor threads", Number(s.resource));
  if (s.name == "cpu" || s.name == "cpu-target") return fmt::format("{} cores", Number(s.resource));
  return fmt::format("{} requests/s", Number(s.resource));
}

std::string Work(const Signal& s) {
  if (s.name == "demand") return fmt::format("{} requests/s", Number(s.work));
  return fmt::format("{:.2f} {}", s.work, s.name == "cpu" || s.name == "cpu-target" ? "busy cores" : "busy threads");
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
  out += fmt::format("Load: {} requests/s arrived, {} of them new demand ({} retries); {} answered",
                     Number(e.arrivals_rps), Number(e.demand_rps), Number(e.retries_rps), Number(e.admitted_rps));
  out += fmt::format(", {:.1f} % shed for lack of capacity, {:.1f} % late; p50 {:.1f} ms, p99 {:.1f} ms.\n",
                     e.shed_share * 100, e.late_share * 100, e.p50_seconds * 1e3, e.p99_seconds * 1e3);
  out += fmt::format(
      "Use: workers {:.0f} %, reactors {:.0f} %, CPU {:.0f} % busy; a request takes {:.2f} ms of a worker and "
      "is held to cost {:.2f} ms; it waits {:.2f} ms.\n",
      e.utilization * 100, e.utilization_reactor * 100, e.utilization_cpu * 100, e.service_seconds * 1e3,
      e.price_seconds * 1e3, e.queue_seconds * 1e3);
}

void AppendSignal(std::string& out, const Signal& s) {
  if (s.name == "probe") {
    out += fmt::format("  probe: service times rose; {} replicas are tried to see whether throughput follows\n", s.raw);
    return;
  }
  if (ByRatio(s)) {
    const char* unit = s.name == "latency" ? " s" : "";
    out += fmt::format("  {}: {:.4g}{} / {:.4g}{} a pod = {:.2f} pods, so {}{}\n", s.name, s.work, unit, s.resource,
                       unit, s.fractional, s.raw, s.raw == s.current ? " (within the tolerance of 10 %)" : "");
    return;
  }
  out += fmt::format("  {}: {}", s.name, Work(s));
  if (s.headroom > 1.0005) out += fmt::format(" x {:.2f} headroom", s.headroom);
  if (s.trend > 0) out += fmt::format(" x {:.2f} trend", 1 + s.trend);
  out += fmt::format(" / ({} x {:.0f} %) = {:.2f} pods, so {}\n", Resource(s), s.target * 100, s.fractional, s.raw);
}

void AppendLimits(std::string& out, const Decision& d) {
  const Allocation& a = d.allocation;
  if (a.ceiling_rps) {
    const AllocationInputs& in = d.allocation_inputs;
    out += fmt::format("Limits: {} requests/s", Number(*a.ceiling_rps));
    if (in.knee_rps > 0) {
      out += ", the throughput beyond which something shared gets slow";
    } else {
      out += fmt::format(" = {:.1f} x {} a pod x {} Ready", in.ceiling_factor, Number(in.capacity_per_pod), in.ready);
    }
    out += fmt::format("; critical {}, normal {}, sheddable {}.", Number(a.rates[0]), Number(a.rates[1]),
                       Number(a.rates[2]));
  } else {
    out += "Limits: no fleet ceiling.";
  }
  out += fmt::format(" Adaptive quotas x {:.2f}.\n", a.quota_factor);
}

}  // namespace

std::string Sentence(const Decision& d) {
  std::string text;
  if (d.signals.empty()) {
    text = "no metrics to judge by";
  } else {
    const Signal& s = d.signals.front();
    if (ByRatio(s)) {
      text = fmt::format("{} of {:.4g} needs {:.1f} pods at {:.4g} a pod, so {}", s.name, s.work, s.fractional,
                         s.resource, s.raw);
    } else {
      text = fmt::format("load of {} requests/s needs {:.1f} pods at {:.0f} % ({}), so {}",
                         Number(d.estimates.demand_rps), s.fractional, s.target * 100, s.name, s.raw);
    }
  }
  if (const Step* step = LastThatMattered(d)) text += fmt::format("; {}: {}", step->rule, step->reason);
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
  if (!d.signals.empty()) out += "Needed:\n";
  for (const Signal& signal : d.signals) AppendSignal(out, signal);
  out += "Rules:\n";
  for (const Step& step : d.steps) {
    if (step.before != step.after) {
      out += fmt::format("  {}: {} -> {}, {}\n", step.rule, step.before, step.after, step.reason);
    }
  }
  out += fmt::format("  result: {}{}\n", d.desired, d.act ? "" : " (not applied: observing only)");
  AppendLimits(out, d);
  for (const Condition& c : d.conditions) out += fmt::format("Condition {}/{}: {}.\n", c.type, c.reason, c.message);
  return out;
}

}  // namespace flyball::scaling
