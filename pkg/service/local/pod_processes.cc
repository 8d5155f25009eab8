#include "pkg/service/local/pod_processes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

namespace flyball::local {
namespace {

constexpr size_t kReadyLineBytes = 256;
constexpr seconds kEndAfterClosedPipe{1};  // a pod that hung up without being Ready

using Kind = PodProcesses::Event::Kind;

// The admin port in {"admin":PORT}.
std::optional<int> AdminPortIn(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("admin") || !json["admin"].is_number_integer()) return std::nullopt;
  const auto port = json["admin"].get<int64_t>();
  if (port < 1 || port > 65535) return std::nullopt;
  return static_cast<int>(port);
}

}  // namespace

PodProcesses::PodProcesses(Fleet fleet, http::ConnectionCounts counts, const UniqueFd& listening, ProgramOf program_of)
    : fleet_(std::move(fleet)), counts_(std::move(counts)), listening_(listening), program_of_(std::move(program_of)) {}

PodProcesses::~PodProcesses() { KillAll(); }

void PodProcesses::KillAll() {
  for (const Pod& pod : fleet_.Pods()) SignalGroup(pod.pid, SIGKILL);
}

std::vector<PodProcesses::Event> PodProcesses::Observe(SteadyTime now) {
  std::vector<Event> events;
  TakeReadyLines(now, events);
  Reap(now, events);
  return events;
}

void PodProcesses::TakeReadyLines(SteadyTime now, std::vector<Event>& events) {
  for (auto entry = ready_pipes_.begin(); entry != ready_pipes_.end();) {
    auto& [slot, pipe] = *entry;
    if (pipe.fd.valid()) TakeReadyLine(slot, pipe, now, events);
    const Pod* pod = fleet_.Find(slot);
    const bool over = pod == nullptr || pod->admin_port != 0;
    if (!over && !pipe.fd.valid() && now >= pipe.hang_up + kEndAfterClosedPipe) {
      if (pod->state == PodState::kStarting) {
        events.push_back({Kind::kHungUp, *pod});
        SignalGroup(pod->pid, SIGKILL);
      }
      pipe.hang_up = now;
    }
    entry = over ? ready_pipes_.erase(entry) : std::next(entry);
  }
}

void PodProcesses::TakeReadyLine(int slot, ReadyPipe& pipe, SteadyTime now, std::vector<Event>& events) {
  std::array<char, kReadyLineBytes> text;
  const ssize_t n = ::read(pipe.fd.get(), text.data(), text.size());
  if (n < 0) return;  // nothing yet
  pipe.line.append(text.data(), static_cast<size_t>(n));
  const size_t end = pipe.line.find('\n');
  const auto port = end == std::string::npos ? std::nullopt : AdminPortIn(pipe.line.substr(0, end));
  const Pod* pod = fleet_.Find(slot);
  if (port && pod != nullptr && pod->pid != 0) {
    fleet_.Ready(slot, *port, now);
    if (pod->state == PodState::kReady) events.push_back({Kind::kReady, *pod});
  } else if (n == 0 || end != std::string::npos || pipe.line.size() >= kReadyLineBytes) {
    pipe.fd.Reset();
    pipe.hang_up = now;
  }
}

void PodProcesses::Reap(SteadyTime now, std::vector<Event>& events) {
  for (const Pod& pod : fleet_.Pods()) {
    Ending ending;
    if (pod.pid == 0 || !local::Reap(pod.pid, ending)) continue;
    ready_pipes_.erase(pod.slot);
    counts_.Clear(static_cast<size_t>(pod.slot));
    const bool told = fleet_.Exited(pod.slot, now);
    events.push_back({told ? Kind::kEnded : Kind::kDied, pod, ending});
  }
}

std::vector<PodProcesses::Event> PodProcesses::Reconcile(SteadyTime now) {
  std::vector<Event> events;
  const Fleet::Actions actions = fleet_.Step(now);
  for (const int slot : actions.start) events.push_back(Start(slot, now));
  for (const int slot : actions.terminate) SignalProcess(fleet_.Find(slot)->pid, SIGTERM);
  for (const int slot : actions.kill) SignalGroup(fleet_.Find(slot)->pid, SIGKILL);
  return events;
}

PodProcesses::Event PodProcesses::Start(int slot, SteadyTime now) {
  const Pod pod = *fleet_.Find(slot);
  const auto failed = [&](const Error& why) {
    fleet_.StartFailed(slot, now);
    return Event{Kind::kNotStarted, pod, {}, why.message};
  };
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return failed(FailErrno("making a pipe").value());
  ReadyPipe pipe;
  pipe.fd.Reset(ends[0]);
  const UniqueFd write_end(ends[1]);
  ChildProgram program = program_of_(pod);
  program.fds = {listening_.get(), counts_.fd(), write_end.get()};
  const auto pid = Spawn(program);
  if (!pid) return failed(pid.error());
  fleet_.Started(slot, *pid, now);
  ready_pipes_[slot] = std::move(pipe);
  return {Kind::kStarting, *fleet_.Find(slot)};
}

void PodProcesses::Watch(std::vector<pollfd>& fds) const {
  for (const auto& [slot, pipe] : ready_pipes_) {
    if (pipe.fd.valid()) fds.push_back({pipe.fd.get(), POLLIN, 0});
  }
}

std::optional<SteadyTime> PodProcesses::Deadline() const {
  std::optional<SteadyTime> next = fleet_.NextDeadline();
  for (const auto& [slot, pipe] : ready_pipes_) {
    const SteadyTime due = pipe.hang_up + kEndAfterClosedPipe;
    if (!pipe.fd.valid() && (!next || due < *next)) next = due;
  }
  return next;
}

}  // namespace flyball::local
