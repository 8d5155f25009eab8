#include "pkg/service/local/supervisor.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include "pkg/base/check.h"
#include "pkg/service/local/console.h"
#include "pkg/service/local/document_rollout.h"
#include "pkg/service/local/fleet_view.h"
#include "pkg/service/local/foundation.h"
#include "pkg/service/local/kept_process.h"
#include "pkg/service/local/last_words.h"
#include "pkg/service/local/narration.h"
#include "pkg/service/local/pod_processes.h"
#include "pkg/service/local/scale_orders.h"

namespace flyball::local {
namespace {

constexpr milliseconds kWatchEvery{500};
constexpr seconds kRedisPatience{5};   // for its first answer; then the pods start without it
constexpr seconds kKillAfterDrain{5};  // beyond what a pod may take to drain
constexpr seconds kBoundLogsEvery{60};
constexpr size_t kLogLimitBytes = 64 << 20;

sigset_t OwnSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

std::string Seconds(nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", ToSeconds(time));
  return text;
}

// Without the name flyball-api's own run group puts before it.
std::string WordsOf(const std::string& log_file) {
  constexpr std::string_view kGroup = "pod: ";
  std::string words = LastWordsOf(log_file);
  return words.starts_with(kGroup) ? words.substr(kGroup.size()) : words;
}

std::string Bounds(const ReplicaBounds& bounds) {
  if (bounds.min == bounds.max) return std::to_string(bounds.min) + (bounds.min == 1 ? " pod" : " pods");
  return std::to_string(bounds.min) + " to " + std::to_string(bounds.max) + " pods";
}

}  // namespace

class Supervisor::Impl {
 public:
  Impl(Options options, std::ostream& out, std::ostream& err, bool color)
      : options_(std::move(options)), narration_(out, err, color) {}

  int Run();

 private:
  enum class Phase { kAwaitingRedis, kRunning, kEndingAutoscaler, kDraining, kEndingRedis, kDone };

  // False after having said why not.
  bool Prepare();
  Result<void> PreparePods();
  Result<void> StartConsole();

  // One turn of the loop.
  void Advance(SteadyTime now);
  void Wait(SteadyTime now);
  std::optional<SteadyTime> Deadline() const;
  void TakeSignals(SteadyTime now);
  void TakeOrders();
  void StepRedis(SteadyTime now);
  void StepAutoscaler(SteadyTime now);
  void StepDocuments(SteadyTime now);
  void ApplyDocuments(SteadyTime now);
  void StepPhase(SteadyTime now);
  void BoundLogs(SteadyTime now);
  void SayBounds();
  void Announce();
  void Publish();

  // What became of a pod.
  void Heard(const PodProcesses::Event& event, SteadyTime now);
  void PodEnded(const Pod& pod, const Ending& ending);
  void PodDied(const Pod& pod, const Ending& ending, SteadyTime now);
  void StartFailed(const Pod& pod, const Ending& ending, const std::string& words, SteadyTime now);

  void BeginStop(SteadyTime now, const std::string& why);
  void KillAll();

  const Revision& Documents() const { return documents_->rollout().effective(); }
  ReplicaBounds EffectiveBounds() const {
    return ground_->around.redis_url == "none" ? ReplicaBounds{1, 1} : Documents().blueprint.bounds;
  }
  static bool Governed(const Blueprint& blueprint) { return !blueprint.governors.empty(); }
  Fleet& fleet() { return pods_->fleet(); }
  bool Stopping() const { return phase_ != Phase::kRunning && phase_ != Phase::kAwaitingRedis; }
  std::string ApiUrl() const {
    return (options_.tls_certificate.empty() ? "http://" : "https://") + UrlAuthority(options_.host, ground_->api.port);
  }

  const Options options_;
  Narration narration_;

  // What runs.
  std::optional<Foundation> ground_;
  std::optional<DocumentRollout> documents_;
  uint64_t applied_ = 1;  // revision whose bounds and Governor are in force

  // Its processes, besides Redis.
  std::optional<PodProcesses> pods_;
  KeptProcess autoscaler_;

