#include "pkg/simulate/gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "pkg/base/check.h"
#include "pkg/base/random.h"
#include "pkg/simulate/contender.h"
#include "pkg/simulate/governed.h"

namespace flyball::simulate {
namespace {

constexpr int kMin = 2, kMax = 60, kStartPods = 3;
constexpr double kRho = 0.8;
constexpr int kResamples = 500;
constexpr double kStepBegin = 120, kStepEnd = 130;  // of the flash trace
const char* const kReferences[] = {"hpa", "cpu+rate", "keda", "kpa", "kpa-120s"};

const std::vector<std::string> kHeldOut{"double-flash", "noisy-day", "stairs", "slow-recovery"};

FleetOptions Fleet(const MatrixCell& cell, bool limiter) {
  FleetOptions options;
  options.pods = kStartPods;
  options.startup = seconds(cell.startup);
  options.service = cell.service;
  options.limiter = limiter;
  options.seed = cell.seed;
  return options;
}

spec::Governor Document(int startup) {
  spec::Governor document;
  document.name = "gates";
  document.replicas = {.min = kMin, .max = kMax, .startup = seconds(startup)};
  document.target_utilization = kRho;
  return document;
}

// The governor, and when its estimate of the load was right for the first time after a step.
class Watched final : public Autoscaler {
 public:
  Watched(std::unique_ptr<Governed> inner, double needed_pods) : inner_(std::move(inner)), needed_(needed_pods) {}
  std::string_view name() const override { return inner_->name(); }
  std::optional<scaling::Allocation> Limits() const override { return inner_->Limits(); }
  int Decide(const FleetSight& sight, SteadyTime now) override {
    const int desired = inner_->Decide(sight, now);
    const double since = ToSeconds(now - kSimulationStart) - kStepEnd;
    if (since <= 0 || right_after_ > 0 || inner_->last().signals.empty()) return desired;
    ++ticks_;
    const scaling::Signal& signal = inner_->last().signals.front();
    if (std::abs(signal.fractional / signal.headroom / needed_ - 1) <= 0.1) right_after_ = ticks_;
    return desired;
  }
  double right_after() const { return right_after_ > 0 ? right_after_ : 1000; }

