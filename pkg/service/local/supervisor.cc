#include "pkg/service/local/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "pkg/base/ids.h"
#include "pkg/base/mailbox.h"
#include "pkg/base/time_format.h"
#include "pkg/http/connection_counts.h"
#include "pkg/service/local/blueprint.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/console.h"
#include "pkg/service/local/data_dir.h"
#include "pkg/service/local/document_watch.h"
#include "pkg/service/local/fleet.h"
#include "pkg/service/local/kept_process.h"
#include "pkg/service/local/last_words.h"
#include "pkg/service/local/listening_port.h"
#include "pkg/service/local/narration.h"
#include "pkg/service/local/redis_child.h"

namespace flyball::local {
namespace {

namespace fs = std::filesystem;

constexpr milliseconds kWatchEvery{500};
constexpr seconds kRedisPatience{5};     // for its first answer; then the pods start without it
constexpr seconds kKillAfterDrain{5};    // beyond what a pod may take to drain
constexpr seconds kSurvivorPatience{5};  // for pods of a supervisor that was killed
constexpr seconds kBoundLogsEvery{60};
constexpr size_t kLogLimitBytes = 64 << 20;
constexpr size_t kReadyLineBytes = 256;
constexpr seconds kEndAfterClosedPipe{1};  // a pod that hung up without being Ready

// Where a starting pod says that it is Ready.
struct ReadyPipe {
  UniqueFd fd;  // invalid after end-of-file
  std::string line;
  SteadyTime hang_up{};  // when end-of-file came
};

void BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

UniqueFd OpenSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::string DirectoryOfThisProgram() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string Seconds(nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", ToSeconds(time));
  return text;
}

std::string Bounds(const ReplicaBounds& bounds) {
  if (bounds.min == bounds.max) return std::to_string(bounds.min) + (bounds.min == 1 ? " pod" : " pods");
  return std::to_string(bounds.min) + " to " + std::to_string(bounds.max) + " pods";
}

std::optional<int> AdminPortIn(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("admin") || !json["admin"].is_number_integer()) return std::nullopt;
  const auto port = json["admin"].get<int64_t>();
  if (port < 1 || port > 65535) return std::nullopt;
  return static_cast<int>(port);
}

}  // namespace

class Supervisor::Impl {
 public:
  Impl(Options options, std::ostream& out, std::ostream& err, bool color)
      : options_(std::move(options)), narration_(out, err, color) {}
  ~Impl();

  int Run();

 private:
  enum class Phase { kAwaitingRedis, kRunning, kEndingAutoscaler, kDraining, kEndingRedis, kDone };

  // Preparing, in this order; false after having said why not.
  bool Prepare();
  bool FindPrograms();
  bool OpenFolder();
  bool OpenPorts();
  bool PrepareRedis();
  bool PrepareFleet();
  bool StartConsole();
  bool Refuse(const Error& why);

  // One turn of the loop.
  void Advance(SteadyTime now);
  void Wait(SteadyTime now);
  void TakeSignals(SteadyTime now);
  void TakeOrders();
  void TakeReadyLines(SteadyTime now);
  void TakeReadyLine(int slot, ReadyPipe& pipe, SteadyTime now);
  void StepRedis(SteadyTime now);
  void StepAutoscaler(SteadyTime now);
  void StepPhase(SteadyTime now);
  void StepFleet(SteadyTime now);
  void StepDocuments(SteadyTime now);
  void ReapPods(SteadyTime now);
  void PodEnded(const Pod& pod, const Ending& ending, SteadyTime now);
  void PodDied(const Pod& pod, const Ending& ending, SteadyTime now);
  void Announce();
  void Publish();
  std::optional<SteadyTime> Deadline() const;

  void StartPod(int slot, SteadyTime now);
  ChildProgram PodProgram(const Pod& pod) const;
  ChildProgram AutoscalerProgram() const;
  void StartAutoscaler(SteadyTime now);
  void Reload(SteadyTime now);
  void BeginStop(SteadyTime now, const std::string& why);
  void KillAll();