  // Where it stands.
  Phase phase_ = Phase::kAwaitingRedis;
  SteadyTime started_{}, next_look_{}, next_log_bound_{}, redis_deadline_{};
  WallTime started_wall_{};  // the same moment as started_: times people see do not follow jumps of the clock
  bool announced_ = false;
  bool failed_ = false;
  bool killed_ = false;
  uint64_t pod_deaths_ = 0, reloads_ = 0;
  std::string run_file_;  // as last written

  // What others reach it by.
  UniqueFd signals_;
  ScaleOrders orders_;
  Snapshot<FleetView> view_;
  std::unique_ptr<Console> console_;
};

Supervisor::Supervisor(Options options, std::ostream& out, std::ostream& err, bool color)
    : impl_(std::make_unique<Impl>(std::move(options), out, err, color)) {}
Supervisor::~Supervisor() = default;
int Supervisor::Run() { return impl_->Run(); }

int Supervisor::Impl::Run() {
  const sigset_t signals = OwnSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  if (!Prepare()) return 1;
  while (phase_ != Phase::kDone) {
    const SteadyTime now = RealClock().Now();
    Advance(now);
    if (phase_ != Phase::kDone) Wait(now);
  }
  console_.reset();
  ground_->data.RemoveRunFile();
  const bool came_up = announced_ || killed_ || !failed_;
  narration_.Say("flyball", !came_up  ? "stopped; nothing is left running"
                            : failed_ ? "stopped, not cleanly"
                                      : "stopped");
  return failed_ ? 1 : 0;
}

// ---- preparing

bool Supervisor::Impl::Prepare() {
  const sigset_t signals = OwnSignals();
  signals_.Reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  started_ = RealClock().Now();
  started_wall_ = RealClock().WallNow();
  auto ground = LayFoundation(options_, narration_);
  if (!ground) {
    narration_.Problem(ground.error().message);
    return false;
  }
  ground_.emplace(std::move(*ground));
  auto prepared = PreparePods();
  if (prepared) prepared = StartConsole();
  if (prepared) return true;
  narration_.Problem(prepared.error().message);
  ground_->data.RemoveIfNew();
  return false;
}

Result<void> Supervisor::Impl::PreparePods() {
  auto documents = DocumentRollout::Open(options_, ground_->data, narration_, std::move(ground_->documents));
  if (!documents) return Fail(documents.error());
  documents_.emplace(std::move(*documents));
  auto counts = http::ConnectionCounts::Create();
  if (!counts) return Fail(counts.error());
  const milliseconds grace = options_.drain_delay + options_.drain_timeout + kKillAfterDrain;
  const auto program_of = [this](const Pod& pod) {
    const Revision* revision = documents_->rollout().Find(pod.generation);
    Check(revision != nullptr, "a pod is started with documents that may run");
    ground_->data.RotateLog(pod.name);
    ChildProgram program = PodProgram(options_, ground_->around, *revision, pod);
    program.log_file = ground_->data.LogFile(pod.name);
    return program;
  };
  pods_.emplace(Fleet(EffectiveBounds(), grace, Fleet::SlotsFor(kMaxReplicas)), std::move(*counts), ground_->api.fd,
                program_of);
  if (ground_->redis) {
    redis_deadline_ = started_ + kRedisPatience;
  } else {
    phase_ = Phase::kRunning;
  }
  return {};
}

Result<void> Supervisor::Impl::StartConsole() {
  Publish();
  auto console =
      Console::Start({options_.host, ground_->console.port, ground_->around.token}, ground_->console.fd.Release(),
                     view_, [this](ScaleOrder order) { return orders_.Send(std::move(order)); });
  if (!console) return Fail(console.error());
  console_ = std::move(*console);
  return {};
}

// ---- the loop

void Supervisor::Impl::Advance(SteadyTime now) {
  TakeSignals(now);
  TakeOrders();
  for (const auto& event : pods_->Observe(now)) Heard(event, now);
  StepRedis(now);
  StepAutoscaler(now);
  StepDocuments(now);
  StepPhase(now);
  if (phase_ != Phase::kAwaitingRedis) {
    for (const auto& event : pods_->Reconcile(now)) Heard(event, now);
  }
  StepPhase(now);
  if (!announced_ && phase_ == Phase::kRunning && fleet().ready() >= fleet().bounds().min) Announce();
  Publish();
}

void Supervisor::Impl::Wait(SteadyTime now) {
  std::vector<pollfd> fds = {{signals_.get(), POLLIN, 0}, {orders_.fd(), POLLIN, 0}};
  if (ground_->redis && ground_->redis->fd() >= 0) fds.push_back({ground_->redis->fd(), POLLIN, 0});
  pods_->Watch(fds);
  int timeout = -1;
  if (const auto deadline = Deadline()) {
    const auto left = std::chrono::ceil<milliseconds>(*deadline - now).count();
    timeout = static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
  }
  ::poll(fds.data(), fds.size(), timeout);
}

std::optional<SteadyTime> Supervisor::Impl::Deadline() const {
  std::optional<SteadyTime> next;
  const auto consider = [&](std::optional<SteadyTime> time) {
    if (time && (!next || *time < *next)) next = time;
  };
  if (phase_ != Phase::kAwaitingRedis) consider(pods_->Deadline());
  if (ground_->redis) consider(ground_->redis->Deadline());
  consider(autoscaler_.Deadline());
  if (phase_ == Phase::kRunning) consider(next_look_);
  if (phase_ == Phase::kAwaitingRedis || phase_ == Phase::kEndingRedis) consider(redis_deadline_);
  return next;
}

void Supervisor::Impl::TakeSignals(SteadyTime now) {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;  // the dead are looked for at every turn
    if (Stopping()) {
      KillAll();
    } else {
      BeginStop(now, "requests in flight are answered first; once more to kill");
    }
  }
}

