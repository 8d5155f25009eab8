// Runs the scenarios of testdata/*.txt: a line is a command, the indented lines below it are what must come out.
// FLYBALL_UPDATE_TRANSCRIPTS=1 writes what came out into the files instead; read the difference before committing it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "pkg/base/time_format.h"
#include "pkg/scaling/testing/fake_fleet.h"

namespace flyball::scaling {
namespace {

using testing::FakeFleet;
using Options = std::map<std::string, std::string>;

double Number(const Options& options, const std::string& key, double otherwise) {
  const auto found = options.find(key);
  return found == options.end() ? otherwise : std::stod(found->second);
}

milliseconds Duration(const std::string& text) { return ParseDuration(text).value(); }

class Transcript {
 public:
  std::string Run(const std::string& line) {
    out_.clear();
    std::istringstream words(line);
    std::string command, word;
    words >> command;
    Options options;
    std::string first;
    while (words >> word) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos) {
        first = word;
      } else {
        options[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
    Dispatch(command, first, options);
    return out_;
  }

 private:
  void Dispatch(const std::string& command, const std::string& first, const Options& options) {
    if (command == "governor") return Configure(options);
    if (command == "fleet") {
      fleet_ = std::make_unique<FakeFleet>(doc_, static_cast<int>(Number(options, "pods", 1)));
      fleet_->workers = Number(options, "workers", 8);
      fleet_->service = Number(options, "service_ms", 20) / 1000;
      fleet_->cpu_share = Number(options, "cpu", 0);
      fleet_->idle_cpu = Number(options, "idle_cpu", 0);
      fleet_->login_seconds = Number(options, "login_ms", 250) / 1000;
      for (auto& pod : fleet_->pods) pod.sample.workers = fleet_->workers;
      return;
    }
    if (command == "load") {
      fleet_->load = {std::stod(first),
                      Number(options, "retries", 0),
                      Number(options, "abuse", 0),
                      Number(options, "critical", 0),
                      Number(options, "sheddable", 0),
                      Number(options, "logins", 0)};
      fleet_->noise = Number(options, "noise", 0);
      return;
    }
    if (command == "run") return RunFor(Duration(first));
    if (command == "ramp") return Ramp(std::stod(first), Duration(options.at("over")));
    if (command == "service_ms")
      fleet_->service = std::stod(first) / 1000;
    else if (command == "database")
      fleet_->database_rps = std::stod(first);
    else if (command == "mute")
      Mute(std::stoi(first), true);
    else if (command == "unmute")
      Mute(1000, false);
    else if (command == "new-pods")
      fleet_->new_pods_break = first == "break";
    else if (command == "restart-pod")
      fleet_->RestartPod(std::stoul(first));
    else if (command == "restart-governor")
      fleet_->RestartGovernor();
    else if (command == "skip")
      fleet_->Skip(std::chrono::duration_cast<seconds>(Duration(first)));
    else if (command == "write")
      fleet_->WriteReplicas(std::stoi(first));
    else if (command == "owner")
      fleet_->other_owner = first;
    else if (command == "external")
      fleet_->external = {first == "none" ? std::nullopt : std::optional(std::stod(first))};
    else if (command == "memory_mib")
      fleet_->memory_bytes = std::stod(first) * (1 << 20);
    else if (command == "target")
      fleet_->target_reachable = first == "up";
    else if (command == "platform")
      fleet_->scaling_limited = first == "full" ? "0/3 nodes are available: 3 Insufficient cpu" : "";
    else if (command == "linger")
      fleet_->linger = std::chrono::duration_cast<seconds>(Duration(first));
    else if (command == "garbage")
      Garble(std::stoi(first), options);
    else if (command == "redis")
      fleet_->redis_up = first == "up";
    else if (command == "explain")
      out_ = Explain(fleet_->last());
    else if (command == "limits")
      Limits();
    else
      out_ = "unknown command " + command + "\n";
  }

  void Configure(const Options& options) {
    doc_.name = "tasks";
    doc_.replicas.min = static_cast<int>(Number(options, "min", 2));
    doc_.replicas.max = static_cast<int>(Number(options, "max", 10));
    doc_.replicas.startup = seconds(static_cast<int>(Number(options, "startup_s", 10)));
    doc_.replicas.fallback = static_cast<int>(Number(options, "fallback", 0));
    if (options.contains("window_s")) {
      doc_.scale_down.stabilization_window = seconds(static_cast<int>(Number(options, "window_s", 0)));
    }
    if (options.contains("cpu_target")) doc_.cpu_target = Number(options, "cpu_target", 0);
    if (options.contains("memory_target")) doc_.memory_target = Number(options, "memory_target", 0);
    if (options.contains("external")) doc_.external = {{"lag", "sum(lag)", Number(options, "external", 0)}};
    if (options.contains("p95_ms")) doc_.latency = {0.95, milliseconds(static_cast<int>(Number(options, "p95_ms", 0)))};
    if (options.contains("observe")) doc_.mode = spec::Governor::Mode::kObserve;
    if (options.contains("paused")) doc_.paused = true;
  }

  void Mute(int count, bool mute) {
    for (auto& pod : fleet_->pods) {
      if (count-- > 0) pod.mute = mute;
    }
  }

  // The pages of the first `count` pods say "says" (nan, -1) of what arrived; 0 of them is all well again.
  void Garble(int count, const Options& options) {
    for (auto& pod : fleet_->pods) pod.garbage = count-- > 0 ? Number(options, "says", 0) : 0;
  }

  void RunFor(milliseconds duration) {
    const SteadyTime start = fleet_->now();
    while (fleet_->now() - start < duration) {
      const int before = fleet_->ordered;
      const Decision& d = Tick();
      const bool last = fleet_->now() - start >= duration;
      if (d.desired != before || Names(d) != conditions_ || last) Print(start, d);
      conditions_ = Names(d);
    }
  }

  void Ramp(double to, milliseconds over) {
    const double from = fleet_->load.rps;
    const SteadyTime start = fleet_->now();
    while (fleet_->now() - start < over) {
      fleet_->load.rps = from + (to - from) * (ToSeconds(fleet_->now() - start) + 2) / ToSeconds(over);
      const int before = fleet_->ordered;
      const Decision& d = Tick();
      if (d.desired != before || fleet_->now() - start >= over) Print(start, d);
    }
  }

  // Every decision must be what its own inputs say.
  const Decision& Tick() {
    const Decision& d = fleet_->Tick();
    const Recomputed again = Recompute(d);
    EXPECT_EQ(again.desired, d.desired) << ToJson(d);
    EXPECT_EQ(again.raw, d.constraint_inputs.raw) << ToJson(d);
    EXPECT_EQ(again.allocation.rates, d.allocation.rates) << ToJson(d);
    EXPECT_EQ(again.allocation.quota_factor, d.allocation.quota_factor) << ToJson(d);
    return d;
  }

  static std::string Names(const Decision& d) {
    std::string names;
    for (const Condition& c : d.conditions) names += fmt::format(" [{}/{}]", c.type, c.reason);
    return names;
  }

  void Print(SteadyTime start, const Decision& d) {
    out_ +=
        fmt::format("{:3.0f}s  {} -> {}, {} ready, raw {}, shed {:.0f} %", ToSeconds(fleet_->now() - start), d.ordered,
                    d.desired, d.constraint_inputs.ready, d.constraint_inputs.raw, d.estimates.shed_share * 100);
    std::string rules;
    for (const Step& step : d.steps) {
      if (step.rule != "signals" && step.before != step.after) rules += (rules.empty() ? "" : ",") + step.rule;
    }
    if (!rules.empty()) out_ += "  (" + rules + ")";
    out_ += Names(d) + (d.act ? "" : " observing") + "\n";
  }

  void Limits() {
    const Allocation& a = fleet_->last().allocation;
    out_ = a.ceiling_rps ? fmt::format("ceiling {:.0f} = {:.0f} + {:.0f} + {:.0f}", *a.ceiling_rps, a.rates[0],
                                       a.rates[1], a.rates[2])
                         : "no ceiling";
    out_ += fmt::format(", quota factor {:.2f}, static share {:.0f}\n", a.quota_factor, a.static_share_rps);
  }

  spec::Governor doc_;
  std::unique_ptr<FakeFleet> fleet_;
  std::string conditions_;
  std::string out_;
};

std::string Indent(const std::string& text) {
  std::istringstream lines(text);
  std::string out, line;
  while (std::getline(lines, line)) out += "    " + line + "\n";
  return out;
}

class TranscriptTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TranscriptTest, ComesOutAsWritten) {
  const std::string path = std::string(FLYBALL_TESTDATA) + "/" + GetParam();
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  Transcript transcript;
  std::string line, expected, actual;
  int commands = 0;
  while (std::getline(file, line)) {
    expected += line + "\n";
    if (line.starts_with("    ")) continue;
    actual += line + "\n";
    if (line.empty() || line[0] == '#') continue;
    actual += Indent(transcript.Run(line));
    ++commands;
  }
  file.close();
  EXPECT_GT(commands, 2);
  if (std::getenv("FLYBALL_UPDATE_TRANSCRIPTS") != nullptr)
    std::ofstream(path) << actual;
  else
    EXPECT_EQ(actual, expected);
}

std::vector<std::string> Files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(FLYBALL_TESTDATA)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Testdata, TranscriptTest, ::testing::ValuesIn(Files()), [](const auto& test) {
  std::string name = test.param.substr(0, test.param.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace flyball::scaling