  ReplicaBounds EffectiveBounds() const { return redis_url_ == "none" ? ReplicaBounds{1, 1} : blueprint_.bounds; }
  bool Governed() const { return options_.governor && !blueprint_.governors.empty(); }
  std::string ApiUrl() const { return "http://" + UrlAuthority(options_.host, api_.port); }
  std::string ConsoleUrl() const { return "http://" + UrlAuthority(options_.host, console_port_); }
  RunFile RunFileNow() const;

  Options options_;
  Narration narration_;

  // What runs.
  Blueprint blueprint_;
  std::vector<std::string> copies_;  // of the documents that run
  uint64_t documents_number_ = 0;
  std::string api_program_, autoscaler_program_;
  std::optional<DataDir> data_;
  ListeningPort api_;
  UniqueFd console_listening_;
  uint16_t console_port_ = 0;
  std::string token_;
  std::string redis_url_;

  // Its processes.
  std::optional<http::ConnectionCounts> counts_;
  std::unique_ptr<RedisChild> redis_;  // null = not ours, or none
  std::optional<Fleet> fleet_;
  std::map<int, ReadyPipe> ready_pipes_;  // by slot
  KeptProcess autoscaler_;

  // Where it stands.
  Phase phase_ = Phase::kAwaitingRedis;
  SteadyTime started_{}, next_look_{}, next_log_bound_{}, redis_deadline_{};
  WallTime started_wall_{};  // the same moment as started_: times people see do not follow jumps of the clock
  bool announced_ = false;
  bool failed_ = false;
  bool killed_ = false;
  uint64_t pod_deaths_ = 0, reloads_ = 0;
  std::optional<DocumentWatch> watch_;
  std::string run_file_;  // as last written

  // What others reach it by.
  UniqueFd signals_, wake_;
  Mailbox<ScaleOrder> orders_{64};
  Snapshot<FleetView> view_;
  std::unique_ptr<Console> console_;
};

Supervisor::Supervisor(Options options, std::ostream& out, std::ostream& err, bool color)
    : impl_(std::make_unique<Impl>(std::move(options), out, err, color)) {}
Supervisor::~Supervisor() = default;
int Supervisor::Run() { return impl_->Run(); }

// Only after a bug or a failed start is anything left to kill here.
Supervisor::Impl::~Impl() {
  if (!fleet_) return;
  for (const Pod& pod : fleet_->Pods()) SignalGroup(pod.pid, SIGKILL);
}

int Supervisor::Impl::Run() {
  BlockSignals();
  if (!Prepare()) return 1;
  while (phase_ != Phase::kDone) {
    const SteadyTime now = RealClock().Now();
    Advance(now);
    if (phase_ != Phase::kDone) Wait(now);
  }
  console_.reset();
  data_->RemoveRunFile();
  narration_.Say("flyball", failed_ ? "stopped, not cleanly" : "stopped");
  return failed_ ? 1 : 0;
}

// ---- preparing

bool Supervisor::Impl::Refuse(const Error& why) {
  narration_.Problem(why.message);
  if (data_) data_->RemoveIfNew();
  return false;
}

bool Supervisor::Impl::Prepare() {
  blueprint_ = ReadBlueprint(options_);
  if (!blueprint_.problems.empty()) {
    for (const std::string& problem : blueprint_.problems) narration_.DocumentProblem(problem);
    narration_.Problem(std::to_string(blueprint_.problems.size()) + (blueprint_.problems.size() == 1
                                                                         ? " problem; nothing was started"
                                                                         : " problems; nothing was started"));
    return false;
  }
  signals_ = OpenSignals();
  wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  started_ = RealClock().Now();
  started_wall_ = RealClock().WallNow();
  return FindPrograms() && OpenFolder() && OpenPorts() && PrepareRedis() && PrepareFleet() && StartConsole();
}

bool Supervisor::Impl::FindPrograms() {
  const std::string folder = options_.bin_dir.empty() ? DirectoryOfThisProgram() : options_.bin_dir;
  api_program_ = folder + "/flyball-api";
  autoscaler_program_ = folder + "/flyball-autoscaler";
  std::vector<std::string> needed = {api_program_};
  if (Governed()) needed.push_back(autoscaler_program_);
  for (const std::string& program : needed) {
    if (::access(program.c_str(), X_OK) != 0) {
      return Refuse({ErrorCode::kNotFound, program + " is missing or cannot be run; it belongs beside flyballctl"});
    }
  }
  return true;
}