 private:
  std::unique_ptr<Governed> inner_;
  double needed_;
  int ticks_ = 0, right_after_ = 0;
};

double Recovery(const Outcome& outcome) {
  int good = 0;
  for (size_t i = static_cast<size_t>(kStepBegin); i < outcome.seconds.size(); ++i) {
    good = outcome.seconds[i].good >= 0.95 * outcome.seconds[i].offered ? good + 1 : 0;
    if (good == 10) return static_cast<double>(i) - 9 - kStepBegin;
  }
  return 1000;
}

Score Judge(const Outcome& outcome, const Trace& trace, double pod_rps) {
  Score score;
  score.pod_hours = outcome.PodHours();
  score.violated_seconds = outcome.violated_seconds;
  score.offered = outcome.offered;
  score.good = outcome.good;
  for (size_t i = 0; i < outcome.seconds.size(); ++i) {
    const Second& second = outcome.seconds[i];
    const double factor = trace.service_factor.knots.empty() ? 1 : trace.service_factor.At(static_cast<double>(i));
    const double database = trace.database.At(static_cast<double>(i));
    double fits = second.ready * pod_rps / factor;
    if (database > 0) fits = std::min(fits, database * 1000 / 20);  // connections, 20 ms each
    if (second.critical_offered > fits) continue;
    score.critical_offered += second.critical_offered;
    score.critical_served += std::min(second.critical_served, second.critical_offered);
  }
  return score;
}

std::vector<MatrixCell> Cells(int seeds, const std::vector<double>& loads) {
  constexpr int kStartups[] = {10, 30, 60};
  using Service = FleetOptions::Service;
  constexpr Service kServices[] = {Service::kExponential, Service::kLognormal, Service::kBimodal,
                                   Service::kExponential};
  std::vector<MatrixCell> cells;
  for (int i = 0; i < seeds; ++i) {
    MatrixCell cell;
    cell.seed = static_cast<uint64_t>(i + 1);
    cell.startup = kStartups[i % 3];
    cell.base_rps = loads[static_cast<size_t>(i) % loads.size()];
    cell.service = kServices[(i / 3) % 4];
    cells.push_back(cell);
  }
  return cells;
}

}  // namespace

Matrix QuickMatrix() {
  return {"quick", {"flash", "capacity-half", "slow-database"}, {}, Cells(1, {300}), {0.6, 0.8}, false};
}
Matrix MediumMatrix() { return {"medium", TraceNames(), kHeldOut, Cells(3, {300}), {0.5, 0.65, 0.8, 0.9}, false}; }

Matrix FullMatrix() { return {"full", TraceNames(), kHeldOut, Cells(12, {200, 400}), {0.5, 0.6, 0.7, 0.8, 0.9}, true}; }

Gates::Gates(Matrix matrix) : matrix_(std::move(matrix)), traces_(matrix_.traces) {
  traces_.insert(traces_.end(), matrix_.held_out.begin(), matrix_.held_out.end());
  variants_.push_back({"flyball", "flyball", kRho});
  variants_.push_back({"oracle", "oracle", kRho});
  for (const char* name : kReferences) {
    for (const double target : matrix_.targets)
      variants_.push_back({fmt::format("{} {:.2f}", name, target), name, target});
  }
  const auto without = [&](const char* name, bool scaling::Elements::*element) {
    Variant variant{fmt::format("without {}", name), "flyball", kRho};
    variant.elements.*element = false;
    variants_.push_back(variant);
  };
  without("period", &scaling::Elements::period);
  if (!matrix_.extras) return;
  without("trend", &scaling::Elements::trend);
  without("headroom", &scaling::Elements::headroom);
  without("probe", &scaling::Elements::probe);
  without("revoke", &scaling::Elements::revoke);
  without("learned window", &scaling::Elements::learned_window);
  variants_.push_back({"hpa 0.80 unlimited", "hpa", 0.8, false});
  variants_.push_back({"keda 0.70 unlimited", "keda", 0.7, false});
  variants_.push_back({"kpa 0.70 unlimited", "kpa", 0.7, false});
}

std::vector<Job> Gates::Jobs() const {
  std::vector<Job> jobs;
  for (size_t variant = 0; variant < variants_.size(); ++variant) {
    for (size_t trace = 0; trace < traces_.size(); ++trace) {
      for (size_t cell = 0; cell < matrix_.cells.size(); ++cell) jobs.push_back({variant, trace, cell});
    }
  }
  return jobs;
}

Score Gates::Run(const Job& job) const {
  const Variant& variant = variants_[job.variant];
  const MatrixCell& cell = matrix_.cells[job.cell];
  const Trace trace = MakeTrace(traces_[job.trace], cell.base_rps).value();
  const FleetOptions options = Fleet(cell, variant.limiter);
  const spec::Governor document = Document(cell.startup);
  const double pod_rps = PodRps(options);
  const bool flash = trace.name == "flash";
  Score score;
  if (variant.contender == "flyball") {
    const double needed = 5 * cell.base_rps / pod_rps / kRho;
    Watched watched(std::make_unique<Governed>(document, kSimulationStart, variant.elements), needed);
    const Outcome outcome = Simulate(trace, options, watched);
    score = Judge(outcome, trace, pod_rps);
    if (flash) score.recovery_seconds = Recovery(outcome);
    if (flash) score.raw_ticks = watched.right_after();
    return score;
  }
  auto autoscaler = MakeContender(variant.contender, document, trace, options, variant.target);
  Check(autoscaler.has_value(), "Gates: unknown contender");
  return Judge(Simulate(trace, options, **autoscaler), trace, pod_rps);
}

// ---- What the scores say

struct Gates::Table {
  const Gates& gates;
  const std::vector<Score>& scores;

