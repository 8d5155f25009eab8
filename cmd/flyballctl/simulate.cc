// flyballctl simulate: replays a load through a simulated fleet under the governor and under other autoscalers.
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include "cmd/flags/command_line.h"
#include "cmd/flyballctl/commands.h"
#include "cmd/flyballctl/output.h"
#include "cmd/flyballctl/prometheus_trace.h"
#include "cmd/flyballctl/refusal.h"
#include "pkg/base/json_writer.h"
#include "pkg/base/time_format.h"
#include "pkg/simulate/contender.h"
#include "pkg/simulate/report.h"
#include "pkg/simulate/simulation.h"
#include "pkg/spec/reader.h"

namespace flyball::ctl {
namespace {

constexpr double kMostRequests = 3e8;
constexpr const char* kDefaultQuery = R"(sum(rate(flyball_requests_total{attempt="first"}[1m])))";

struct Flags {
  std::vector<std::string> governor;
  std::string trace, prometheus, query = kDefaultQuery;
  std::chrono::milliseconds last = std::chrono::hours(1), service_time{20};
  std::string against = "hpa,keda,kpa", service = "exponential", html, output = "text";
  double rate = 400, target = 0;
  int workers = 0, seed = 1;
};

Result<spec::Governor> ReadGovernor(const std::vector<std::string>& files) {
  spec::Documents documents = spec::ReadFiles(files);
  std::string problems;
  for (const spec::Problem& problem : documents.problems) {
    problems += (problems.empty() ? "" : "\n") + spec::Format(problem);
  }
  if (!documents.ok()) return Fail(ErrorCode::kInvalid, problems);
  if (documents.governors.size() != 1) {
    return Fail(ErrorCode::kInvalid,
                "expected one Governor in the documents, found " + std::to_string(documents.governors.size()));
  }
  return std::move(documents.governors.front());
}

// A file of seconds,rps, or one of the built-in traces by name.
Result<simulate::Trace> ReadTrace(const Flags& flags) {
  using std::chrono::seconds;
  if (!flags.prometheus.empty()) {
    const auto span = std::chrono::duration_cast<seconds>(flags.last);
    return PrometheusTrace(flags.prometheus, flags.query, RealClock().WallNow(), span);
  }
  std::ifstream file(flags.trace);
  if (!file) {
    auto named = simulate::MakeTrace(flags.trace, flags.rate);
    if (named) return named;
    return Fail(ErrorCode::kInvalid,
                flags.trace + ": no such file, and no built-in trace (" + named.error().message + ")");
  }
  std::ostringstream text;
  text << file.rdbuf();
  auto trace = simulate::ReadTrace(text.str());
  if (!trace) return Fail(trace.error().code, flags.trace + ": " + trace.error().message);
  trace->name = flags.trace;
  return trace;
}

std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    if (!word.empty()) names.push_back(word);
  }
  return names;
}

simulate::FleetOptions Fleet(const Flags& flags, const spec::Governor& governor) {
  using Service = simulate::FleetOptions::Service;
  simulate::FleetOptions fleet;
  fleet.pods = governor.replicas.min;
  fleet.workers = flags.workers > 0 ? flags.workers : governor.workers.value_or(8);
  fleet.startup = governor.replicas.startup;
  fleet.service_seconds = ToSeconds(flags.service_time);
  fleet.service = flags.service == "lognormal" ? Service::kLognormal
                  : flags.service == "bimodal" ? Service::kBimodal
                                               : Service::kExponential;
  fleet.slo = governor.slo.latency;
  fleet.seed = static_cast<uint64_t>(flags.seed);
  return fleet;
}

double Requests(const simulate::Trace& trace) {
  double requests = 0;
  for (int64_t second = 0; second < trace.duration.count(); ++second)
    requests += trace.rps.At(static_cast<double>(second));
  return requests;
}

std::vector<simulate::Setting> Settings(const Flags& flags, const spec::Governor& governor,
                                        const simulate::FleetOptions& fleet, double target) {
  char pods[160];
  std::snprintf(pods, sizeof(pods), "%d workers, %s a request (%s), Ready %s after they are ordered", fleet.workers,
                FormatDuration(flags.service_time).c_str(), flags.service.c_str(),
                FormatDuration(fleet.startup).c_str());
  char bounds[80];
  std::snprintf(bounds, sizeof(bounds), "%d to %d", governor.replicas.min, governor.replicas.max);
  char aim[80];
  std::snprintf(aim, sizeof(aim), "%.0f %% of what a pod has", target * 100);
  return {{"governor", governor.name},   {"pods", pods},
          {"replicas", bounds},          {"objective", "2xx within " + FormatDuration(governor.slo.latency)},
          {"target of the others", aim}, {"seed", std::to_string(flags.seed)}};
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %%", share * 100);
  return text;
}

std::string Hours(double hours) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f", hours);
  return text;
}