bool Supervisor::Impl::OpenFolder() {
  auto data = DataDir::Open(options_.data);
  if (!data) return Refuse(data.error());
  data_ = std::move(*data);
  if (const auto left = data_->LeftOverRunFile()) {
    const auto survivors = Survivors(*left, data_->path());
    narration_.Say("flyball", "the last run was killed; clearing up after it");
    Outlive(survivors, kSurvivorPatience);
  }
  data_->RemoveRunFile();
  auto copies = data_->SaveDocuments(++documents_number_, blueprint_.files);
  if (!copies) return Refuse(copies.error());
  copies_ = std::move(*copies);
  watch_.emplace(options_.documents);
  return true;
}

bool Supervisor::Impl::OpenPorts() {
  auto api = OpenListeningPort(options_.host, options_.port, "the API", "--port");
  if (!api) return Refuse(api.error());
  api_ = std::move(*api);
  auto console = OpenListeningPort(options_.host, options_.console_port, "the console", "--console-port");
  if (!console) return Refuse(console.error());
  console_listening_ = std::move(console->fd);
  console_port_ = console->port;
  return true;
}

bool Supervisor::Impl::PrepareRedis() {
  if (!options_.redis.empty()) {
    redis_url_ = options_.redis;
    narration_.Say("redis", redis_url_ == "none" ? "none, as asked: one pod with its state in memory" : redis_url_);
    phase_ = Phase::kRunning;
    return true;
  }
  const char* path = std::getenv("PATH");
  const std::string program = FindProgram("redis-server", options_.search_path.value_or(path != nullptr ? path : ""));
  if (program.empty()) {
    redis_url_ = "none";
    narration_.Warn("redis",
                    "there is no redis-server on this machine: ONE pod runs, with limits and sessions in its own "
                    "memory, and it does not scale. Install it (apt install redis-server) or give --redis URL");
    phase_ = Phase::kRunning;
    return true;
  }
  auto socket = data_->RedisSocket();
  if (!socket) return Refuse(socket.error());
  data_->RotateLog("redis");
  redis_ = std::make_unique<RedisChild>(program, *socket, data_->path() + "/redis", data_->LogFile("redis"));
  redis_url_ = redis_->url();
  redis_deadline_ = started_ + kRedisPatience;
  return true;
}

bool Supervisor::Impl::PrepareFleet() {
  auto counts = http::ConnectionCounts::Create();
  if (!counts) return Refuse(counts.error());
  counts_.emplace(std::move(*counts));
  const milliseconds grace = options_.drain_delay + options_.drain_timeout + kKillAfterDrain;
  fleet_.emplace(EffectiveBounds(), grace, Fleet::SlotsFor(kMaxReplicas));
  return true;
}

bool Supervisor::Impl::StartConsole() {
  token_ = RandomHex(16);
  Publish();
  const auto order = [this](ScaleOrder scale_order) {
    const auto sent = orders_.Send(std::move(scale_order));
    const uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) < 0) return false;
    return sent == Mailbox<ScaleOrder>::Sent::kFirst || sent == Mailbox<ScaleOrder>::Sent::kQueued;
  };
  auto console = Console::Start({options_.host, console_port_, token_}, console_listening_.Release(), view_, order);
  if (!console) return Refuse(console.error());
  console_ = std::move(*console);
  return true;
}

// ---- the loop

void Supervisor::Impl::Advance(SteadyTime now) {
  TakeSignals(now);
  TakeOrders();
  TakeReadyLines(now);
  ReapPods(now);
  StepRedis(now);
  StepAutoscaler(now);
  StepDocuments(now);
  StepPhase(now);
  if (phase_ != Phase::kAwaitingRedis) StepFleet(now);
  StepPhase(now);
  if (!announced_ && phase_ == Phase::kRunning && fleet_->ready() >= fleet_->bounds().min) Announce();
  Publish();
}

