#include "pkg/http/server.h"

#include <pistache/reactor.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <optional>

#include "pkg/base/check.h"
#include "pkg/http/connection_counts.h"
#include "pkg/http/detail/characters.h"
#include "pkg/http/detail/reactor.h"
#include "pkg/http/listener.h"

namespace flyball::http {
namespace {

constexpr double kUnevenness = 1.1;  // a balancer that draws lots leaves this much above the mean

constexpr size_t kReservedDescriptors = 200;  // for databases, logs and the like

// Raises the soft limit of open files to the hard one; how many connections fit then.
size_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 824;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  const size_t files = std::min<size_t>(limit.rlim_cur, 1'000'000);
  return files > 2 * kReservedDescriptors ? files - kReservedDescriptors : files / 2;
}

Result<std::string> HeaderBlock(const std::vector<std::pair<std::string, std::string>>& headers) {
  Response lines;
  for (const auto& [name, value] : headers) {
    if (name.empty() || !detail::AllOf(name, detail::kTokenChar)) {
      return Fail(ErrorCode::kInvalid, "ServerOptions::headers: \"" + name + "\" is not the name of a field");
    }
    lines.AddHeader(name, value);
  }
  return std::string(lines.header_block());
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Router router, Handler& handler)
      : options_(std::move(options)), shared_(std::move(router), handler) {}
  ~Impl() { Stop(); }

  Result<void> Start();
  size_t Drain(const DrainOptions& options);
  void Stop();
  bool Post(int reactor, std::function<void()> task);
  void SetFleet(uint32_t ready_pods, double mean) {
    if (shared_.fleet_shares_counts) return;  // the page is newer
    shared_.shedder.SetFleet(ready_pods, kUnevenness * mean, Open(), RealClock().Now());
  }
  bool MayMoveRefused() { return shared_.shedder.TakeRefused(); }
  uint16_t port() const { return port_; }
  Counters counters() const;
  ReactorLag reactor_lag() const;

 private:
  Result<void> Prepare();
  void RunReactors();
  uint64_t Open() const;
  // Runs `task(reactor)` on every reactor's thread and waits for all.
  void OnEach(const std::function<void(detail::Reactor&)>& task);

  ServerOptions options_;
  uint16_t port_ = 0;
  std::optional<ConnectionCounts> own_counts_;
  detail::ReactorShared shared_;
  std::shared_ptr<Pistache::Aio::Reactor> pistache_;
  std::vector<std::shared_ptr<detail::Reactor>> reactors_;
  bool running_ = false;
  std::mutex mutex_;
  std::condition_variable last_closed_;
};

Result<void> Server::Impl::Prepare() {
  if (options_.reactors < 1 || options_.reactors > 64) {
    return Fail(ErrorCode::kInvalid, "ServerOptions::reactors is " + std::to_string(options_.reactors) + ": 1 to 64");
  }
  auto headers = HeaderBlock(options_.headers);
  if (!headers) return Fail(headers.error());
  auto secure_headers = HeaderBlock(options_.secure_headers);
  if (!secure_headers) return Fail(secure_headers.error());
  if (auto cors = CheckCors(options_.cors); !cors) return Fail(cors.error());
  if (!options_.listener.valid()) {
    auto listener = Listen(options_.host, options_.port);
    if (!listener) return Fail(listener.error());
    options_.listener = std::move(*listener);
  }
  if (options_.counts == nullptr) {
    auto counts = ConnectionCounts::Create();
    if (!counts) return Fail(counts.error());
    own_counts_ = std::move(*counts);
  }
  port_ = LocalPort(options_.listener.get());
  shared_.limits = options_.limits;
  shared_.common_lines = detail::CommonLines(*headers, *secure_headers, options_.cors);
  shared_.trusted_proxies = options_.trusted_proxies;
  shared_.listen_fd = options_.listener.get();
  shared_.counts = own_counts_ ? &*own_counts_ : options_.counts;
  shared_.counts_slot = own_counts_ ? 0 : options_.counts_slot;
  shared_.fleet_shares_counts = !own_counts_;
  if (!options_.uncapped) {
    options_.uncapped = [this](const PeerAddress& peer) {
      return peer.IsLoopback() || options_.trusted_proxies.Contains(peer);
    };
  }
  shared_.address_counts.emplace(options_.limits.connections_per_address, options_.uncapped);
  if (options_.tls_certificate.empty() != options_.tls_key.empty()) {
    return Fail(ErrorCode::kInvalid, "TLS needs both a certificate and its key");
  }
  if (!options_.tls_certificate.empty()) {
    auto tls = detail::TlsContext::Load(options_.tls_certificate, options_.tls_key);
    if (!tls) return Fail(tls.error());
    shared_.tls = std::move(*tls);
  }
  const size_t fits = RaiseDescriptorLimit();
  const size_t wanted = options_.limits.connections == 0 ? fits : std::min(options_.limits.connections, fits);
  shared_.connection_limit = std::max<size_t>(wanted / static_cast<size_t>(options_.reactors), 1);
  shared_.open_connections = [this] { return Open(); };
  shared_.on_last_closed = [this] {
    std::lock_guard lock(mutex_);
    last_closed_.notify_all();
  };
  return {};
}

