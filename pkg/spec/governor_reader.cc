#include "pkg/spec/detail/governor_reader.h"

#include <algorithm>
#include <charconv>

#include "pkg/spec/detail/app_reader.h"
#include "pkg/spec/detail/demand_reader.h"

namespace flyball::spec {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class GovernorReader {
 public:
  GovernorReader(Reading& reading, const Node& spec, Governor& governor)
      : reading_(reading), spec_(reading, spec, "spec"), governor_(governor) {}

  void Read(const Node*& target_name) {
    if (!spec_.valid()) return;
    ReadTarget(target_name);
    if (const Node* mode = spec_.Find("mode"))
      if (const auto choice = reading_.Choice(*mode, "spec.mode", {"Enforce", "Observe"}))
        governor_.mode = *choice == 0 ? Governor::Mode::kEnforce : Governor::Mode::kObserve;
    spec_.Bool("paused", governor_.paused);
    spec_.Fraction("targetUtilization", 0.1, 0.99, governor_.target_utilization);
    With("slo", [this](Mapping& slo) { ReadSlo(slo); });
    if (const Node* replicas = spec_.Require("replicas", "replicas: {min: 2, max: 10}"))
      Within(*replicas, "replicas", [this](Mapping& bounds) { ReadReplicas(bounds); });
    With("signals", [this](Mapping& signals) { ReadSignals(signals); });
    With("capacity", [this](Mapping& capacity) { ReadCapacity(capacity); });
    With("limits", [this](Mapping& limits) { ReadLimits(limits); });
    With("behavior", [this](Mapping& behavior) {
      ReadRules(behavior, "scaleUp", governor_.scale_up);
      ReadRules(behavior, "scaleDown", governor_.scale_down);
    });
    With("metrics", [this](Mapping& metrics) { ReadMetrics(reading_, metrics, governor_); });
    nodes_.metrics = spec_.Find("metrics");
    CheckDemand(reading_, spec_.node(), nodes_, governor_);
    if (external_ != nullptr && !governor_.external.empty() && governor_.prometheus_url.empty())
      reading_.Report(*external_, "spec.signals.external needs a server to ask",
                      "add metrics: {prometheusURL: http://127.0.0.1:9090}");
    if (const Node* schedule = spec_.Find("schedule")) ReadSchedule(*schedule, "spec.schedule");
    With("forecast", [this](Mapping& forecast) {
      forecast.Bool("enabled", governor_.forecast.enabled);
      forecast.Duration("season", hours(1), hours(24 * 7), governor_.forecast.season);
    });
    spec_.NotBuilt({"scaleToZero", "headroom", "cost"});
    spec_.Finish();
  }

 private:
  template <typename Body>
  void Within(const Node& node, std::string_view key, Body body) {
    Mapping mapping(reading_, node, spec_.Path(key));
    if (!mapping.valid()) return;
    body(mapping);
    mapping.Finish();
  }
  template <typename Body>
  void With(std::string_view key, Body body) {
    if (const Node* node = spec_.Find(key)) Within(*node, key, body);
  }

  void ReadTarget(const Node*& target_name) {
    const Node* node = spec_.Require("targetRef", "targetRef: {kind: App, name: tasks}");
    if (node == nullptr) return;
    Governor::Target& target = governor_.target;
    Within(*node, "targetRef", [&](Mapping& ref) {
      if (const Node* kind = ref.Require("kind", "kind: App, or kind: Deployment")) ReadKind(*kind, ref.Path("kind"));
      target.api_version = DefaultVersion(target.kind);
      if (const Node* version = ref.Find("apiVersion")) {
        ReadVersion(*version, ref.Path("apiVersion"));
      } else if (target.api_version.empty() && !target.kind.empty()) {
        ref.Require("apiVersion", "apiVersion: group/v1, whatever kind " + target.kind + " has");
      }
      target_name = ref.Require("name", "name: tasks");
      if (target_name != nullptr) target.name = reading_.Text(*target_name, ref.Path("name")).value_or("");
    });
  }

  static std::string DefaultVersion(std::string_view kind) {
    if (kind == "App") return "flyball.io/v1alpha1";
    return kind == "Deployment" || kind == "StatefulSet" || kind == "ReplicaSet" ? "apps/v1" : "";
  }