void Supervisor::Impl::Wait(SteadyTime now) {
  std::vector<pollfd> fds = {{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  if (redis_ && redis_->fd() >= 0) fds.push_back({redis_->fd(), POLLIN, 0});
  for (const auto& [slot, pipe] : ready_pipes_) {
    if (pipe.fd.valid()) fds.push_back({pipe.fd.get(), POLLIN, 0});
  }
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
  if (phase_ != Phase::kAwaitingRedis) consider(fleet_->NextDeadline());
  if (redis_) consider(redis_->Deadline());
  consider(autoscaler_.Deadline());
  if (phase_ == Phase::kRunning) consider(next_look_);
  if (phase_ == Phase::kAwaitingRedis || phase_ == Phase::kEndingRedis) consider(redis_deadline_);
  for (const auto& [slot, pipe] : ready_pipes_) {
    if (!pipe.fd.valid()) consider(pipe.hang_up + kEndAfterClosedPipe);
  }
  return next;
}

void Supervisor::Impl::TakeSignals(SteadyTime now) {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;  // the dead are looked for at every turn
    if (phase_ == Phase::kAwaitingRedis || phase_ == Phase::kRunning) {
      BeginStop(now, "requests in flight are answered first; once more to kill");
    } else {
      KillAll();
    }
  }
}

void Supervisor::Impl::TakeOrders() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t woken = ::read(wake_.get(), &count, sizeof count);
  for (ScaleOrder& order : orders_.TakeAll()) {
    const ReplicaBounds bounds = fleet_->bounds();
    if (phase_ != Phase::kRunning) {
      order.answer(Fail(ErrorCode::kUnavailable, "the fleet is starting or stopping; it does not scale now"));
    } else if (order.replicas < bounds.min || order.replicas > bounds.max) {
      order.answer(Fail(ErrorCode::kInvalid,
                        "replicas must be " + std::to_string(bounds.min) + " to " + std::to_string(bounds.max)));
    } else {
      if (order.replicas != fleet_->desired()) {
        narration_.Say("fleet", std::to_string(fleet_->desired()) + " -> " + std::to_string(order.replicas) + " pods");
      }
      fleet_->SetDesired(order.replicas);
      order.answer(fleet_->desired());
    }
  }
}

void Supervisor::Impl::TakeReadyLines(SteadyTime now) {
  for (auto entry = ready_pipes_.begin(); entry != ready_pipes_.end();) {
    auto& [slot, pipe] = *entry;
    if (pipe.fd.valid()) TakeReadyLine(slot, pipe, now);
    const Pod* pod = fleet_->Find(slot);
    const bool over = pod == nullptr || pod->admin_port != 0;
    if (!over && !pipe.fd.valid() && now >= pipe.hang_up + kEndAfterClosedPipe) {
      if (pod->state == PodState::kStarting) {
        narration_.Warn(pod->name, "will never be Ready: it hung up without saying so; killing it");
        SignalGroup(pod->pid, SIGKILL);
      }
      pipe.hang_up = now;
    }
    entry = over ? ready_pipes_.erase(entry) : std::next(entry);
  }
}

void Supervisor::Impl::TakeReadyLine(int slot, ReadyPipe& pipe, SteadyTime now) {
  std::array<char, kReadyLineBytes> text;
  const ssize_t n = ::read(pipe.fd.get(), text.data(), text.size());
  if (n < 0) return;  // nothing yet
  pipe.line.append(text.data(), static_cast<size_t>(n));
  const size_t end = pipe.line.find('\n');
  const auto port = end == std::string::npos ? std::nullopt : AdminPortIn(pipe.line.substr(0, end));
  const Pod* pod = fleet_->Find(slot);
  if (port && pod != nullptr && pod->pid != 0) {
    fleet_->Ready(slot, *port, now);
    if (pod->state == PodState::kReady) narration_.Say(pod->name, "Ready after " + Seconds(now - pod->started_at));
  } else if (n == 0 || end != std::string::npos || pipe.line.size() >= kReadyLineBytes) {
    pipe.fd.Reset();
    pipe.hang_up = now;
  }
}

