#include "pkg/service/autoscaler/cluster.h"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/http/server.h"
#include "pkg/kube/client.h"
#include "pkg/kube/config.h"
#include "pkg/kube/event_recorder.h"
#include "pkg/kube/leader_elector.h"
#include "pkg/service/autoscaler/controller_admin.h"
#include "pkg/service/autoscaler/controller_metrics.h"
#include "pkg/service/autoscaler/governors.h"
#include "pkg/service/operator/cluster_cache.h"
#include "pkg/service/operator/fenced_writer.h"
#include "pkg/service/operator/operator.h"
#include "pkg/service/operator/pod_contract.h"

namespace flyball::service::autoscaler {
namespace {

using app_operator::ClusterCache;
using app_operator::FencedWriter;

std::string HostName() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "flyball-autoscaler";
}

Result<kube::Config> FindConfig(const ClusterOptions& options) {
  if (options.in_cluster) return kube::InClusterConfig();
  return kube::FindConfig({.file = options.kubeconfig, .context = options.context});
}

bool Pause(milliseconds limit, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, limit, [] { return false; });
  return !stop.stop_requested();
}

// The parts of a controller in the order in which they are made; each may use those above it.
class Controller {
 public:
  Controller(const ClusterOptions& options, const kube::Config& config, std::unique_ptr<kube::Client> client)
      : options_(options),
        client_(std::move(client)),
        identity_(options.identity.empty() ? HostName() : options.identity),
        own_namespace_(options.name_space.empty() ? config.name_space : options.name_space),
        watched_namespace_(options.all_namespaces ? "" : own_namespace_) {}

  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  Result<void> Run(const std::stop_token& stop);

 private:
  kube::Fence Fence() const {
    const kube::LeaderElector* elector = candidate_.load();
    return elector != nullptr ? elector->fence() : kube::Fence{};
  }
  void MakeParts();
  Result<void> StartAdmin();
  void WaitUntil(const std::stop_token& stop, const std::function<bool()>& done,
                 const std::function<std::string()>& trouble) const;
  Result<void> Lead(const std::stop_token& stop);
  std::string Trouble() const;

  const ClusterOptions& options_;
  const std::unique_ptr<kube::Client> client_;
  const std::string identity_, own_namespace_, watched_namespace_;
  const Clock& clock_ = RealClock();
  ControllerMetrics metrics_;
  std::atomic<kube::LeaderElector*> candidate_{nullptr};
  // The operator's calls may take longer than those of governors, whose ticks wait for them.
  FencedWriter writer_{*client_, [this] { return Fence(); }, clock_, seconds(5), Counted()};
  FencedWriter quick_writer_{*client_, [this] { return Fence(); }, clock_, seconds(1), Counted()};
  kube::EventRecorder events_{*client_, {.component = "flyball-autoscaler", .instance = identity_}};
  std::unique_ptr<ClusterCache> cache_;
  std::unique_ptr<app_operator::Reconciler> reconciler_;
  std::unique_ptr<app_operator::Operator> operator_;
  std::unique_ptr<Governors> governors_;
  std::unique_ptr<ControllerAdmin> admin_handler_;
  std::unique_ptr<http::Server> admin_;
  std::unique_ptr<kube::LeaderElector> elector_;

  FencedWriter::Counted Counted() {
    return
        [this](std::string_view verb, std::string_view resource, bool good) { metrics_.Wrote(verb, resource, good); };
  }
};

std::string Controller::Trouble() const {
  if (cache_->synced()) return "";
  const std::string trouble = cache_->trouble();
  return "The cluster is not known yet" + (trouble.empty() ? "." : ": " + trouble);
}

Result<void> Controller::StartAdmin() {
  admin_handler_ = std::make_unique<ControllerAdmin>(
      [this] {
        const app_operator::OperatorCounts counts = operator_->counts();
        const kube::Fence fence = Fence();
        const bool leads = fence.MayWrite(clock_.Now());
        return metrics_.Render({.leader = leads,
                                .epoch = leads ? fence.epoch : 0,
                                .rounds = counts.rounds,
                                .failures = counts.failures,
                                .round_seconds = counts.seconds,
                                .queue_depth = operator_->depth()});
      },
      [this] { return Trouble(); });
  http::ServerOptions server;
  server.name = "admin";
  server.host = options_.admin_host;
  server.port = options_.metrics_port;
  admin_ = std::make_unique<http::Server>(std::move(server), ControllerAdmin::Routes(), *admin_handler_);
  return admin_->Start();
}