  // Any kind may have replicas; one that is nearly a known one is taken for a slip.
  void ReadKind(const Node& node, const std::string& path) {
    static const std::vector<std::string_view> kKnown = {"App", "Deployment", "StatefulSet", "ReplicaSet"};
    const auto text = reading_.Text(node, path);
    if (!text) return;
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const bool named = std::find(kKnown.begin(), kKnown.end(), *text) != kKnown.end();
    const bool good = text->front() >= 'A' && text->front() <= 'Z' && text->size() <= 63 &&
                      std::all_of(text->begin(), text->end(), letter);
    if (named || (good && !Suggest(*text, kKnown).starts_with("did you mean")))
      governor_.target.kind = *text;
    else
      reading_.Report(node, path + " cannot be '" + text->substr(0, 70) + "'", Suggest(*text, kKnown));
  }

  void ReadVersion(const Node& node, const std::string& path) {
    std::string& version = governor_.target.api_version;
    const std::string expected = version;
    const auto text = reading_.Text(node, path);
    if (!text) return;
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
    };
    if (!expected.empty() && *text != expected)
      reading_.Report(node, path + " of kind " + governor_.target.kind + " cannot be '" + text->substr(0, 70) + "'",
                      "write " + expected);
    else if (text->size() > 120 || std::count(text->begin(), text->end(), '/') != 1 || text->front() == '/' ||
             text->back() == '/' || !std::all_of(text->begin(), text->end(), letter))
      reading_.Report(node, path + ": '" + text->substr(0, 70) + "' is no group and version", "write it like apps/v1");
    else
      version = *text;
  }

  void ReadSlo(Mapping& slo) {
    slo.Duration("latency", milliseconds(1), minutes(10), governor_.slo.latency);
    slo.Number("percentile", 50, 99.99, governor_.slo.percentile);
    slo.Number("availability", 50, 99.9999, governor_.slo.availability);
  }

  void ReadReplicas(Mapping& bounds) {
    Replicas& replicas = governor_.replicas;
    if (const Node* min = bounds.Find("min"); min != nullptr && min->kind == Node::Kind::kInt && min->text == "0")
      reading_.Report(*min, NotBuilt(bounds.Path("min") + ": 0 (scale to zero)"), "write min: 1");
    else
      bounds.Int("min", 1, 1000, replicas.min);
    bounds.Require("max", "max: 10");
    const size_t before = reading_.reporter().count();
    bounds.Int("max", 1, 1000, replicas.max);
    bounds.Duration("startup", milliseconds(1), hours(1), replicas.startup);
    bounds.Int("fallback", 1, 1000, replicas.fallback);
    if (reading_.reporter().count() != before) return;
    if (bounds.Find("max") != nullptr && replicas.max < replicas.min)
      reading_.Report(bounds.KeyNode("max"), bounds.Path("max") + " (" + std::to_string(replicas.max) +
                                                 ") is less than min (" + std::to_string(replicas.min) + ")");
    else if (replicas.fallback != 0 && (replicas.fallback < replicas.min || replicas.fallback > replicas.max))
      reading_.Report(bounds.KeyNode("fallback"), bounds.Path("fallback") + " must be from min to max (" +
                                                      std::to_string(replicas.min) + " to " +
                                                      std::to_string(replicas.max) + ")");
  }

  void ReadSignals(Mapping& signals) {
    if (const Node* demand = signals.Find("demand")) {
      nodes_.demand = demand;
      ReadDemand(reading_, *demand, signals.Path("demand"), governor_.demand);
    }
    if (const Node* cpu_node = signals.Find("cpu")) {
      Mapping cpu(reading_, *cpu_node, signals.Path("cpu"));
      if (const Node* target = cpu.Require("target", "target: 70%"))
        governor_.cpu_target = reading_.Fraction(*target, cpu.Path("target"), 0.01, 1);
      cpu.Finish();
    }
    if (const Node* memory_node = signals.Find("memory")) {
      Mapping memory(reading_, *memory_node, signals.Path("memory"));
      if (const Node* target = memory.Require("target", "target: 85%"))
        governor_.memory_target = reading_.Fraction(*target, memory.Path("target"), 0.01, 1);
      memory.Finish();
    }
    if (const Node* latency = signals.Find("latency")) ReadLatency(*latency, signals.Path("latency"));
    if (const Node* external = signals.Find("external")) ReadExternal(*external, signals.Path("external"));
    signals.NotBuilt({"backlog"});
  }