void Supervisor::Impl::ReapPods(SteadyTime now) {
  for (const Pod& pod : fleet_->Pods()) {
    Ending ending;
    if (pod.pid != 0 && Reap(pod.pid, ending)) PodEnded(pod, ending, now);
  }
}

void Supervisor::Impl::PodEnded(const Pod& pod, const Ending& ending, SteadyTime now) {
  ready_pipes_.erase(pod.slot);
  counts_->Clear(static_cast<size_t>(pod.slot));
  const bool told = fleet_->Exited(pod.slot, now);
  if (killed_) return;
  if (!announced_ && failed_) return;  // all pods fail alike, and it was said
  if (!told) {
    PodDied(pod, ending, now);
    return;
  }
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
  const std::string words = LastWordsOf(data_->LogFile(pod.name));
  const std::string said = words.empty() ? "" : ": " + words;
  if (!announced_ && ending.exited && pod.admin_port == 0) {  // it will not go better the next time
    failed_ = true;
    fleet_->Stop();
    narration_.Problem(pod.name + " could not start, it " + Describe(ending) + said);
    narration_.Problem("its log is " + data_->LogFile(pod.name));
    if (phase_ == Phase::kRunning) BeginStop(now, "it could not start");
    return;
  }
  const Pod* next = fleet_->Find(pod.slot);
  const auto wait = next == nullptr ? nanoseconds(0) : next->due - now;
  const std::string when = wait > milliseconds(100) ? "replacing it in " + Seconds(wait) : "replacing it";
  narration_.Warn(pod.name, Describe(ending) + (ending.exited ? said : "") + "; " + when);
}

