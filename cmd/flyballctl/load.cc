// flyballctl load: offers a local fleet more than it may like, and counts what comes of it.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "cmd/flags/command_line.h"
#include "cmd/flags/values.h"
#include "cmd/flyballctl/commands.h"
#include "cmd/flyballctl/local_app.h"
#include "cmd/flyballctl/output.h"
#include "cmd/flyballctl/refusal.h"
#include "cmd/flyballctl/running_fleet.h"
#include "pkg/base/clock.h"
#include "pkg/http/client.h"
#include "pkg/service/load/default_mix.h"
#include "pkg/service/load/engine.h"
#include "pkg/service/load/principals.h"

namespace flyball::ctl {
namespace {

struct Flags {
  std::string url, data = ".flyball", database, mix, trace = "steady", output = "text";
  double rate = 100;
  milliseconds duration = seconds(45), timeout = seconds(10), objective{250};
  int connections = 64, principals = -1, retries = 0, seed = 1;
};

constexpr int kPrincipalsOfAFleet = 16;
// What a URL alone is asked: the tasks sample.
constexpr const char* kMixWithoutDocument =
    "[{weight: 60, path: '/tasks?limit=20'}, {weight: 20, path: '/tasks/{id}'},"
    " {weight: 20, method: POST, path: /tasks, body: {title: 'load {n}'}}]";

Result<load::Mix> ReadMixFile(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return FailErrno("--mix: cannot open the file " + file);
  std::ostringstream text;
  text << in.rdbuf();
  return load::ReadMix(text.str(), file);
}

// Where to, what and as whom when only a URL is known.
Result<load::Plan> PlanForUrl(const Flags& flags) {
  auto target = load::ParseTarget(flags.url);
  if (!target) return Fail(target.error());
  auto mix = flags.mix.empty() ? load::ReadMix(kMixWithoutDocument, "the default mix") : ReadMixFile(flags.mix);
  if (!mix) return Fail(mix.error());
  load::Plan plan{.target = std::move(*target), .mix = std::move(*mix), .tokens = {}};
  http::Client client;
  auto tokens = load::RegisterPrincipals(plan.target, client, std::max(0, flags.principals));
  if (!tokens) return Fail(tokens.error());
  plan.tokens = std::move(*tokens);
  return plan;
}

Result<load::Plan> PlanForFleet(const Flags& flags) {
  const auto fleet = FindFleet(flags.data);
  if (!fleet) return Fail(fleet.error());
  auto local = FindLocalApp(flags.data, {}, flags.database);
  if (!local) return Fail(local.error());
  auto target = load::ParseTarget(fleet->api + local->app.base);
  if (!target) return Fail(target.error());
  auto mix = flags.mix.empty() ? load::DefaultMix(local->app) : ReadMixFile(flags.mix);
  if (!mix) return Fail(mix.error());
  load::Plan plan{.target = std::move(*target), .mix = std::move(*mix), .tokens = {}};
  const bool accounts = !local->app.auth.accounts.empty();
  const int count = flags.principals >= 0 ? flags.principals : accounts ? kPrincipalsOfAFleet : 0;
  if (count == 0) return plan;
  const auto ttl = flags.duration + flags.timeout + std::chrono::minutes(5);
  auto tokens = load::MintPrincipals(local->app, {local->database, local->key}, count, ttl, RealClock().WallNow());
  if (!tokens) return Fail(tokens.error());
  plan.tokens = std::move(*tokens);
  return plan;
}

std::string Percent(uint64_t part, uint64_t whole) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %%",
                whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

std::string Count(uint64_t count) { return Number(static_cast<double>(count)); }

// One line a second while it goes; on standard error, so that the result alone can be piped.
void ShowSecond(const load::Second& second, double duration_s, bool redraw) {
  char line[200];
  std::snprintf(line, sizeof(line), "%4d / %.0f s  offered %7s  ok %7s  shed %7s  failed %5s  p99 %7s ms", second.t + 1,
                duration_s, Count(second.offered).c_str(), Count(second.ok).c_str(), Count(second.shed).c_str(),
                Count(second.failed).c_str(), second.measured == 0 ? "-" : Number(second.p99_ms).c_str());
  std::fprintf(stderr, redraw ? "\r%s\x1b[K" : "%s\n", line);
}

void PrintReport(const load::Report& report) {
  std::vector<std::vector<std::string>> rows{{"ANSWERS", "COUNT", "SHARE"}};
  for (const auto& [status, count] : report.by_status)
    rows.push_back({std::to_string(status), Count(count), Percent(count, report.sent)});
  rows.push_back({"reset", Count(report.resets), Percent(report.resets, report.sent)});
  rows.push_back({"timeout", Count(report.timeouts), Percent(report.timeouts, report.sent)});
  std::printf("%s\n", Table(rows).c_str());
  std::printf("sent       %s of %s offered in %s s (%s retries, %s given up before a connection was free)\n",
              Count(report.sent).c_str(), Count(report.offered).c_str(), Number(report.duration_s).c_str(),
              Count(report.retries).c_str(), Count(report.not_sent).c_str());
  std::printf("goodput    %s answers 2xx or 3xx a second\n", Number(report.goodput_rps).c_str());
  std::printf(
      "latency    p50 %s ms, p95 %s ms, p99 %s ms, max %s ms, from when a request was due, without 429 and 503\n",
      Number(report.latency.p50_ms).c_str(), Number(report.latency.p95_ms).c_str(),
      Number(report.latency.p99_ms).c_str(), Number(report.latency.max_ms).c_str());
  std::printf("objective  violated in %d of %s seconds\n", report.ViolatedSeconds(),
              Count(report.series.size()).c_str());
  if (report.wait.p99_ms > 5)
    std::printf("waiting    p99 %s ms of that on this side, for a free connection or for this machine\n",
                Number(report.wait.p99_ms).c_str());
  if (report.connect_failures > 0)
    std::printf("%s\n",
                Paint(Tone::kBad, Count(report.connect_failures) + " attempts to connect failed: nothing listened, "
                                                                   "or it did not take the connection")
                    .c_str());
  if (report.missing_retry_after > 0)
    std::printf("%s\n",
                Paint(Tone::kBad, Count(report.missing_retry_after) + " answers 503 without Retry-After").c_str());
  if (report.malformed > 0)
    std::printf("%s\n", Paint(Tone::kBad, Count(report.malformed) + " answers were not HTTP").c_str());
}

// Ctrl-C ends the trace early; what was sent is still waited for and reported. The second one ends the program.
class StopOnSignal {
 public:
  StopOnSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    waiter_ = std::jthread([this](std::stop_token ending) {
      const timespec slice{0, 100'000'000};
      while (!ending.stop_requested()) {
        if (sigtimedwait(&signals_, nullptr, &slice) <= 0) continue;
        if (stop_.stop_requested()) _exit(130);
        stop_.request_stop();
      }
    });
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  sigset_t signals_;
  std::stop_source stop_;
  std::jthread waiter_;
};

int Load(const Flags& flags) {
  auto plan = flags.url.empty() ? PlanForFleet(flags) : PlanForUrl(flags);
  if (!plan) {
    const bool usage = !flags.url.empty() && !load::ParseTarget(flags.url);
    return usage ? WrongUsage("load", plan.error().message) : Failed("load", plan.error().message);
  }
  plan->trace = *load::Trace::Named(flags.trace, flags.rate, flags.duration);
  plan->connections = flags.connections;
  plan->timeout = flags.timeout;
  plan->objective = flags.objective;
  plan->retries = flags.retries;
  plan->seed = static_cast<uint64_t>(flags.seed);

  const bool redraw = isatty(STDERR_FILENO) == 1;
  const double duration_s = plan->trace.duration_s();
  const StopOnSignal stop;
  const auto report = load::Generate(*plan, stop.token(), [&](const load::Second& second) {
    if (redraw) ShowSecond(second, duration_s, redraw);
  });
  if (redraw) std::fputs("\r\x1b[K", stderr);
  if (!report) return Failed("load", report.error().message);
  if (const Format format = FormatOf(flags.output); format != Format::kText) {
    PrintStructured(load::ToJson(*report), format);
  } else {
    PrintReport(*report);
  }
  if (report->offered > 0 && report->goodput_rps == 0) return Failed("load", "no request got a good answer");
  return flags::kFine;
}

}  // namespace

void AddLoad(flags::CommandLine& line) {
  const auto flags = std::make_shared<Flags>();
  flags::Command& load = line.Add("load", "Offer load to a fleet on this machine, whatever it answers, and report.");
  load.Option("--data", &flags->data, "data folder of the fleet; accounts and tokens are made there",
              flags::CheckFolder);
  load.Option("--database", &flags->database, "URL or SQLite file, when the fleet was given one", flags::CheckDatabase);
  load.Option("--url", &flags->url, "http://127.0.0.1:PORT/BASE instead of a fleet's folder; loopback only");
  load.Choice("--trace", &flags->trace, {"steady", "flash", "ramp", "on-off"}, "how the rate moves over time");
  load.Option("--rate", &flags->rate, 0.1, 200'000, "requests a second (flash: before it goes to 5 times that)");
  load.Option("--duration", &flags->duration, seconds(1), std::chrono::hours(24), "how long");
  load.Option("--connections", &flags->connections, 1, 10'000, "connections kept alive");
  load.Option("--principals", &flags->principals, -1, 10'000,
              "accounts that ask; 0 = no login, -1 = 16 with --data and 0 with --url");
  load.Option("--mix", &flags->mix,
              "file with a YAML or JSON list of {weight, method, path, body} with {n}, {id}, {principal}");
  load.Option("--timeout", &flags->timeout, milliseconds(1), std::chrono::hours(1),
              "for one answer, from when its request was due");
  load.Option("--objective", &flags->objective, milliseconds(1), std::chrono::hours(1),
              "a second with less than 95 % of first attempts answered well within this counts as violated");
  load.Option("--retries", &flags->retries, 0, 100, "attempts after a 503 or 429, each after its Retry-After");
  load.Option("--seed", &flags->seed, 1, 1'000'000'000, "of arrivals and mix: the same seed offers the same load");
  OutputOption(load, &flags->output);
  load.Runs([flags] { return Load(*flags); });
}

}  // namespace flyball::ctl
