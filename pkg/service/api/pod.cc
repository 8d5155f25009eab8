#include "pkg/service/api/pod.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "pkg/base/log.h"
#include "pkg/http/connection_counts.h"
#include "pkg/http/listener.h"
#include "pkg/http/server.h"
#include "pkg/identity/signing_key.h"
#include "pkg/service/api/admin.h"
#include "pkg/service/api/endpoints.h"
#include "pkg/service/api/executor.h"
#include "pkg/service/api/front.h"
#include "pkg/service/api/operations.h"
#include "pkg/spec/reader.h"
#include "pkg/state/memory/memory_state.h"
#include "pkg/state/redis/redis_state.h"
#include "pkg/store/database/database.h"

namespace flyball::service::api {
namespace {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

// What the OWASP REST cheat sheet would have an API say with every answer: nothing here is a page, or part of one.
HeaderLines SecurityHeaders() {
  return {{"X-Content-Type-Options", "nosniff"},
          {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
          {"Referrer-Policy", "no-referrer"},
          {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"}};
}

// Over plain HTTP it must not be sent (RFC 6797 section 7.2). Two years is what browsers' preload lists ask for.
HeaderLines SecureHeaders() { return {{"Strict-Transport-Security", "max-age=63072000; includeSubDomains"}}; }

// What the document and the flags say of origins and of proxies in front.
Result<void> SetOrigins(const spec::App& app, const std::vector<std::string>& flags, http::ServerOptions& server) {
  const spec::Cors& cors = app.cors;
  server.cors = {cors.origins, cors.credentials, std::chrono::duration_cast<std::chrono::seconds>(cors.max_age)};
  std::vector<std::string> proxies = app.trusted_proxies;
  proxies.insert(proxies.end(), flags.begin(), flags.end());
  auto trusted = http::TrustedProxies::Parse(proxies);
  if (!trusted) return Fail(ErrorCode::kInvalid, "--trusted-proxies: " + trusted.error().message);
  server.trusted_proxies = std::move(*trusted);
  return {};
}

struct Documents {
  spec::App app;
  std::optional<spec::Governor> governor;
};

Result<Documents> ReadDocuments(const std::vector<std::string>& files) {
  spec::Documents read = spec::ReadFiles(files);
  if (!read.ok()) {
    std::string all = "the documents are wrong:";
    for (const spec::Problem& problem : read.problems) all += "\n" + spec::Format(problem);
    return Fail(ErrorCode::kInvalid, all);
  }
  if (read.apps.size() != 1) {
    return Fail(ErrorCode::kInvalid, "expected one App in the documents, found " + std::to_string(read.apps.size()) +
                                         "; several apps in one fleet are not built yet");
  }
  Documents documents{std::move(read.apps.front()), std::nullopt};
  for (spec::Governor& governor : read.governors) {
    if (governor.target.kind == "App" && governor.target.name == documents.app.name) {
      documents.governor = std::move(governor);
    }
  }
  return documents;
}

// None when the app has no accounts, and so no tokens.
Result<std::optional<identity::SigningKey>> SigningKeyOf(const Options& options, const spec::App& app) {
  if (app.auth.accounts.empty()) return std::nullopt;
  const auto given = !options.jwt_key.empty()        ? identity::ReadKey(options.jwt_key)
                     : !options.jwt_key_file.empty() ? identity::LoadKey(options.jwt_key_file)
                     : options.must_be_given_a_key
                         ? Fail(ErrorCode::kInvalid,
                                "there is no key to sign tokens with: in a cluster all pods must share one, so give it "
                                "in FLYBALL_JWT_KEY from a Secret (openssl rand -hex 32), or by --jwt-key-file")
                         : identity::LoadOrCreateKey(options.data + "/signing.key");
  if (!given && !options.jwt_key.empty()) return Fail(given.error().code, "FLYBALL_JWT_KEY: " + given.error().message);
  if (!given) return Fail(given.error());
  return *given;
}

// Waits for `limit` or a stop; true on a stop.
bool Pause(nanoseconds limit, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, limit, [] { return false; });
  return stop.stop_requested();
}

// Names what the pod was made from, so that the governor sees a new build or document as one.
std::string TemplateHash(const std::vector<std::string>& files) {
  size_t hash = 1469598103934665603ULL;
  for (const std::string& file : files) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) continue;
    for (const auto part : {static_cast<size_t>(info.st_size), static_cast<size_t>(info.st_mtime)}) {
      hash = (hash ^ part) * 1099511628211ULL;
    }
  }
  return std::to_string(hash);
}

}  // namespace

// The parts of a pod in the order in which they are made; each may call into those above it.
class Pod {
 public:
  Pod(const Options& options, Documents documents) : options_(options), documents_(std::move(documents)) {}