void Supervisor::Impl::StepRedis(SteadyTime now) {
  if (!redis_) return;
  const auto event = redis_->Step(now);
  switch (event.kind) {
    case RedisChild::Event::Kind::kNone:
      break;
    case RedisChild::Event::Kind::kUp:
      narration_.Say("redis", (redis_->restarts() == 0 ? "up at " : "up again at ") + redis_->url());
      break;
    case RedisChild::Event::Kind::kDied:
      narration_.Warn("redis", event.detail + "; until then pods keep to their own share of the limits");
      if (const std::string words = LastWordsOf(data_->LogFile("redis")); !words.empty()) {
        narration_.Warn("redis", "its last words: " + words);
      }
      data_->BoundLog("redis", kLogLimitBytes);
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

void Supervisor::Impl::StepPhase(SteadyTime now) {
  if (phase_ == Phase::kAwaitingRedis && (redis_->up() || now >= redis_deadline_)) {
    if (!redis_->up()) narration_.Warn("redis", "does not answer yet; the pods start without it");
    phase_ = Phase::kRunning;
  }
  if (phase_ == Phase::kRunning && Governed() && !autoscaler_.Deadline() && !autoscaler_.running()) {
    StartAutoscaler(now);
  }
  if (phase_ == Phase::kEndingAutoscaler && !autoscaler_.running()) {
    // From here nobody new gets in; who waits in the queue is taken by a pod before it closes the socket. Our own copy
    // goes first: the pod that closes last must have seen the queue empty.
    if (api_.fd.valid()) [[maybe_unused]]
      const auto refused = RefuseNewConnections(api_.fd);
    api_.fd.Reset();
    fleet_->Stop();
    phase_ = Phase::kDraining;
  }
  if (phase_ == Phase::kDraining && fleet_->empty()) {
    if (redis_) redis_->Stop();
    redis_deadline_ = now + kKillAfterDrain;
    phase_ = Phase::kEndingRedis;
  }
  if (phase_ == Phase::kEndingRedis) {
    if (redis_ && !redis_->Ended() && (killed_ || now >= redis_deadline_)) redis_->Kill();
    if (!redis_ || redis_->Ended()) phase_ = Phase::kDone;
  }
}

void Supervisor::Impl::StepFleet(SteadyTime now) {
  const Fleet::Actions actions = fleet_->Step(now);
  for (const int slot : actions.start) StartPod(slot, now);
  for (const int slot : actions.terminate) SignalProcess(fleet_->Find(slot)->pid, SIGTERM);
  for (const int slot : actions.kill) SignalGroup(fleet_->Find(slot)->pid, SIGKILL);
}

void Supervisor::Impl::StepDocuments(SteadyTime now) {
  if (phase_ != Phase::kRunning || now < next_look_) return;
  next_look_ = now + kWatchEvery;
  if (now >= next_log_bound_) {
    next_log_bound_ = now + kBoundLogsEvery;
    for (const Pod& pod : fleet_->Pods()) data_->BoundLog(pod.name, kLogLimitBytes);
    data_->BoundLog("autoscaler", kLogLimitBytes);
  }
  if (watch_->Changed()) Reload(now);
}

void Supervisor::Impl::Announce() {
  announced_ = true;
  narration_.Say("fleet",
                 Bounds(fleet_->bounds()) + (Governed() ? ", governed by " + blueprint_.governors.front() : ""));
  narration_.Urls(blueprint_.app, ApiUrl() + blueprint_.base, ConsoleUrl() + "/?token=" + token_);
}

// ---- starting and stopping

void Supervisor::Impl::StartPod(int slot, SteadyTime now) {
  const Pod pod = *fleet_->Find(slot);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    narration_.Warn(pod.name, FailErrno("making a pipe").value().message);
    fleet_->StartFailed(slot, now);
    return;
  }
  ReadyPipe pipe;
  pipe.fd.Reset(ends[0]);
  const UniqueFd write_end(ends[1]);
  data_->RotateLog(pod.name);
  ChildProgram program = PodProgram(pod);
  program.fds = {api_.fd.get(), counts_->fd(), write_end.get()};
  auto pid = Spawn(program);
  if (!pid) {
    narration_.Warn(pod.name, pid.error().message);
    fleet_->StartFailed(slot, now);
    return;
  }
  fleet_->Started(slot, *pid, now);
  ready_pipes_[slot] = std::move(pipe);
  narration_.Say(pod.name, "starting (pid " + std::to_string(*pid) + ")");
}

ChildProgram Supervisor::Impl::PodProgram(const Pod& pod) const {
  ChildProgram program;
  program.path = api_program_;
  program.args = copies_;
  const auto add = [&](std::string flag, std::string value) {
    program.args.push_back(std::move(flag));
    program.args.push_back(std::move(value));
  };
  add("--pod", pod.name);
  add("--data", data_->path());
  if (!options_.database.empty()) add("--database", options_.database);
  add("--redis", redis_url_);
  add("--slot", std::to_string(pod.slot));
  if (blueprint_.workers > 0) add("--workers", std::to_string(blueprint_.workers));
  add("--drain-delay", FormatDuration(options_.drain_delay));
  add("--drain-timeout", FormatDuration(options_.drain_timeout));
  if (options_.allow_faults || !options_.faults.empty()) program.args.push_back("--allow-faults");
  for (const std::string& fault : options_.faults) add("--fault", fault);
  if (options_.start_delay.count() > 0) add("--start-delay", FormatDuration(options_.start_delay));
  program.env = {"LISTEN_FDS=1", "FLYBALL_COUNTS_FD=4", "FLYBALL_READY_FD=5"};
  program.pid_variable = "LISTEN_PID";
  program.log_file = data_->LogFile(pod.name);
  return program;
}

ChildProgram Supervisor::Impl::AutoscalerProgram() const {
  ChildProgram program;
  program.path = autoscaler_program_;
  program.args = copies_;
  const ReplicaBounds bounds = EffectiveBounds();
  for (const std::string& word :
       {std::string("--supervisor"), ConsoleUrl(), std::string("--redis"), redis_url_, std::string("--replicas"),
        std::to_string(bounds.min) + ":" + std::to_string(bounds.max)}) {
    program.args.push_back(word);
  }
  program.env = {"FLYBALL_SUPERVISOR_TOKEN=" + token_};
  program.log_file = data_->LogFile("autoscaler");
  return program;
}

void Supervisor::Impl::StartAutoscaler(SteadyTime now) {
  data_->RotateLog("autoscaler");
  autoscaler_.Run(AutoscalerProgram(), now);
}

void Supervisor::Impl::Reload(SteadyTime now) {
  Blueprint fresh = ReadBlueprint(options_);
  if (!fresh.problems.empty()) {
    for (const std::string& problem : fresh.problems) narration_.DocumentProblem(problem);
    narration_.Warn("documents", "the change has problems; what ran before goes on");
    return;
  }
  if (fresh.files == blueprint_.files) return;
  auto copies = data_->SaveDocuments(++documents_number_, fresh.files);
  if (!copies) {
    narration_.Warn("documents", copies.error().message + "; what ran before goes on");
    return;
  }
  narration_.Say("documents", "changed; replacing the pods one by one");
  blueprint_ = std::move(fresh);
  copies_ = std::move(*copies);
  ++reloads_;
  fleet_->SetBounds(EffectiveBounds());
  fleet_->Renew(now);
  if (Governed()) {
    autoscaler_.Run(AutoscalerProgram(), now);
  } else {
    autoscaler_.Stop(now);
  }
}

void Supervisor::Impl::BeginStop(SteadyTime now, const std::string& why) {
  narration_.Say("stopping", why);
  phase_ = Phase::kEndingAutoscaler;
  autoscaler_.Stop(now);
}

void Supervisor::Impl::KillAll() {
  if (killed_) return;
  narration_.Warn("stopping", "killing everything");
  killed_ = failed_ = true;
  fleet_->Stop();
  autoscaler_.Kill();
  for (const Pod& pod : fleet_->Pods()) SignalGroup(pod.pid, SIGKILL);
  if (redis_) redis_->Kill();
}

// ---- what others see

void Supervisor::Impl::Publish() {
  const auto at = [&](SteadyTime time) {
    return started_wall_ + std::chrono::duration_cast<WallTime::duration>(time - started_);
  };
  auto view = std::make_shared<FleetView>();
  view->desired = fleet_->desired();
  view->bounds = fleet_->bounds();
  for (const Pod& pod : fleet_->Pods()) {
    PodView& shown = view->pods.emplace_back();
    shown.name = pod.name;
    shown.pid = pod.pid;
    shown.state = pod.state;
    shown.admin_port = pod.admin_port;
    shown.restarts = pod.restarts;
    shown.ordered_at = at(pod.ordered_at);
    if (pod.pid != 0) shown.started_at = at(pod.started_at);
    if (pod.admin_port != 0) shown.ready_at = at(pod.ready_at);
  }
  view->app = blueprint_.app;
  view->api_url = ApiUrl() + blueprint_.base;
  view->console_url = ConsoleUrl();
  view->governors = blueprint_.governors;
  view->autoscaler_running = autoscaler_.running();
  if (redis_) view->redis_up = redis_->up();
  view->redis_restarts = redis_ ? static_cast<uint64_t>(redis_->restarts()) : 0;
  view->pod_deaths = pod_deaths_;
  view->reloads = reloads_;
  view->draining = phase_ != Phase::kRunning && phase_ != Phase::kAwaitingRedis;
  view_.Set(std::move(view));

  if (!announced_) return;
  const RunFile run = RunFileNow();
  std::string text = ToJson(run);
  if (text == run_file_) return;
  if (auto written = data_->WriteRunFile(run); !written) narration_.Warn("flyball", written.error().message);
  run_file_ = std::move(text);
}

RunFile Supervisor::Impl::RunFileNow() const {
  RunFile run;
  run.pid = ::getpid();
  run.api = ApiUrl();
  run.console = ConsoleUrl();
  run.token = token_;
  run.redis = redis_url_;
  run.redis_pid = redis_ ? redis_->pid() : 0;
  for (const Pod& pod : fleet_->Pods()) {
    if (pod.pid != 0) run.pods.emplace_back(pod.name, pod.pid);
  }
  std::error_code error;
  for (const std::string& path : options_.documents) run.documents.push_back(fs::absolute(path, error).string());
  run.app = blueprint_.app;
  run.base = blueprint_.base;
  return run;
}

}  // namespace flyball::local