  const Score& At(size_t variant, size_t trace, size_t cell) const {
    return scores[(variant * gates.traces_.size() + trace) * gates.matrix_.cells.size() + cell];
  }
  std::vector<size_t> AllCells() const {
    std::vector<size_t> cells(gates.matrix_.cells.size());
    for (size_t i = 0; i < cells.size(); ++i) cells[i] = i;
    return cells;
  }
  std::vector<size_t> Traces(const std::function<bool(const std::string&)>& wanted) const {
    std::vector<size_t> traces;
    for (size_t i = 0; i < gates.traces_.size(); ++i) {
      if (wanted(gates.traces_[i])) traces.push_back(i);
    }
    return traces;
  }
  bool HeldOut(const std::string& trace) const {
    return std::count(gates.matrix_.held_out.begin(), gates.matrix_.held_out.end(), trace) > 0;
  }
  size_t Variant(const std::string& name) const {
    size_t i = 0;
    while (i < gates.variants_.size() && gates.variants_[i].name != name) ++i;
    Check(i < gates.variants_.size(), "Gates: no such variant");
    return i;
  }
  std::vector<size_t> Sweep(const std::string& contender) const {
    std::vector<size_t> sweep;
    for (size_t i = 0; i < gates.variants_.size(); ++i) {
      const auto& variant = gates.variants_[i];
      if (variant.contender == contender && variant.limiter && variant.name != contender) sweep.push_back(i);
    }
    return sweep;
  }
};

namespace {

using Indexes = std::vector<size_t>;

struct Cost {
  double pod_hours = 0, violated = 0;
};

template <typename Table>
Cost Sum(const Table& table, size_t variant, const Indexes& traces, const Indexes& cells) {
  Cost cost;
  for (const size_t trace : traces) {
    for (const size_t cell : cells) {
      const Score& score = table.At(variant, trace, cell);
      cost.pod_hours += score.pod_hours;
      cost.violated += score.violated_seconds;
    }
  }
  return cost;
}

// Where a swept reference stands at a given cost: between its two points around it, or at its nearest.
struct Between {
  size_t a = 0, b = 0;  // of the sweep
  double weight = 0;    // of b
  bool beyond = false;  // outside of the sweep
};

Between Locate(const std::vector<Cost>& sweep, double Cost::*axis, double value) {
  Indexes order(sweep.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) { return sweep[x].*axis < sweep[y].*axis; });
  if (value <= sweep[order.front()].*axis) return {order.front(), order.front(), 0, value < sweep[order.front()].*axis};
  for (size_t i = 1; i < order.size(); ++i) {
    const double low = sweep[order[i - 1]].*axis, high = sweep[order[i]].*axis;
    if (value <= high) return {order[i - 1], order[i], high > low ? (value - low) / (high - low) : 0, false};
  }
  return {order.back(), order.back(), 0, true};
}

double Mix(const Between& at, const std::vector<Cost>& sweep, double Cost::*axis) {
  return sweep[at.a].*axis * (1 - at.weight) + sweep[at.b].*axis * at.weight;
}

struct Comparison {
  double net = 0;    // violation beyond the oracle's, ours over theirs, at equal pod-hours
  double gross = 0;  // all of it
  double hours = 0;  // pod-hours, ours over theirs, at equal violation
  bool beyond = false, beyond_violation = false;
  double their_violated = 0;
};

template <typename Table>
Comparison Compare(const Table& table, size_t ours, const std::string& reference, const Indexes& traces,
                   const Indexes& cells) {
  const Cost mine = Sum(table, ours, traces, cells), oracle = Sum(table, table.Variant("oracle"), traces, cells);
  std::vector<Cost> sweep;
  for (const size_t variant : table.Sweep(reference)) sweep.push_back(Sum(table, variant, traces, cells));
  const Between by_hours = Locate(sweep, &Cost::pod_hours, mine.pod_hours);
  const Between by_violation = Locate(sweep, &Cost::violated, mine.violated);
  Comparison c;
  c.their_violated = Mix(by_hours, sweep, &Cost::violated);
  c.net = std::max(0.0, mine.violated - oracle.violated) / std::max(1.0, c.their_violated - oracle.violated);
  c.gross = mine.violated / std::max(1.0, c.their_violated);
  c.hours = mine.pod_hours / Mix(by_violation, sweep, &Cost::pod_hours);
  c.beyond = by_hours.beyond;
  c.beyond_violation = by_violation.beyond;
  return c;
}

// 95 % of what a figure is when the seeds are drawn again with replacement.
std::pair<double, double> Interval(const Indexes& cells, const std::function<double(const Indexes&)>& figure) {
  Random random(20240607);
  std::vector<double> values;
  for (int i = 0; i < kResamples; ++i) {
    Indexes drawn;
    for (size_t n = 0; n < cells.size(); ++n) drawn.push_back(cells[random.Below(cells.size())]);
    values.push_back(figure(drawn));
  }
  std::sort(values.begin(), values.end());
  return {values[kResamples / 40], values[kResamples - 1 - kResamples / 40]};
}

}  // namespace