  Result<void> Make();
  Result<void> Serve(const std::stop_token& stop);

 private:
  Result<void> OpenStore();
  Result<void> OpenState();
  Result<void> StartAdmin();
  void StartAccessLog();
  Result<void> StartApi(UniqueFd listener);
  void ReportReady();
  void Drain();

  telemetry::PodMetrics::Options MetricsOptions() const;
  void AddStateMetrics();
  void AddServerMetrics();

  const Options& options_;
  Documents documents_;
  const Clock& clock_ = RealClock();
  int reactors_ = 1, workers_ = 8;
  UniqueFd listener_;
  std::optional<http::ConnectionCounts> counts_;
  EndpointTable table_;
  std::unique_ptr<telemetry::PodMetrics> metrics_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Operations> operations_;
  std::unique_ptr<AccessLog> access_log_;
  std::unique_ptr<Front> front_;
  std::unique_ptr<http::Server> api_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<state::SharedState> state_;
  std::unique_ptr<Admin> admin_handler_;
  std::unique_ptr<http::Server> admin_;
};

Result<void> Pod::Make() {
  if (auto inherited = http::InheritedListener()) {
    listener_ = std::move(*inherited);
  } else if (inherited.error().code != ErrorCode::kNotFound) {
    return Fail(inherited.error());
  }
  const int cores = static_cast<int>(std::max(1.0, telemetry::CpuQuotaCores()));
  reactors_ = options_.reactors > 0 ? options_.reactors : listener_.valid() ? 1 : cores;
  const auto& governor = documents_.governor;
  workers_ = options_.workers > 0 ? options_.workers : governor && governor->workers ? *governor->workers : 8;
  if (options_.counts_fd >= 0) {
    auto counts = http::ConnectionCounts::Map(UniqueFd(options_.counts_fd));
    if (!counts) return Fail(counts.error());
    counts_.emplace(std::move(*counts));
  }
  auto table = MakeEndpoints(documents_.app);
  if (!table) return Fail(table.error());
  table_ = std::move(*table);
  metrics_ = std::make_unique<telemetry::PodMetrics>(MetricsOptions(), clock_);
  auto key = SigningKeyOf(options_, documents_.app);
  if (!key) return Fail(key.error());
  if (auto opened = OpenStore(); !opened) return opened;
  auto operations = Operations::Make(documents_.app, {.key = std::move(*key), .reactors = reactors_}, *store_, clock_);
  if (!operations) return Fail(operations.error());
  operations_ = std::move(*operations);
  if (auto opened = OpenState(); !opened) return opened;
  return StartAdmin();
}

telemetry::PodMetrics::Options Pod::MetricsOptions() const {
  telemetry::PodMetrics::Options out;
  out.app = documents_.app.name;
  out.endpoints = table_.Names();
  out.roles.emplace_back("anonymous");
  for (const spec::Role& role : documents_.app.auth.roles) out.roles.push_back(role.name);
  out.shards.assign(static_cast<size_t>(reactors_), telemetry::ThreadKind::kReactor);
  out.shards.insert(out.shards.end(), static_cast<size_t>(workers_), telemetry::ThreadKind::kExecutor);
  out.workers = workers_;
  out.cpu_quota_cores = telemetry::CpuQuotaCores();
  out.memory_limit_bytes = telemetry::MemoryLimitBytes();
  out.template_hash = TemplateHash(options_.files);
  return out;
}

Result<void> Pod::OpenStore() {
  const std::string path =
      options_.database.empty() ? options_.data + "/" + documents_.app.name + ".db" : options_.database;
  auto opened = store::OpenDatabase(path, documents_.app.name, options_.database_patience);
  if (!opened) return Fail(opened.error());
  store_ = std::move(*opened);
  return {};
}

Result<void> Pod::OpenState() {
  if (options_.redis == "none") {
    state_ = state::MakeMemoryState(clock_);
    return {};
  }
  auto address = state::ParseRedisAddress(options_.redis);
  if (!address) return Fail(address.error());
  state_ = state::MakeRedisState({.address = std::move(*address), .app = documents_.app.name}, clock_);
  return {};
}

void Pod::AddStateMetrics() {
  metrics_->AddGauge("flyball_shared_state_up", "1 while the shared state answers",
                     [this] { return state_->health().up ? 1.0 : 0.0; });
  metrics_->AddCounter("flyball_shared_state_operations_total", "operations accepted",
                       [this] { return static_cast<double>(state_->counters().operations); });
  metrics_->AddCounter("flyball_shared_state_timeouts_total", "operations that timed out",
                       [this] { return static_cast<double>(state_->counters().timeouts); });
}

void Pod::AddServerMetrics() {
  const auto add = [this](const char* name, const char* help, uint64_t http::Counters::*counter) {
    metrics_->AddCounter(name, help, [this, counter] { return static_cast<double>(api_->counters().*counter); });
  };
  add("flyball_connections_rebalanced_total", "connections closed so that other pods get them",
      &http::Counters::rebalanced);
  add("flyball_connections_refused_total", "connections beyond the cap of their address",
      &http::Counters::refused_connections);
  add("flyball_accept_failures_total", "times accepting paused for lack of descriptors or memory",
      &http::Counters::accept_failures);
  add("flyball_tls_failures_total", "TLS handshakes that did not succeed", &http::Counters::tls_failures);
  add("flyball_http_refused_total", "requests that were no HTTP, too large or too slow", &http::Counters::refused);
  const auto& bounds = http::ReactorLag::kBounds;
  metrics_->AddHistogram(
      "flyball_reactor_lag_seconds", "how late reactors woke from their timers", {bounds.begin(), bounds.end()},
      [this] {
        const http::ReactorLag lag = api_->reactor_lag();
        return telemetry::PodMetrics::HistogramReading{{lag.counts.begin(), lag.counts.end()}, lag.sum_seconds};
      });
}

Result<void> Pod::StartAdmin() {
  AddStateMetrics();
  admin_handler_ = std::make_unique<Admin>([this] { return metrics_->Render(); });
  http::ServerOptions server;
  server.name = "admin";
  server.host = options_.admin_host;
  server.port = options_.admin_port;
  admin_ = std::make_unique<http::Server>(std::move(server), Admin::Routes(), *admin_handler_);
  return admin_->Start();
}

void Pod::StartAccessLog() {
  access_log_ = std::make_unique<AccessLog>(options_.access_log, options_.pod, reactors_, STDERR_FILENO, clock_);
  metrics_->AddCounter("flyball_access_log_lines_total", "access log lines written",
                       [this] { return static_cast<double>(access_log_->written()); });
  metrics_->AddCounter("flyball_access_log_dropped_total",
                       "access log lines dropped because they were not taken in time",
                       [this] { return static_cast<double>(access_log_->dropped()); });
}

Result<void> Pod::StartApi(UniqueFd listener) {
  const auto& governor = documents_.governor;
  StartAccessLog();
  front_ = std::make_unique<Front>(
      Front::Parts{documents_.app, table_.endpoints, *operations_, *metrics_, clock_, *access_log_},
      Front::Settings{.pod = options_.pod,
                      .reactors = reactors_,
                      .workers = workers_,
                      .capacity_hint_rps = governor && governor->capacity_hint_rps ? *governor->capacity_hint_rps : 0,
                      .quota_floor = governor ? governor->quota_floor : 0.25,
                      .limits_enforced = !governor || governor->enforce_limits});
  http::ServerOptions server;
  server.name = "api";
  server.listener = std::move(listener);
  server.host = options_.host;
  server.port = options_.port;
  server.reactors = reactors_;
  server.headers = SecurityHeaders();
  server.secure_headers = SecureHeaders();
  if (auto set = SetOrigins(documents_.app, options_.trusted_proxies, server); !set) return set;
  server.tls_certificate = options_.tls_certificate;
  server.tls_key = options_.tls_key;
  server.limits.connections_per_address = static_cast<size_t>(options_.connections_per_address);
  server.counts = counts_ ? &*counts_ : nullptr;
  server.counts_slot = static_cast<size_t>(options_.counts_slot);
  api_ = std::make_unique<http::Server>(std::move(server), std::move(table_.router), *front_);
  auto executor = Executor::Start({.workers = workers_,
                                   .fault_delay = options_.fault_delay,
                                   .fault_delay_file = options_.fault_delay_file,
                                   .bounded_queue = !governor || governor->enforce_limits},
                                  *store_, *metrics_, reactors_, clock_);
  if (!executor) return Fail(executor.error());
  executor_ = std::move(*executor);
  front_->Attach(*api_, *executor_, *state_);
  if (auto started = api_->Start(); !started) return started;
  AddServerMetrics();
  return {};
}

Result<void> Pod::Serve(const std::stop_token& stop) {
  if (!Pause(options_.start_delay, stop)) {
    if (auto started = StartApi(std::move(listener_)); !started) return started;
    front_->set_ready(true);
    admin_handler_->set_ready(true);
    metrics_->SetReady(true);
    ReportReady();
    Log(LogLevel::kInfo, "ready",
        {{"port", api_->port()}, {"admin", admin_->port()}, {"workers", workers_}, {"reactors", reactors_}});
    while (!Pause(std::chrono::hours(1), stop)) {
    }
    Drain();
  }
  return {};
}

void Pod::ReportReady() {
  if (options_.ready_fd < 0) return;
  const std::string line = "{\"admin\":" + std::to_string(admin_->port()) + "}\n";
  if (::write(options_.ready_fd, line.data(), line.size()) < 0)
    Log(LogLevel::kWarn, "nobody reads that this pod is ready");
  ::close(options_.ready_fd);
}

void Pod::Drain() {
  Log(LogLevel::kInfo, "draining");
  front_->set_ready(false);
  admin_handler_->set_ready(false);
  metrics_->SetReady(false);
  std::this_thread::sleep_for(options_.drain_delay);
  const size_t cut = api_->Drain({.timeout = options_.drain_timeout});
  api_->Stop();
  front_->ReturnLeases();
  admin_->Stop();     // its page reads what goes next
  state_.reset();     // ends what waits for it
  executor_.reset();  // finishes what is queued
  store_.reset();     // commits what is queued
  Log(LogLevel::kInfo, "drained", {{"cut_off", cut}});
}

Result<void> Run(const Options& options, std::stop_token stop) {
  ::umask(0077);  // the database holds password hashes
  auto documents = ReadDocuments(options.files);
  if (!documents) return Fail(documents.error());
  Pod pod(options, std::move(*documents));
  if (auto made = pod.Make(); !made) return made;
  return pod.Serve(stop);
}

}  // namespace flyball::service::api