void Supervisor::Impl::TakeOrders() {
  const int before = fleet().desired();
  orders_.Carry(fleet(), phase_ == Phase::kRunning);
  if (fleet().desired() == before) return;
  narration_.Say("fleet", std::to_string(before) + " -> " + std::to_string(fleet().desired()) + " pods");
}

void Supervisor::Impl::StepRedis(SteadyTime now) {
  if (!ground_->redis) return;
  const auto event = ground_->redis->Step(now);
  switch (event.kind) {
    case RedisChild::Event::Kind::kNone:
      break;
    case RedisChild::Event::Kind::kUp:
      narration_.Say("redis", (ground_->redis->restarts() == 0 ? "up at " : "up again at ") + ground_->redis->url());
      break;
    case RedisChild::Event::Kind::kDied:
      narration_.Warn("redis", event.detail + "; until then pods keep to their own share of the limits");
      if (const std::string words = LastWordsOf(ground_->data.LogFile("redis")); event.by_itself && !words.empty()) {
        narration_.Warn("redis", "its last words: " + words);
      }
      ground_->data.BoundLog("redis", kLogLimitBytes);
      break;
    case RedisChild::Event::Kind::kNotStarted:
      narration_.Warn("redis", event.detail);
      break;
  }
}

void Supervisor::Impl::StepAutoscaler(SteadyTime now) {
  const std::string news = autoscaler_.Step(now);
  if (news.empty()) return;
  narration_.Warn("autoscaler", news + "; the fleet stays as it is meanwhile");
}

void Supervisor::Impl::StepDocuments(SteadyTime now) {
  if (phase_ != Phase::kRunning) return;
  if (announced_ && now >= next_look_) documents_->Look(now);
  if (now >= next_look_) next_look_ = now + kWatchEvery;
  documents_->CheckDeadline(now);
  ApplyDocuments(now);
  BoundLogs(now);
}

// Brings pods, bounds and autoscaler to the revisions that the rollout names now.
void Supervisor::Impl::ApplyDocuments(SteadyTime now) {
  const Rollout& rollout = documents_->rollout();
  if (fleet().generation() != rollout.target().number) fleet().Renew(rollout.target().number, now);
  if (fleet().settled() && documents_->Settled()) ++reloads_;
  const bool governed = Governed(Documents().blueprint);
  const bool changed = applied_ != Documents().number;
  applied_ = Documents().number;
  if (changed && fleet().bounds() != EffectiveBounds()) {
    fleet().SetBounds(EffectiveBounds());
    SayBounds();
  }
  if (governed && (changed || (!autoscaler_.Deadline() && !autoscaler_.running()))) {
    ground_->data.RotateLog("autoscaler");
    ChildProgram program = AutoscalerProgram(ground_->around, Documents(), EffectiveBounds());
    program.log_file = ground_->data.LogFile("autoscaler");
    autoscaler_.Run(std::move(program), now);
  }
  if (!governed && changed) autoscaler_.Stop(now);
}

