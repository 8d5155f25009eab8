#include "tests/demo/trial.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stop_token>

#include "pkg/base/clock.h"
#include "pkg/http/client.h"
#include "pkg/service/load/engine.h"
#include "pkg/service/load/principals.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/data_dir.h"
#include "pkg/spec/reader.h"

namespace flyball::demo {
namespace {

using nlohmann::json;

constexpr seconds kPatience{120};
constexpr int kPrincipals = 2000, kConnections = 256;
constexpr const char* kMix =
    "[{weight: 80, path: '/tasks/{id}'}, {weight: 20, method: POST, path: /tasks, body: {title: 'load {n}'}}]";

std::string ReadAll(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string GovernorOf(Way way) {
  return fmt::format(
      "---\napiVersion: flyball.io/v1alpha1\nkind: Governor\nmetadata: {{name: demo}}\nspec:\n"
      "  targetRef: {{kind: App, name: load}}\n  slo: {{latency: {}ms, percentile: 99}}\n"
      "  replicas: {{min: {}, max: {}, startup: {}s}}\n  capacity: {{workers: {}}}\n{}",
      kObjective.count(), kMinPods, kMaxPods, kStartDelay.count() / 1000, kWorkers,
      way == Way::kScalingOnly ? "  limits: {enforce: false}\n" : "");
}

load::Trace LoadOf(const simulate::Trace& trace) {
  const double end = ToSeconds(trace.duration);
  std::vector<load::Trace::Point> points{{0, trace.rps.At(0)}};
  for (const auto& knot : trace.rps.knots) {
    if (knot.at > 0 && knot.at < end) points.push_back({knot.at, knot.value});
  }
  points.push_back({end, trace.rps.At(end)});
  return load::Trace(std::move(points));
}

}  // namespace

struct Trial::Seen {
  int pods = 0, ready = 0;
};

Trial::Trial(TrialOptions options, std::string bin, std::string source, std::string folder)
    : options_(std::move(options)),
      bin_(std::move(bin)),
      source_(std::move(source)),
      folder_(std::move(folder)),
      result_(Fail(ErrorCode::kUnavailable, "not run")) {}

Trial::~Trial() {
  if (thread_.joinable()) thread_.join();
  if (pid_ == 0) return;
  ::kill(pid_, SIGINT);
  const SteadyTime begun = RealClock().Now();
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (RealClock().Now() - begun > seconds(60)) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      return;
    }
    std::this_thread::sleep_for(milliseconds(50));
  }
}

Result<void> Trial::WriteDocuments() const {
  const std::string sample = ReadAll(source_ + "/manifests/samples/load.yaml");
  const size_t governor = sample.find("\n---\n");
  if (governor == std::string::npos) return Fail(ErrorCode::kNotFound, source_ + "/manifests/samples/load.yaml");
  std::ofstream(folder_ + "/demo.yaml") << sample.substr(0, governor + 1) << GovernorOf(options_.way);
  return SetDelay(1);
}

// At once, so that no pod reads half of it.
Result<void> Trial::SetDelay(double factor) const {
  const std::string file = folder_ + "/delay";
  std::ofstream(file + ".new") << fmt::format("{}ms\n", static_cast<int>(factor * static_cast<double>(kDelay.count())));
  std::error_code error;
  std::filesystem::rename(file + ".new", file, error);
  if (error) return Fail(ErrorCode::kIo, file + ": " + error.message());
  return {};
}

Result<void> Trial::Start() {
  if (auto written = WriteDocuments(); !written) return written;
  local::ChildProgram program;
  program.path = bin_ + "/flyballctl";
  program.args = {"up",
                  folder_ + "/demo.yaml",
                  "--data",
                  folder_ + "/data",
                  "--port",
                  "0",
                  "--console-port",
                  "0",
                  "--allow-faults",
                  "--fault",
                  "delay-file=" + folder_ + "/delay",
                  "--start-delay",
                  fmt::format("{}ms", kStartDelay.count()),
                  "--drain-delay",
                  "200ms"};
  if (options_.way == Way::kFixed) {
    program.args.insert(program.args.end(), {"--no-governor", "--replicas", fmt::format("{0}:{0}", kFixedPods)});
  }
  program.log_file = folder_ + "/up.log";
  const auto pid = local::Spawn(program);
  if (!pid) return Fail(pid.error());
  pid_ = *pid;
  const int wanted = options_.way == Way::kFixed ? kFixedPods : kMinPods;
  const SteadyTime begun = RealClock().Now();
  while (RealClock().Now() - begun < kPatience) {
    if (const auto seen = Look(); seen && seen->ready >= wanted) return {};
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      break;
    }
    std::this_thread::sleep_for(milliseconds(200));
  }
  return Fail(ErrorCode::kUnavailable,
              options_.name + ": the fleet did not come up. It said:\n" + ReadAll(program.log_file));
}