std::string Hex(uint64_t hash) {
  char text[32];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::string ToJson(const simulate::Trace& trace, const std::vector<simulate::Replay>& replays) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject();
  json.Key("trace"), json.Value(trace.name);
  json.Key("durationSeconds"), json.Value(static_cast<int64_t>(trace.duration.count()));
  json.Key("autoscalers"), json.BeginArray();
  for (const simulate::Replay& replay : replays) {
    const simulate::Figures figures = simulate::FiguresOf(replay.outcome);
    json.BeginObject();
    json.Key("name"), json.Value(replay.name);
    json.Key("podHours"), json.Value(figures.pod_hours);
    json.Key("mostReplicas"), json.Value(figures.most_replicas);
    json.Key("violatedSeconds"), json.Value(figures.violated_seconds);
    json.Key("inTimeShare"), json.Value(figures.in_time);
    json.Key("criticalServedShare"), json.Value(figures.critical_served);
    json.Key("offered"), json.Value(replay.outcome.offered);
    json.Key("hash"), json.Value(Hex(replay.outcome.hash));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return out;
}

void Print(const simulate::Trace& trace, const std::vector<simulate::Setting>& settings,
           const std::vector<simulate::Replay>& replays) {
  std::printf("%s over %s, %s requests\n", trace.name.c_str(), FormatDuration(trace.duration).c_str(),
              Number(replays.front().outcome.offered).c_str());
  for (const auto& [name, value] : settings) std::printf("%-21s %s\n", name.c_str(), value.c_str());
  std::vector<std::vector<std::string>> rows{
      {"AUTOSCALER", "POD-HOURS", "MOST PODS", "VIOLATED S", "IN TIME", "CRITICAL SERVED", "HASH"}};
  for (const simulate::Replay& replay : replays) {
    const simulate::Figures f = simulate::FiguresOf(replay.outcome);
    rows.push_back({replay.name, Hours(f.pod_hours), std::to_string(f.most_replicas),
                    std::to_string(f.violated_seconds), Percent(f.in_time), Percent(f.critical_served),
                    Hex(replay.outcome.hash)});
  }
  std::printf("\n%s", Table(rows).c_str());
}

int Simulate(const Flags& flags) {
  if (flags.trace.empty() == flags.prometheus.empty()) {
    return WrongUsage("simulate", "give either --trace FILE (or a built-in name) or --prometheus URL");
  }
  if (flags.governor.empty()) return WrongUsage("simulate", "--governor FILE is missing");
  const auto governor = ReadGovernor(flags.governor);
  if (!governor) return Failed("simulate", governor.error().message);
  const auto trace = ReadTrace(flags);
  if (!trace) return Failed("simulate", trace.error().message);
  if (const double requests = Requests(*trace); requests > kMostRequests) {
    return Failed("simulate", "the trace offers " + Number(requests) + " requests; at most " + Number(kMostRequests) +
                                  " are simulated: shorten it");
  }
  const simulate::FleetOptions fleet = Fleet(flags, *governor);
  const double target = flags.target > 0 ? flags.target : governor->target_utilization;
  std::vector<std::string> names{"flyball"};
  for (const std::string& name : Split(flags.against)) names.push_back(name);
  std::vector<simulate::Replay> replays;
  for (const std::string& name : names) {
    auto autoscaler = simulate::MakeContender(name, *governor, *trace, fleet, target);
    if (!autoscaler) return WrongUsage("simulate", "--against " + autoscaler.error().message);
    replays.push_back({name, simulate::Simulate(*trace, fleet, **autoscaler)});
  }
  const auto settings = Settings(flags, *governor, fleet, target);
  if (!flags.html.empty()) {
    std::ofstream page(flags.html);
    page << simulate::HtmlReport(*trace, settings, replays);
    if (!page.flush()) return Failed("simulate", flags.html + " cannot be written");
  }
  if (const Format format = FormatOf(flags.output); format != Format::kText) {
    PrintStructured(ToJson(*trace, replays), format);
    return flags::kFine;
  }
  Print(*trace, settings, replays);
  if (!flags.html.empty()) std::printf("\ncharts: %s\n", flags.html.c_str());
  return flags::kFine;
}

}  // namespace

void AddSimulate(flags::CommandLine& line) {
  const auto flags = std::make_shared<Flags>();
  flags::Command& simulate =
      line.Add("simulate", "Replay a load through a simulated fleet, under the governor and other autoscalers.");
  simulate.Option("--governor", &flags->governor, "file with one Governor (an App beside it is fine)");
  simulate.Option("--trace", &flags->trace,
                  "CSV of seconds,rps; or a built-in one: flash, ramp, diurnal, on-off, spikes, sawtooth, ...");
  simulate.Option("--rate", &flags->rate, 0.1, 100'000, "base requests a second of a built-in trace");
  simulate.Option("--prometheus", &flags->prometheus, "URL of a Prometheus server to take the load from");
  simulate.Option("--query", &flags->query, "PromQL of requests a second, for --prometheus; series are summed");
  simulate.Option("--last", &flags->last, std::chrono::minutes(1), std::chrono::hours(24 * 30),
                  "how far back, for --prometheus");
  simulate.Option("--against", &flags->against, "of oracle, hpa, keda, cpu+rate, kpa, kpa-120s");
  simulate.Option("--target", &flags->target, 0, 0.99, "utilization the others aim at; 0 = the Governor's");
  simulate.Option("--service-time", &flags->service_time, std::chrono::milliseconds(1), std::chrono::minutes(1),
                  "mean of a request on one worker");
  simulate.Choice("--service", &flags->service, {"exponential", "lognormal", "bimodal"}, "how service times spread");
  simulate.Option("--workers", &flags->workers, 0, 1024, "of a pod; 0 = capacity.workers of the Governor, else 8");
  simulate.Option("--seed", &flags->seed, 1, 1'000'000'000, "the same seed gives the same history, by its hash");
  simulate.Option("--html", &flags->html, "also write a report with charts to this file");
  OutputOption(simulate, &flags->output);
  simulate.Runs([flags] { return Simulate(*flags); });
}

}  // namespace flyball::ctl