void Supervisor::Impl::BoundLogs(SteadyTime now) {
  if (now < next_log_bound_) return;
  next_log_bound_ = now + kBoundLogsEvery;
  for (const Pod& pod : fleet().Pods()) ground_->data.BoundLog(pod.name, kLogLimitBytes);
  ground_->data.BoundLog("autoscaler", kLogLimitBytes);
}

void Supervisor::Impl::StepPhase(SteadyTime now) {
  if (phase_ == Phase::kAwaitingRedis && (ground_->redis->up() || now >= redis_deadline_)) {
    if (!ground_->redis->up()) narration_.Warn("redis", "does not answer yet; the pods start without it");
    phase_ = Phase::kRunning;
  }
  if (phase_ == Phase::kEndingAutoscaler && !autoscaler_.running()) {
    // From here nobody new gets in; who waits in the queue is taken by a pod before it closes the socket. Our own copy
    // goes first: the pod that closes last must have seen the queue empty.
    if (ground_->api.fd.valid()) [[maybe_unused]]
      const auto refused = RefuseNewConnections(ground_->api.fd);
    ground_->api.fd.Reset();
    fleet().Stop();
    phase_ = Phase::kDraining;
  }
  if (phase_ == Phase::kDraining && fleet().empty()) {
    if (ground_->redis) ground_->redis->Stop();
    redis_deadline_ = now + kKillAfterDrain;
    phase_ = Phase::kEndingRedis;
  }
  if (phase_ == Phase::kEndingRedis) {
    if (ground_->redis && !ground_->redis->Ended() && (killed_ || now >= redis_deadline_)) ground_->redis->Kill();
    if (!ground_->redis || ground_->redis->Ended()) phase_ = Phase::kDone;
  }
}

void Supervisor::Impl::SayBounds() {
  const auto& governors = Documents().blueprint.governors;
  narration_.Say("fleet", Bounds(fleet().bounds()) + (governors.empty() ? "" : ", governed by " + governors.front()));
}

void Supervisor::Impl::Announce() {
  announced_ = true;
  SayBounds();
  const Blueprint& blueprint = Documents().blueprint;
  narration_.Urls(blueprint.app, ApiUrl() + blueprint.base,
                  ground_->around.console_url + "/?token=" + ground_->around.token);
}

// ---- what became of a pod

void Supervisor::Impl::Heard(const PodProcesses::Event& event, SteadyTime now) {
  const Pod& pod = event.pod;
  switch (event.kind) {
    case PodProcesses::Event::Kind::kStarting:
      narration_.Say(pod.name, "starting (pid " + std::to_string(pod.pid) + ")");
      break;
    case PodProcesses::Event::Kind::kNotStarted:
      narration_.Warn(pod.name, event.detail);
      break;
    case PodProcesses::Event::Kind::kReady:
      narration_.Say(pod.name, "Ready after " + Seconds(now - pod.started_at));
      documents_->PodReady(pod.generation, now);
      break;
    case PodProcesses::Event::Kind::kHungUp:
      narration_.Warn(pod.name, "will never be Ready: it hung up without saying so; killing it");
      break;
    case PodProcesses::Event::Kind::kEnded:
      PodEnded(pod, event.ending);
      break;
    case PodProcesses::Event::Kind::kDied:
      PodDied(pod, event.ending, now);
      break;
  }
}

void Supervisor::Impl::PodEnded(const Pod& pod, const Ending& ending) {
  if (killed_ || (!announced_ && failed_)) return;
  const bool well = ending.exited ? ending.code == 0 : ending.code == SIGTERM && pod.admin_port == 0;
  if (well) {
    narration_.Say(pod.name, "stopped");
    return;
  }
  narration_.Warn(
      pod.name, pod.kill_sent ? "did not finish in time and was killed" : Describe(ending) + " while it was stopping");
  if (phase_ == Phase::kDraining) failed_ = true;
}