  // {p95: 2s}
  void ReadLatency(const Node& node, const std::string& path) {
    Mapping latency(reading_, node, path);
    if (!latency.valid()) return;
    static constexpr std::pair<std::string_view, double> kQuantiles[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}};
    for (const auto& [key, quantile] : kQuantiles) {
      if (latency.Find(key) == nullptr) continue;
      if (governor_.latency) reading_.Report(latency.KeyNode(key), path + " takes one quantile");
      LatencySignal signal{quantile, milliseconds(0)};
      latency.Duration(key, milliseconds(1), minutes(10), signal.target);
      if (signal.target > milliseconds(0)) governor_.latency = signal;
    }
    if (!governor_.latency) reading_.Report(node, path + " names no quantile", "write it like {p95: 2s}");
    latency.Finish();
  }

  void ReadExternal(const Node& node, const std::string& path) {
    external_ = &node;
    const std::vector<Node>* entries =
        reading_.List(node, path, "[{name: lag, promql: \"sum(queue_lag)\", target: 100}]");
    if (entries == nullptr) return;
    if (entries->size() > 10) reading_.Report(node, path + " has more than 10 entries");
    for (const Node& item : *entries) {
      Mapping mapping(reading_, item, "an entry of " + path);
      if (!mapping.valid()) continue;
      ExternalSignal signal;
      if (const Node* name = mapping.Require("name", "name: lag")) {
        signal.name = reading_.Text(*name, path + ".name").value_or("");
        const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
        if (signal.name.size() > 63 || !std::all_of(signal.name.begin(), signal.name.end(), letter))
          reading_.Report(*name, path + ".name: at most 63 of a-z, 0-9 and -");
      }
      if (const Node* query = mapping.Require("promql", "promql: \"sum(queue_lag)\""))
        signal.promql = reading_.Text(*query, path + ".promql").value_or("");
      if (mapping.Require("target", "target: 100") != nullptr) mapping.Number("target", 1e-6, 1e12, signal.target);
      mapping.Finish();
      governor_.external.push_back(std::move(signal));
    }
  }

  void ReadCapacity(Mapping& capacity) {
    if (const Node* hint = capacity.Find("hint")) ReadHint(*hint, capacity.Path("hint"));
    if (const Node* node = capacity.Find("workers"))
      if (const auto workers = reading_.Int(*node, capacity.Path("workers"), 1, 1024))
        governor_.workers = static_cast<int>(*workers);
  }

  // "400rps"
  void ReadHint(const Node& node, const std::string& path) {
    double rps = 0;
    const std::string_view text = node.text;
    const bool unit = node.kind == Node::Kind::kText && text.ends_with("rps");
    const std::string_view number = unit ? text.substr(0, text.size() - 3) : std::string_view();
    const auto read = std::from_chars(number.data(), number.data() + number.size(), rps);
    const bool good = unit && !number.empty() && read.ec == std::errc() && read.ptr == number.data() + number.size();
    if (good && rps >= 0.01 && rps <= 1e7)
      governor_.capacity_hint_rps = rps;
    else
      reading_.Mistyped(node, path, "requests a second of one replica, from 0.01rps to 10000000rps",
                        "write it like 400rps");
  }

  void ReadLimits(Mapping& limits) {
    limits.Bool("enforce", governor_.enforce_limits);
    nodes_.enforce = limits.Find("enforce");
    limits.Fraction("quotaFloor", 0.01, 1, governor_.quota_floor);
    if (const Node* fleet = limits.Find("fleet"))
      if (const auto choice = reading_.Choice(*fleet, limits.Path("fleet"), {"ceiling", "off"}))
        governor_.fleet_ceiling = *choice == 0;
    if (const Node* node = limits.Find("criticality")) {
      Mapping weights(reading_, *node, limits.Path("criticality"));
      weights.Number("critical", 0.001, 1000, governor_.weights.critical);
      weights.Number("normal", 0.001, 1000, governor_.weights.normal);
      weights.Number("sheddable", 0.001, 1000, governor_.weights.sheddable);
      weights.Finish();
    }
  }

  void ReadSchedule(const Node& node, const std::string& path) {
    const std::vector<Node>* entries =
        reading_.List(node, path, "[{cron: \"0 8 * * 1-5\", timeZone: Europe/Paris, duration: 2h, minReplicas: 6}]");
    if (entries == nullptr) return;
    if (entries->size() > 20) reading_.Report(node, path + " has more than 20 entries");
    for (const Node& item : *entries) {
      Mapping mapping(reading_, item, "an entry of " + path);
      if (!mapping.valid()) continue;
      Schedule schedule;
      if (const Node* cron = mapping.Require("cron", "cron: \"0 8 * * 1-5\""))
        ReadCron(*cron, path + ".cron", schedule);
      if (const Node* zone = mapping.Find("timeZone")) ReadTimeZone(*zone, path + ".timeZone", schedule);
      if (mapping.Require("duration", "duration: 2h") != nullptr)
        mapping.Duration("duration", minutes(1), hours(24 * 7), schedule.duration);
      if (mapping.Require("minReplicas", "minReplicas: 6") != nullptr)
        mapping.Int("minReplicas", 1, 1000, schedule.min_replicas);
      mapping.Finish();
      governor_.schedule.push_back(std::move(schedule));
    }
  }

  void ReadCron(const Node& node, const std::string& path, Schedule& schedule) {
    const auto text = reading_.Text(node, path);
    if (!text) return;
    auto cron = Cron::Parse(*text);
    if (cron)
      schedule.cron = std::move(*cron);
    else
      reading_.Report(node, path + ": " + cron.error().message, "write it like \"0 8 * * 1-5\"");
  }

  // That it exists is found out where the tz database is.
  void ReadTimeZone(const Node& node, const std::string& path, Schedule& schedule) {
    const auto text = reading_.Text(node, path);
    if (!text) return;
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '+' || c == '/';
    };
    if (text->empty() || text->size() > 64 || !std::all_of(text->begin(), text->end(), letter) ||
        text->front() == '/' || text->back() == '/' || text->find("//") != std::string::npos)
      reading_.Report(node, path + ": '" + *text + "' is no name of a time zone", "write it like Europe/Paris");
    else
      schedule.time_zone = *text;
  }

  void ReadRules(Mapping& behavior, std::string_view key, ScalingRules& rules) {
    const Node* node = behavior.Find(key);
    if (node == nullptr) return;
    Mapping mapping(reading_, *node, behavior.Path(key));
    if (const Node* window = mapping.Find("stabilizationWindowSeconds"))
      if (const auto value = reading_.Int(*window, mapping.Path("stabilizationWindowSeconds"), 0, 3600))
        rules.stabilization_window = seconds(*value);
    if (const Node* tolerance = mapping.Find("tolerance"))
      rules.tolerance = reading_.Number(*tolerance, mapping.Path("tolerance"), 0, 1);
    if (const Node* select = mapping.Find("selectPolicy")) {
      using Select = ScalingRules::Select;
      static constexpr Select kChoices[] = {Select::kMax, Select::kMin, Select::kDisabled};
      if (const auto choice = reading_.Choice(*select, mapping.Path("selectPolicy"), {"Max", "Min", "Disabled"}))
        rules.select = kChoices[*choice];
    }
    if (const Node* policies = mapping.Find("policies")) ReadPolicies(*policies, mapping.Path("policies"), rules);
    mapping.Finish();
  }

  void ReadPolicies(const Node& node, const std::string& path, ScalingRules& rules) {
    const std::vector<Node>* policies = reading_.List(node, path, "[{type: Percent, value: 30, periodSeconds: 15}]");
    if (policies == nullptr) return;
    if (policies->size() > 20) reading_.Report(node, path + " has more than 20 entries");
    for (const Node& item : *policies) {
      Mapping mapping(reading_, item, "an entry of " + path);
      if (!mapping.valid()) continue;
      ScalingPolicy policy;
      if (const Node* type = mapping.Require("type", "type: Percent"))
        if (const auto choice = reading_.Choice(*type, path + ".type", {"Pods", "Percent"}))
          policy.type = *choice == 0 ? ScalingPolicy::Type::kPods : ScalingPolicy::Type::kPercent;
      if (mapping.Require("value", "value: 30") != nullptr) mapping.Int("value", 1, 100'000, policy.value);
      int period = 0;
      if (mapping.Require("periodSeconds", "periodSeconds: 15") != nullptr)
        mapping.Int("periodSeconds", 1, 1800, period);
      policy.period = seconds(period);
      mapping.Finish();
      rules.policies.push_back(policy);
    }
  }

  Reading& reading_;
  Mapping spec_;
  Governor& governor_;
  const Node* external_ = nullptr;
  DemandNodes nodes_;
};

}  // namespace

void ReadGovernorSpec(Reading& reading, const Node& spec, Governor& governor, const Node*& target_name) {
  GovernorReader(reading, spec, governor).Read(target_name);
}

}  // namespace flyball::spec