std::vector<Gates::Result> Gates::Evaluate(const std::vector<Score>& scores) const {
  const Table table{*this, scores};
  const Indexes cells = table.AllCells();
  const Indexes tuned = table.Traces([&](const std::string& name) { return !table.HeldOut(name); });
  const Indexes held = table.Traces([&](const std::string& name) { return table.HeldOut(name); });
  const size_t ours = table.Variant("flyball");
  std::vector<Result> results;

  const auto ratio_of = [&](size_t variant, std::string name, double bound, const std::string& reference,
                            const Indexes& traces, double Comparison::*which) {
    const auto figure = [&](const Indexes& drawn) { return Compare(table, variant, reference, traces, drawn).*which; };
    const Comparison all = Compare(table, variant, reference, traces, cells);
    Result result{std::move(name), fmt::format("<= {:.2f}", bound), all.*which};
    std::tie(result.low, result.high) = Interval(cells, figure);
    result.met = result.value <= bound;
    if (which == &Comparison::hours ? all.beyond_violation : all.beyond) {
      result.note = "beyond the reference's sweep: its nearest point is taken";
    }
    results.push_back(std::move(result));
  };
  const auto ratio = [&](std::string name, double bound, const std::string& reference, const Indexes& traces,
                         double Comparison::*which) {
    ratio_of(ours, std::move(name), bound, reference, traces, which);
  };
  const std::pair<const char*, double> kNet[] = {{"hpa", 0.35}, {"cpu+rate", 0.35}, {"keda", 0.30}};
  for (const auto& [reference, bound] : kNet) {
    ratio(fmt::format("net violation / {}, equal pod-hours", reference), bound, reference, tuned, &Comparison::net);
  }
  for (const auto& [reference, bound] : kNet) {
    ratio_of(table.Variant("without period"), fmt::format("without period learning: net violation / {}", reference),
             0.60, reference, tuned, &Comparison::net);
  }
  ratio("pod-hours / hpa, equal violation", 0.75, "hpa", tuned, &Comparison::hours);
  if (!held.empty()) {
    ratio("held-out traces: pod-hours / hpa, equal violation", 0.90, "hpa", held, &Comparison::hours);
    for (const auto& [reference, bound] : kNet) {
      ratio(fmt::format("held-out traces: net violation / {}", reference), 0.60, reference, held, &Comparison::net);
    }
  }
  const std::set<std::string> hard{"slow-database", "sawtooth", "on-off", "spikes"};
  const Indexes fixable =
      table.Traces([&](const std::string& name) { return !table.HeldOut(name) && !hard.contains(name); });
  for (const char* reference : {"kpa", "kpa-120s"}) {
    const auto figures = [&](const Indexes& drawn) {
      Cost best{0, 1e18}, cheapest{1e18, 0};
      for (const size_t variant : table.Sweep(reference)) {
        const Cost cost = Sum(table, variant, tuned, drawn);
        if (cost.violated < best.violated) best = cost;
        if (cost.pod_hours < cheapest.pod_hours) cheapest = cost;
      }
      const Cost mine = Sum(table, ours, tuned, drawn);
      return std::pair(mine.violated / std::max(1.0, best.violated), mine.pod_hours / cheapest.pod_hours);
    };
    const auto add = [&](const char* what, const char* bound_text, double bound, bool first) {
      const auto pick = [&](const Indexes& drawn) { return first ? figures(drawn).first : figures(drawn).second; };
      Result result{fmt::format(fmt::runtime(what), reference), bound_text, pick(cells)};
      std::tie(result.low, result.high) = Interval(cells, pick);
      result.met = result.value <= bound;
      results.push_back(std::move(result));
    };
    add("violation / {} at its best", "< 1.00", 0.9999, true);
    add("pod-hours / {} at its cheapest", "<= 0.85", 0.85, false);
    ratio(fmt::format("violation / {}, equal pod-hours, without slow-database, sawtooth, on-off, spikes", reference),
          0.90, reference, fixable, &Comparison::gross);
  }

  // Every trace at matched total pod-hours.
  const auto n = static_cast<double>(cells.size());
  for (const char* reference : kReferences) {
    const std::vector<size_t> sweep = table.Sweep(reference);
    std::vector<Cost> totals;
    for (const size_t variant : sweep) totals.push_back(Sum(table, variant, tuned, cells));
    const Between at = Locate(totals, &Cost::pod_hours, Sum(table, ours, tuned, cells).pod_hours);
    Result result{fmt::format("every trace: violated seconds a run beyond {}'s, matched total pod-hours", reference),
                  "<= 10 s", -1e9};
    for (const size_t trace : tuned) {
      const Cost a = Sum(table, sweep[at.a], {trace}, cells), b = Sum(table, sweep[at.b], {trace}, cells);
      const double theirs = a.violated * (1 - at.weight) + b.violated * at.weight;
      const double beyond = (Sum(table, ours, {trace}, cells).violated - theirs) / n;
      if (beyond <= result.value) continue;
      result.value = beyond;
      result.note = "worst: " + traces_[trace];
    }
    result.low = result.high = result.value;
    result.met = result.value <= 10;
    results.push_back(std::move(result));
  }

  Result critical{"critical traffic served while it fits the Ready pods, worst run", ">= 0.99", 1};
  double offered = 0, served = 0;
  for (size_t trace = 0; trace < traces_.size(); ++trace) {
    for (const size_t cell : cells) {
      const Score& score = table.At(ours, trace, cell);
      offered += score.critical_offered;
      served += score.critical_served;
      const double share = score.critical_offered > 0 ? score.critical_served / score.critical_offered : 1;
      if (share >= critical.value) continue;
      critical.value = share;
      critical.note = fmt::format("worst: {}, seed {}", traces_[trace], matrix_.cells[cell].seed);
    }
  }
  critical.low = critical.high = critical.value;
  critical.note += fmt::format("; mean {:.4f}", served / std::max(1.0, offered));
  critical.met = critical.value >= 0.99;
  results.push_back(critical);

  const Indexes flash = table.Traces([](const std::string& name) { return name == "flash"; });
  if (flash.empty()) return results;
  for (const int startup : {10, 30, 60}) {
    Result recovery{fmt::format("flash: recovery after the step's begin, D = {} s", startup),
                    fmt::format("<= {} s", startup + 15), -1};
    recovery.low = 1e9;
    for (const size_t cell : cells) {
      if (matrix_.cells[cell].startup != startup) continue;
      const double took = table.At(ours, flash[0], cell).recovery_seconds;
      recovery.value = std::max(recovery.value, took);
      recovery.low = std::min(recovery.low, took);
    }
    if (recovery.value < 0) continue;
    recovery.high = recovery.value;
    recovery.met = recovery.value <= startup + 15;
    results.push_back(recovery);
  }
  Result raw{"flash: ticks after the step's end until the load's estimate is within 10 %", "<= 4", 0};
  raw.low = 1e9;
  for (const size_t cell : cells) {
    raw.value = std::max(raw.value, table.At(ours, flash[0], cell).raw_ticks);
    raw.low = std::min(raw.low, table.At(ours, flash[0], cell).raw_ticks);
  }
  raw.high = raw.value;
  raw.met = raw.value <= 4;
  results.push_back(raw);
  return results;
}

