// What one request costs in instructions, step by step, over a fixed corpus: run under callgrind by instructions.sh,
// which counts each Step* function alone and compares with instructions.txt. No clock, no IO, no thread: the same
// binary gives the same counts. Runs by itself too, to see that the corpus is understood.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/admission/concurrency_limit.h"
#include "pkg/admission/fleet_ceiling.h"
#include "pkg/admission/quota_table.h"
#include "pkg/admission/retry_filter.h"
#include "pkg/base/check.h"
#include "pkg/http/detail/request_reader.h"
#include "pkg/http/router.h"
#include "pkg/identity/verified_tokens.h"
#include "pkg/resource/encode.h"
#include "pkg/resource/json_body.h"
#include "pkg/resource/testing/tasks_world.h"
#include "pkg/resource/validate.h"
#include "pkg/scaling/governor.h"
#include "pkg/telemetry/pod_metrics.h"
#include "pkg/telemetry/pod_sample.h"

namespace flyball {
namespace {

constexpr int kRounds = 1000;
const SteadyTime kStart{std::chrono::hours(1)};
const WallTime kWall{std::chrono::hours(24 * 365 * 56)};

class NoSink final : public http::detail::AnswerSink {
 public:
  void Complete(http::detail::Exchange*) override {}
  void StreamReady(int, uint32_t) override {}
};

std::string Get(std::string_view target, std::string_view token) {
  return "GET " + std::string(target) +
         " HTTP/1.1\r\nHost: api.example.org\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n"
         "Accept-Encoding: gzip, br\r\nAuthorization: Bearer " +
         std::string(token) + "\r\n\r\n";
}

[[gnu::noinline]] size_t StepRead(const std::vector<std::string>& requests, http::detail::Exchange& exchange) {
  const http::Limits limits;
  http::detail::RequestReader reader;
  size_t paths = 0;
  for (const std::string& request : requests) {
    std::string_view rest = request;
    for (auto step = http::detail::RequestReader::Step::kHead; step != http::detail::RequestReader::Step::kComplete;) {
      size_t consumed = 0;
      step = reader.Read(rest, limits, exchange, consumed);
      rest.remove_prefix(consumed);
      exchange.max_body_bytes = limits.body_bytes;
      Check(step != http::detail::RequestReader::Step::kRefused && step != http::detail::RequestReader::Step::kNeedMore,
            "the corpus is HTTP");
    }
    paths += exchange.request.path().size();
    exchange.Reset();
  }
  return paths;
}

[[gnu::noinline]] size_t StepRoute(const http::Router& router, const std::vector<std::string>& paths) {
  size_t found = 0;
  for (const std::string& path : paths) {
    found += router.Find(http::Method::kGet, path).kind == http::Router::Match::Kind::kFound;
  }
  return found;
}

[[gnu::noinline]] size_t StepIdentify(identity::VerifiedTokens& verified, const std::string& token,
                                      const identity::KeySet& keys, const identity::TokenOptions& options) {
  const auto principal = verified.Verify(token, keys, options, kWall);
  Check(principal.has_value(), "the token verifies");
  return (*principal)->id.size();
}

[[gnu::noinline]] bool StepAdmit(admission::QuotaTable& table, const admission::QuotaRule& rule,
                                 admission::FleetCeiling& ceiling, admission::ConcurrencyLimit& limit,
                                 const std::string& who, SteadyTime now) {
  const bool quota = table.Decide(rule, who, 1, 1, 1, now).verdict == admission::Verdict::kAllowed;
  const bool fleet = ceiling.Admit(spec::Criticality::kNormal, now);
  const bool pod = limit.Admits(1);
  limit.Sample(0, std::chrono::milliseconds(2));
  return quota && fleet && pod;
}

[[gnu::noinline]] size_t StepDecode(const resource::Model& model, std::string_view body, const expr::Auth& auth) {
  const auto members = resource::ReadJsonObject(body);
  Check(members.has_value(), "the body is JSON");
  resource::Findings findings;
  const store::Row row = resource::NewRow(model, *members, auth, {}, findings);
  Check(findings.ok(), "the body is a task");
  return row.size();
}

[[gnu::noinline]] size_t StepEncode(const resource::Model& model, const store::Row& row, std::string& out) {
  out.clear();
  resource::AppendWholeRow(out, model, row);
  return out.size() + resource::EntityTag(model, 3).size();
}

[[gnu::noinline]] int StepScrape(const std::string& page, scaling::PodSample& sample) {
  auto read = telemetry::ReadPodSample(page);
  Check(read.has_value(), "the page is a pod's");
  sample = std::move(*read);
  return static_cast<int>(sample.endpoints.size());
}

[[gnu::noinline]] int StepDecide(scaling::Governor& governor, const scaling::Inputs& inputs, SteadyTime now) {
  return governor.Decide(inputs, now).desired;
}

std::string PodPage() {
  telemetry::PodMetrics::Options options;
  options.app = "tasks";
  for (const char* verb : {"list", "read", "create", "update", "delete"}) {
    options.endpoints.push_back(std::string("tasks.") + verb);
  }
  options.roles = {"anonymous", "user", "admin"};
  options.shards = {telemetry::ThreadKind::kReactor, telemetry::ThreadKind::kExecutor};
  options.workers = 8;
  options.cpu_quota_cores = 2;
  FakeClock clock;
  telemetry::PodMetrics metrics(options, clock);
  for (int i = 0; i < 2000; ++i) {
    metrics.CountArrival(0, i % 5, i % 3, spec::Criticality::kNormal, telemetry::Attempt::kFirst);
    metrics.CountService(1, i % 5, spec::Criticality::kNormal, microseconds(i % 3000), microseconds(200 + i % 40000));
    metrics.CountCompleted(0, i % 5, spec::Criticality::kNormal, 200, microseconds(300 + i % 50000));
  }
  return metrics.Render();
}

void RequestPath() {
  const auto key = identity::SigningKey::FromSecret(std::string(32, 'k'));
  const identity::KeySet keys{.current = *key};
  const identity::TokenOptions token_options{.issuer = "tasks", .audience = "tasks"};
  const std::string token =
      identity::MintToken(keys, token_options, "01900000-0000-7000-8000-000000000001", "user", kWall).token;

  const std::string id = "/api/v1/tasks/01900000-0000-7000-8000-000000000002";
  const std::string body = R"({"title":"Write it","description":"A few words \u00fc","status":"pending"})";
  const std::vector<std::string> requests{
      Get(id, token), Get("/api/v1/tasks?status=pending&sort=-createdAt&limit=20", token),
      "POST /api/v1/tasks HTTP/1.1\r\nHost: api.example.org\r\nContent-Type: application/json\r\nAuthorization: "
      "Bearer " +
          token + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
  const std::vector<std::string> paths{id, "/api/v1/tasks", "/api/v1/users/me/none", "/api/v1/auth/login"};

  http::Router router;
  uint32_t endpoint = 0;
  for (const char* name : {"tasks", "users", "projects", "comments"}) {
    for (const char* suffix : {"", "/{id}"}) {
      Check(router.Add(http::Method::kGet, std::string("/api/v1/") + name + suffix, endpoint++).has_value(), "a route");
    }
  }
  Check(router.Add(http::Method::kGet, "/api/v1/auth/login", endpoint).has_value(), "a route");

  admission::QuotaTable table({});
  admission::QuotaRule rule;
  rule.limit = "api";
  rule.quota = 1e9;
  rule.window = seconds(1);
  rule.max_block = 100;
  const std::string who = "01900000-0000-7000-8000-000000000001";
  admission::FleetCeiling ceiling({}, kStart);
  ceiling.OnRecord({.epoch = 1, .rates = {1e6, 1e6, 1e6}, .ready = 1}, kStart);
  admission::ConcurrencyLimit limit({.workers = 8, .endpoints = 8});
  std::vector<admission::QuotaLeaseRequest> leases;
  std::vector<admission::Settled> settled;
  const auto lease = [&](SteadyTime now) {
    leases.clear();
    table.TakeRequests(leases);
    for (const auto& asked : leases)
      table.OnLease(asked.handle, {.granted = 1'000'000, .remaining = 1e9}, now, settled);
  };
  table.Decide(rule, who, 1, 1, 1, kStart);
  lease(kStart);

  resource::testing::TasksWorld world;
  const spec::Resource* tasks = nullptr;
  for (const spec::Resource& resource : world.app().resources) {
    if (resource.name == "tasks") tasks = &resource;
  }
  Check(tasks != nullptr, "the world has tasks");
  const resource::Model model(world.app(), *tasks);
  const expr::Auth auth{who, "user"};
  resource::Findings findings;
  store::Row row = resource::NewRow(model, *resource::ReadJsonObject(body), auth, {}, findings);
  for (size_t i = 0; i < row.size(); ++i) {
    if (model.columns()[i].kind == resource::Model::Kind::kId) row[i] = who;
    if (model.columns()[i].kind == resource::Model::Kind::kVersion) row[i] = int64_t{3};
  }

  spec::Governor document;
  document.replicas = {.min = 2, .max = 100};
  scaling::Governor governor(document, kStart);
  const std::string page = PodPage();
  std::vector<scaling::PodSample> samples(10);
  scaling::Inputs inputs;
  inputs.ordered = 10;
  inputs.pods.resize(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    inputs.pods[i].name = "pod-" + std::to_string(i);
    inputs.pods[i].ready = true;
    inputs.pods[i].sample = &samples[i];
  }

  http::detail::Exchange exchange(std::make_shared<NoSink>());
  identity::VerifiedTokens verified;
  std::string out;
  size_t sum = 0;
  SteadyTime now = kStart;
  for (int i = 0; i < kRounds; ++i) {
    now += milliseconds(1);
    sum += StepRead(requests, exchange);
    sum += StepRoute(router, paths);
    sum += StepIdentify(verified, token, keys, token_options);
    Check(StepAdmit(table, rule, ceiling, limit, who, now), "the request is admitted");
    lease(now);
    sum += StepDecode(model, body, auth);
    sum += StepEncode(model, row, out);
    if (i % 10 == 0) {
      for (scaling::PodSample& sample : samples) {
        sum += static_cast<size_t>(StepScrape(page, sample));
        sample.monotonic_seconds += 2 * i;
        sample.endpoints[0].first_attempts += 100.0 * i;
      }
      for (scaling::PodView& pod : inputs.pods) pod.sampled_at = kStart + seconds(2) * i;
      sum += static_cast<size_t>(StepDecide(governor, inputs, kStart + seconds(2) * i));
    }
  }
  std::printf("%zu\n", sum);
}

}  // namespace
}  // namespace flyball

int main() { flyball::RequestPath(); }