void Supervisor::Impl::PodDied(const Pod& pod, const Ending& ending, SteadyTime now) {
  ++pod_deaths_;
  if (killed_ || (!announced_ && failed_)) return;  // all pods of a failed start fail alike, and it was said
  const bool was_ready = pod.admin_port != 0;
  const std::string words = WordsOf(ground_->data.LogFile(pod.name));
  if (!announced_ && ending.exited && !was_ready) {  // it will not go better the next time
    StartFailed(pod, ending, words, now);
    return;
  }
  if (!was_ready && documents_->PodFailed(pod.generation, pod.name + " " + Describe(ending), words)) return;
  const Pod* next = fleet().Find(pod.slot);
  const auto wait = next == nullptr ? nanoseconds(0) : next->due - now;
  const std::string when = wait > milliseconds(100) ? "replacing it in " + Seconds(wait) : "replacing it";
  const std::string said = words.empty() || !ending.exited ? "" : ": " + words;
  narration_.Warn(pod.name, Describe(ending) + said + "; " + when);
}

void Supervisor::Impl::StartFailed(const Pod& pod, const Ending& ending, const std::string& words, SteadyTime now) {
  failed_ = true;
  fleet().Stop();
  const std::string explained = documents_->Explain(pod.generation, words);
  if (explained != words) {
    narration_.DocumentProblem(explained);
    narration_.Problem("the documents do not fit what is stored in " + ground_->data.path());
  } else {
    narration_.Problem(pod.name + " could not start, it " + Describe(ending) + (words.empty() ? "" : ": " + words));
    narration_.Problem("its log is " + ground_->data.LogFile(pod.name));
  }
  if (phase_ == Phase::kRunning) BeginStop(now, "it could not start");
}

// ---- stopping

void Supervisor::Impl::BeginStop(SteadyTime now, const std::string& why) {
  narration_.Say("stopping", why);
  phase_ = Phase::kEndingAutoscaler;
  autoscaler_.Stop(now);
}

void Supervisor::Impl::KillAll() {
  if (killed_) return;
  narration_.Warn("stopping", "killing everything");
  killed_ = failed_ = true;
  fleet().Stop();
  autoscaler_.Kill();
  pods_->KillAll();
  if (ground_->redis) ground_->redis->Kill();
}

// ---- what others see

void Supervisor::Impl::Publish() {
  const auto at = [&](SteadyTime time) {
    return started_wall_ + std::chrono::duration_cast<WallTime::duration>(time - started_);
  };
  auto view = std::make_shared<FleetView>();
  ShowPods(fleet(), at, *view);
  const Blueprint& blueprint = Documents().blueprint;
  view->app = blueprint.app;
  view->api_url = ApiUrl() + blueprint.base;
  view->console_url = ground_->around.console_url;
  view->governors = blueprint.governors;
  view->rolling_out = documents_->rollout().under_way();
  view->rejected = documents_->rollout().rejected();
  view->autoscaler_running = autoscaler_.running();
  if (ground_->redis) view->redis_up = ground_->redis->up();
  view->redis_restarts = ground_->redis ? static_cast<uint64_t>(ground_->redis->restarts()) : 0;
  view->pod_deaths = pod_deaths_;
  view->reloads = reloads_;
  view->draining = Stopping();
  view_.Set(std::move(view));

  if (!announced_) return;
  RunFile run{::getpid(),
              ApiUrl(),
              ground_->around.console_url,
              ground_->around.token,
              ground_->around.redis_url,
              ground_->redis ? ground_->redis->pid() : 0,
              {},
              Documents().copies,
              blueprint.app,
              blueprint.base};
  for (const Pod& pod : fleet().Pods()) {
    if (pod.pid != 0) run.pods.emplace_back(pod.name, pod.pid);
  }
  std::string text = ToJson(run);
  if (text == run_file_) return;
  if (auto written = ground_->data.WriteRunFile(run); !written) narration_.Warn("flyball", written.error().message);
  run_file_ = std::move(text);
}

}  // namespace flyball::local