void Controller::WaitUntil(const std::stop_token& stop, const std::function<bool()>& done,
                           const std::function<std::string()>& trouble) const {
  std::string told;
  while (!done()) {
    const std::string now = trouble();
    if (!now.empty() && now != told) Log(LogLevel::kWarn, "waiting for the API server", {{"reason", now}});
    told = now;
    if (!Pause(milliseconds(100), stop)) return;
  }
}

// Works as the leader until that is over.
Result<void> Controller::Lead(const std::stop_token& stop) {
  const uint64_t epoch = Fence().epoch;
  Log(LogLevel::kInfo, "leading", {{"identity", elector_->identity()}, {"epoch", epoch}});
  std::optional<Result<void>> ended;
  std::mutex mutex;
  std::jthread operating([this](const std::stop_token& until) { operator_->Run(until); });
  std::jthread governing([&](const std::stop_token& until) {
    auto result = governors_->Run(until);
    const std::lock_guard lock(mutex);
    ended = std::move(result);
  });
  bool leads = true;
  while (true) {
    if (!Pause(milliseconds(100), stop)) break;
    const kube::Fence fence = Fence();
    leads = fence.epoch == epoch && fence.MayWrite(clock_.Now());
    const std::lock_guard lock(mutex);
    if (!leads || ended) break;
  }
  operating.request_stop();
  governing.request_stop();
  operating.join();
  governing.join();
  if (ended && !*ended) return *ended;
  if (!leads) {
    return Fail(ErrorCode::kConflict, "the leadership of epoch " + std::to_string(epoch) +
                                          " is over (the Lease was not renewed in time); nothing was written since");
  }
  return {};
}

void Controller::MakeParts() {
  cache_ = std::make_unique<ClusterCache>(*client_, watched_namespace_);
  reconciler_ =
      std::make_unique<app_operator::Reconciler>(*client_, writer_, *cache_, &events_, options_.defaults, clock_);
  operator_ = std::make_unique<app_operator::Operator>(*reconciler_, *cache_);
  governors_ = std::make_unique<Governors>(
      ClusterParts{*client_, quick_writer_, *cache_, events_, metrics_, options_.defaults, clock_});
  cache_->Start([this](const std::string& kind, const kube::ObjectPtr& object) {
    operator_->Changed(kind, object);
    if (kind == "Governor") governors_->Changed(object);
  });
}

Result<void> Controller::Run(const std::stop_token& stop) {
  MakeParts();
  if (auto started = StartAdmin(); !started) return started;
  Log(LogLevel::kInfo, "watching",
      {{"server", client_->config().server},
       {"namespace", watched_namespace_.empty() ? "all" : watched_namespace_},
       {"port", admin_->port()}});
  // Who does not know the cluster must not lead: the others wait for the Lease.
  WaitUntil(
      stop, [this] { return cache_->synced(); }, [this] { return cache_->trouble(); });
  if (stop.stop_requested()) return {};
  elector_ = std::make_unique<kube::LeaderElector>(
      *client_, kube::LeaderElectorOptions{
                    .name_space = options_.lease_namespace.empty() ? own_namespace_ : options_.lease_namespace,
                    .name = std::string(app_operator::kLeaseName),
                    .identity = identity_});
  candidate_ = elector_.get();
  WaitUntil(
      stop, [this] { return elector_->leading(); }, [this] { return elector_->trouble(); });
  if (stop.stop_requested()) return {};
  return Lead(stop);
}

// Who asks goes before whom it asks; the Lease is given back when nobody writes any more.
Controller::~Controller() {
  admin_.reset();
  candidate_ = nullptr;
  elector_.reset();
  if (cache_ != nullptr) cache_->Stop();
}

}  // namespace

Result<void> RunInCluster(const ClusterOptions& options, std::stop_token stop) {
  auto config = FindConfig(options);
  if (!config) return Fail(ErrorCode::kInvalid, config.error().message);
  auto client = kube::Client::Open(*config, {.user_agent = "flyball-autoscaler"});
  if (!client) return Fail(client.error());
  Controller controller(options, *config, std::move(*client));
  return controller.Run(stop);
}

}  // namespace flyball::service::autoscaler