Result<void> Server::Impl::Start() {
  Check(!running_ && reactors_.empty(), "a server is started once");
  if (auto prepared = Prepare(); !prepared) return prepared;
  try {
    RunReactors();
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kIo, "starting the reactors of " + options_.name + ": " + error.what());
  }
  running_ = true;
  shared_.counts->SetAccepting(shared_.counts_slot, true, static_cast<uint32_t>(options_.reactors));
  return {};
}

void Server::Impl::RunReactors() {
  pistache_ = Pistache::Aio::Reactor::create();
  pistache_->init(Pistache::Aio::AsyncContext(static_cast<size_t>(options_.reactors), options_.name));
  // One handler only: Pistache 0.0.5 cannot tell the events of two apart.
  const auto key = pistache_->addHandler(std::make_shared<detail::Reactor>(detail::MakePeerHandler(), shared_, 0));
  for (const auto& handler : pistache_->handlers(key)) {
    reactors_.push_back(std::static_pointer_cast<detail::Reactor>(handler));
  }
  pistache_->run();
  for (const auto& reactor : reactors_) reactor->Arm();
}

void Server::Impl::OnEach(const std::function<void(detail::Reactor&)>& task) {
  std::latch done(static_cast<std::ptrdiff_t>(reactors_.size()));
  for (const auto& reactor : reactors_) {
    const bool posted = reactor->Post([&task, &done, raw = reactor.get()] {
      task(*raw);
      done.count_down();
    });
    if (!posted) done.count_down();
  }
  done.wait();
}

uint64_t Server::Impl::Open() const {
  uint64_t open = 0;
  for (const auto& reactor : reactors_) open += reactor->counters().open.value();
  return open;
}

size_t Server::Impl::Drain(const DrainOptions& options) {
  if (!running_) return 0;
  shared_.counts->SetAccepting(shared_.counts_slot, false);
  const bool last = shared_.counts->Sum().pods == 0;
  // No room for newcomers while the queue is emptied: closing the socket would reset them.
  if (last) listen(options_.listener.get(), 0);
  OnEach([&](detail::Reactor& reactor) { reactor.StartDrain(last, options.idle_grace); });
  options_.listener.Reset();
  std::unique_lock lock(mutex_);
  last_closed_.wait_for(lock, options.timeout, [this] { return Open() == 0; });
  return Open();
}

void Server::Impl::Stop() {
  if (!running_) return;
  running_ = false;
  shared_.counts->SetAccepting(shared_.counts_slot, false);
  OnEach([](detail::Reactor& reactor) { reactor.CloseAll(); });
  pistache_->shutdown();
  pistache_.reset();
  for (const auto& reactor : reactors_) reactor->Close();
  options_.listener.Reset();
}

bool Server::Impl::Post(int reactor, std::function<void()> task) {
  Check(reactor >= 0 && reactor < options_.reactors, "a reactor's index is below ServerOptions::reactors");
  if (static_cast<size_t>(reactor) >= reactors_.size()) return false;
  return reactors_[static_cast<size_t>(reactor)]->Post(std::move(task));
}

Counters Server::Impl::counters() const {
  Counters sum;
  for (const auto& reactor : reactors_) {
    const detail::ReactorCounters& one = reactor->counters();
    sum.accepted += one.accepted.value();
    sum.open += one.open.value();
    sum.requests += one.requests.value();
    sum.bytes_in += one.bytes_in.value();
    sum.bytes_out += one.bytes_out.value();
    sum.refused += one.refused.value();
    sum.dropped_responders += one.dropped_responders.value();
    sum.handler_exceptions += one.handler_exceptions.value();
    sum.discarded_answers += one.discarded_answers.value();
    sum.accept_failures += one.accept_failures.value();
    sum.rebalanced += one.rebalanced.value();
    sum.refused_connections += one.refused_connections.value();
    sum.broken_streams += one.broken_streams.value();
    sum.tls_failures += one.tls_failures.value();
    sum.busy_seconds += static_cast<double>(one.busy_ns.value()) / 1e9;
    const auto longest = static_cast<double>(one.longest_turn_ns.load(std::memory_order_relaxed)) / 1e9;
    sum.longest_turn_seconds = std::max(sum.longest_turn_seconds, longest);
  }
  sum.rebalanced += shared_.shedder.refused_taken();
  return sum;
}

ReactorLag Server::Impl::reactor_lag() const {
  ReactorLag sum;
  for (const auto& reactor : reactors_) {
    const detail::ReactorCounters& one = reactor->counters();
    for (size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += one.lag[i].value();
    sum.sum_seconds += static_cast<double>(one.lag_ns.value()) / 1e9;
  }
  return sum;
}

Server::Server(ServerOptions options, Router router, Handler& handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(router), handler)) {}
Server::~Server() = default;
Result<void> Server::Start() { return impl_->Start(); }
uint16_t Server::port() const { return impl_->port(); }
size_t Server::Drain(const DrainOptions& options) { return impl_->Drain(options); }
void Server::Stop() { impl_->Stop(); }
bool Server::Post(int reactor, std::function<void()> task) { return impl_->Post(reactor, std::move(task)); }
bool Server::MayMoveRefused() { return impl_->MayMoveRefused(); }
void Server::SetFleet(uint32_t ready_pods, double mean_connections) { impl_->SetFleet(ready_pods, mean_connections); }
Counters Server::counters() const { return impl_->counters(); }
ReactorLag Server::reactor_lag() const { return impl_->reactor_lag(); }

}  // namespace flyball::http