Result<Trial::Seen> Trial::Look() const {
  const auto run = local::ParseRunFile(ReadAll(folder_ + "/data/run.json"));
  if (!run) return Fail(run.error());
  http::Client client;
  const auto answer =
      client.Send({"GET", run->console + "/api/status", "", {{"Authorization", "Bearer " + run->token}}}, seconds(5));
  if (!answer) return Fail(answer.error());
  const json status = json::parse(answer->body, nullptr, false);
  if (!status.is_object() || !status.contains("pods")) return Fail(ErrorCode::kCorrupt, "no pods in " + answer->body);
  Seen seen;
  for (const json& pod : status["pods"]) {
    ++seen.pods;
    seen.ready += pod.value("ready", false) ? 1 : 0;
  }
  return seen;
}

void Trial::Begin() {
  thread_ = std::thread([this] { result_ = Offer(); });
}

Result<Trialled> Trial::Finish() {
  thread_.join();
  return std::move(result_);
}

Result<Trialled> Trial::Offer() {
  const auto run = local::ParseRunFile(ReadAll(folder_ + "/data/run.json"));
  if (!run) return Fail(run.error());
  auto target = load::ParseTarget(run->api + run->base);
  auto mix = load::ReadMix(kMix, "the demo's mix");
  if (!target) return Fail(target.error());
  if (!mix) return Fail(mix.error());
  const spec::Documents documents = spec::ReadFiles(run->documents);
  if (!documents.ok() || documents.apps.size() != 1) return Fail(ErrorCode::kInvalid, folder_ + "/demo.yaml");
  const spec::App& app = documents.apps.front();
  auto tokens = load::MintPrincipals(app, {folder_ + "/data/" + app.name + ".db", folder_ + "/data/signing.key"},
                                     kPrincipals, std::chrono::hours(1), RealClock().WallNow());
  if (!tokens) return Fail(tokens.error());
  load::Plan plan{.target = std::move(*target), .mix = std::move(*mix), .tokens = std::move(*tokens)};
  plan.trace = LoadOf(options_.trace);
  plan.connections = kConnections;
  plan.objective = kObjective;
  plan.retries = options_.trace.retry_share > 0 ? 2 : 0;

  Trialled out;
  const SteadyTime begun = RealClock().Now();
  std::jthread watching([&](const std::stop_token& stop) {
    double factor = 1;
    for (int64_t second = 0; !stop.stop_requested(); ++second) {
      std::this_thread::sleep_until(begun + seconds(second));
      if (!options_.trace.service_factor.knots.empty()) {
        const double now = options_.trace.service_factor.At(static_cast<double>(second));
        if (now != factor && SetDelay(now)) factor = now;
      }
      if (const auto seen = Look()) {
        simulate::Second& at = out.outcome.seconds.emplace_back();
        at.ordered = seen->pods;
        at.ready = seen->ready;
      } else {
        out.outcome.seconds.push_back(out.outcome.seconds.empty() ? simulate::Second{} : out.outcome.seconds.back());
      }
    }
  });
  auto report = load::Generate(plan, std::stop_token());
  watching.request_stop();
  watching.join();
  if (!report) return Fail(report.error());
  out.load = std::move(*report);
  const auto duration = static_cast<size_t>(options_.trace.duration.count());
  out.outcome.seconds.resize(duration, out.outcome.seconds.back());
  for (size_t i = 0; i < duration && i < out.load.series.size(); ++i) {
    simulate::Second& at = out.outcome.seconds[i];
    at.offered = static_cast<double>(out.load.series[i].first);
    at.good = static_cast<double>(out.load.series[i].good);
    out.outcome.offered += at.offered;
    out.outcome.good += at.good;
    out.outcome.pod_seconds += at.ordered;
    if (at.good < 0.95 * at.offered) ++out.outcome.violated_seconds;
  }
  return out;
}

}  // namespace flyball::demo