std::string Gates::Report(const std::vector<Score>& scores) const {
  const Table table{*this, scores};
  const Indexes cells = table.AllCells();
  const auto all = table.Traces([&](const std::string&) { return true; });
  const auto n = static_cast<double>(cells.size());
  std::string out = fmt::format(
      "# Control gates, {} matrix\n\nMade by `control_gates --{}`; every figure is deterministic. {} runs: {} "
      "variants, {} "
      "traces, {} seeds.\nEvery reference runs behind the same pod limiter and queue, its target swept over",
      matrix_.name, matrix_.name, Jobs().size(), variants_.size(), traces_.size(), cells.size());
  for (const double target : matrix_.targets) out += fmt::format(" {:.2f}", target);
  out +=
      ".\nA second is violated when less than 95 % of the first attempts offered got a 2xx within 250 ms. Net: less "
      "the "
      "oracle's,\nwhich knows the trace. [95 % by resampling the seeds; for worst cases the spread over them.]\n\n";
  out += "| seed | D | base requests/s | service times |\n|---|---|---|---|\n";
  constexpr const char* kServices[] = {"exponential", "lognormal", "bimodal"};
  for (const MatrixCell& cell : matrix_.cells) {
    out += fmt::format("| {} | {} s | {:.0f} | {} |\n", cell.seed, cell.startup, cell.base_rps,
                       kServices[static_cast<size_t>(cell.service)]);
  }
  out += "\n## Gates\n\n| gate | bound | measured | | |\n|---|---|---|---|---|\n";
  for (const Result& r : Evaluate(scores)) {
    out += fmt::format("| {} | {} | {:.4g} [{:.4g}, {:.4g}] | {} | {} |\n", r.gate, r.bound, r.value, r.low, r.high,
                       r.met ? "met" : "**missed**", r.note);
  }
  out +=
      "\n## Each trace\n\nMean of a run: pod-hours / violated seconds. References at the target whose total pod-hours "
      "are "
      "nearest to ours.\n\n| trace | flyball | oracle |";
  const size_t ours = table.Variant("flyball"), oracle = table.Variant("oracle");
  const double hours = Sum(table, ours, all, cells).pod_hours;
  Indexes nearest;
  for (const char* reference : kReferences) {
    const auto sweep = table.Sweep(reference);
    nearest.push_back(*std::min_element(sweep.begin(), sweep.end(), [&](size_t a, size_t b) {
      return std::abs(Sum(table, a, all, cells).pod_hours - hours) <
             std::abs(Sum(table, b, all, cells).pod_hours - hours);
    }));
    out += " " + variants_[nearest.back()].name + " |";
  }
  out += "\n|---|---|---|---|---|---|---|---|\n";
  for (const size_t trace : all) {
    out += fmt::format("| {}{} |", traces_[trace], table.HeldOut(traces_[trace]) ? " (held out)" : "");
    const auto add = [&](size_t variant) {
      const Cost cost = Sum(table, variant, {trace}, cells);
      out += fmt::format(" {:.2f} / {:.0f} |", cost.pod_hours / n, cost.violated / n);
    };
    add(ours);
    add(oracle);
    for (const size_t variant : nearest) add(variant);
    out += "\n";
  }
  out +=
      "\n## Each variant\n\nMean of a run over all traces.\n\n| variant | pod-hours | violated seconds | good "
      "|\n|---|---|---|---|\n";
  for (size_t variant = 0; variant < variants_.size(); ++variant) {
    const Cost cost = Sum(table, variant, all, cells);
    double offered = 0, good = 0;
    for (const size_t trace : all) {
      for (const size_t cell : cells) {
        offered += table.At(variant, trace, cell).offered;
        good += table.At(variant, trace, cell).good;
      }
    }
    const double runs = n * static_cast<double>(all.size());
    out += fmt::format("| {} | {:.3f} | {:.1f} | {:.2f} % |\n", variants_[variant].name, cost.pod_hours / runs,
                       cost.violated / runs, 100 * good / std::max(1.0, offered));
  }
  return out;
}

}  // namespace flyball::simulate
