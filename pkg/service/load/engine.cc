#include "pkg/service/load/engine.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <memory>
#include <optional>
#include <queue>

#include "pkg/base/check.h"
#include "pkg/base/clock.h"
#include "pkg/base/unique_fd.h"
#include "pkg/service/load/connection.h"

namespace flyball::load {
namespace {

constexpr auto kSweepEvery = milliseconds(5);  // how late a timeout or a reconnect may be noticed
constexpr auto kReconnectAfter = milliseconds(50);
constexpr auto kFirstConnectWithin = seconds(5);
constexpr size_t kScratchBytes = 64 << 10;
constexpr size_t kIdsKept = 8;  // of what each principal created

// Waits at most `limit`, with the precision of the nanosecond clock where the kernel offers it.
int Wait(int epoll, epoll_event* events, int capacity, nanoseconds limit) {
  limit = std::max(limit, nanoseconds(0));
  const timespec spec{static_cast<time_t>(limit.count() / 1'000'000'000),
                      static_cast<long>(limit.count() % 1'000'000'000)};
  const int ready = epoll_pwait2(epoll, events, capacity, &spec, nullptr);
  if (ready >= 0 || errno != ENOSYS) return ready;
  return epoll_wait(epoll, events, capacity, static_cast<int>(limit / milliseconds(1)));  // rounds down: may spin 1 ms
}

class Engine {
 public:
  Engine(const Plan& plan, std::stop_token stop, const std::function<void(const Second&)>& on_second)
      : plan_(plan),
        stop_(std::move(stop)),
        on_second_(on_second),
        arrivals_(plan.trace, plan.seed),
        random_(plan.seed ^ 0x6c6f6164),
        connections_(static_cast<size_t>(plan.connections)),
        idle_(),
        ids_(std::max<size_t>(1, plan.tokens.size())),
        scratch_(new char[kScratchBytes]) {}

  Result<Report> Run();

 private:
  struct Created {  // the last things a principal created
    std::array<std::string, kIdsKept> ids;
    size_t next = 0;
    size_t count = 0;
  };
  struct Due {
    SteadyTime at;
    Attempt attempt;
    bool operator>(const Due& other) const { return at > other.at; }
  };
  struct IdleEntry {
    uint32_t index;
    uint32_t generation;  // stale when the connection moved on
  };

  Result<void> Connect();
  Result<void> OpenConnection(size_t index);
  void Watch(size_t index, uint32_t events, int operation);
  void RenderHeads();

  bool Over() const { return trace_over_ && busy_ == 0 && backlog_.empty(); }
  void TakeArrivals();
  void TakeRetries();
  void Offer(const Attempt& attempt);
  void SendBacklog();
  bool SendOn(size_t index, const Attempt& attempt);
  std::optional<size_t> TakeIdle();
  void Render(std::string& out, const Attempt& attempt, size_t kind_index);

  void WaitForEvents();
  void OnEvent(const epoll_event& event);
  void OnReadable(size_t index);
  void OnWritable(size_t index);
  void OnAnswer(size_t index);
  void OnBroken(size_t index, bool malformed);
  void Reopen(size_t index);
  void Sweep();
  void Retry(const Attempt& attempt, const ResponseParser& answer);
  void Learn(uint32_t principal, std::string_view location);

  nanoseconds Offset(SteadyTime time) const { return time - start_; }
  void Now() { now_ = RealClock().Now(); }

  const Plan& plan_;
  std::stop_token stop_;
  const std::function<void(const Second&)>& on_second_;
  Arrivals arrivals_;
  Random random_;
  Tally tally_{plan_.objective};
  UniqueFd epoll_;
  std::vector<Connection> connections_;
  std::vector<SteadyTime> reopen_at_;
  std::deque<IdleEntry> idle_;  // longest idle first; may hold stale entries
  std::deque<Attempt> backlog_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> retries_;
  std::vector<Created> ids_;
  std::vector<std::string> heads_;  // per kind: everything of the head that does not change
  std::string path_, body_;         // scratch of Render
  std::unique_ptr<char[]> scratch_;
  std::array<epoll_event, 512> events_;

  SteadyTime now_, start_, next_sweep_;
  std::optional<SteadyTime> next_arrival_;
  SteadyTime ended_;  // when the trace was over
  bool trace_over_ = false;
  size_t busy_ = 0;
  size_t up_ = 0;  // connections that are idle or busy
  size_t shown_ = 0;
  bool connected_once_ = false;  // a server that hangs up at once is there all the same
  uint64_t n_ = 0;
  std::string last_failure_;
};

Result<void> Engine::OpenConnection(size_t index) {
  Connection& connection = connections_[index];
  if (auto opened = connection.Open(plan_.target); !opened) {
    tally_.OnConnectFailure();
    last_failure_ = opened.error().message;
    reopen_at_[index] = now_ + kReconnectAfter;
    return opened;
  }
  Watch(index, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_ADD);
  return {};
}

void Engine::Watch(size_t index, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = (static_cast<uint64_t>(connections_[index].generation()) << 32) | index;
  Check(epoll_ctl(epoll_.get(), operation, connections_[index].fd(), &event) == 0, "epoll_ctl");
}

// Opens all connections and waits for the first, so that the trace does not begin with the cost of connecting.
Result<void> Engine::Connect() {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return FailErrno("create an epoll instance");
  reopen_at_.assign(connections_.size(), SteadyTime::max());
  Now();
  start_ = next_sweep_ = now_;
  const SteadyTime deadline = now_ + kFirstConnectWithin;
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (auto opened = OpenConnection(i); !opened && opened.error().code == ErrorCode::kIo) return opened;
  }
  const auto connecting = [&] {
    return std::any_of(connections_.begin(), connections_.end(),
                       [](const Connection& c) { return c.state() == Connection::State::kConnecting; });
  };
  while (!stop_.stop_requested() && now_ < deadline && connecting()) {
    WaitForEvents();
    Sweep();
  }
  if (!connected_once_ && !stop_.stop_requested())
    return Fail(ErrorCode::kUnavailable,
                last_failure_.empty() ? plan_.target.authority + " does not answer" : last_failure_);
  return {};
}

void Engine::RenderHeads() {
  for (const RequestKind& kind : plan_.mix.kinds()) {
    std::string head = " HTTP/1.1\r\nHost: " + plan_.target.authority + "\r\nAccept: application/json\r\n";
    for (const auto& [name, value] : kind.headers) head += name + ": " + value + "\r\n";
    if (!kind.body.empty()) head += "Content-Type: " + kind.content_type + "\r\n";
    heads_.push_back(std::move(head));
  }
}

Result<Report> Engine::Run() {
  if (auto connected = Connect(); !connected) return Fail(connected.error());
  RenderHeads();
  tally_ = Tally();  // what connecting cost is not part of the run
  Now();
  start_ = now_;
  const auto first = arrivals_.Next();
  if (first) next_arrival_ = start_ + *first;
  ended_ = start_ + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(plan_.trace.duration_s()));
  while (true) {
    TakeArrivals();
    TakeRetries();
    SendBacklog();
    Sweep();
    if (Over()) break;
    WaitForEvents();
  }
  Now();
  return tally_.Finish(Offset(now_), ended_ - start_);
}

void Engine::TakeArrivals() {
  if (stop_.stop_requested() && !trace_over_) {
    trace_over_ = true;
    ended_ = std::min(ended_, now_);
    next_arrival_.reset();
    for (; !backlog_.empty(); backlog_.pop_front()) tally_.OnNotSent(Offset(now_));
  }
  while (next_arrival_ && *next_arrival_ <= now_) {
    Attempt attempt;
    attempt.due = *next_arrival_;
    attempt.n = ++n_;
    attempt.kind = static_cast<uint32_t>(plan_.mix.Pick(random_));
    attempt.principal = static_cast<uint32_t>(random_.Below(ids_.size()));
    Offer(attempt);
    const auto next = arrivals_.Next();
    next_arrival_ = next ? std::optional(start_ + *next) : std::nullopt;
  }
  if (!next_arrival_ && now_ >= ended_) trace_over_ = true;
}

// A retry that would come after the trace is over is not sent: nobody offers load any more.
void Engine::TakeRetries() {
  while (!retries_.empty() && (trace_over_ || retries_.top().at <= now_)) {
    if (!trace_over_) Offer(retries_.top().attempt);
    retries_.pop();
  }
}

void Engine::Offer(const Attempt& attempt) {
  tally_.OnOffered(Offset(attempt.due), attempt.number);
  if (backlog_.size() >= plan_.backlog) {
    tally_.OnNotSent(Offset(now_));
    return;
  }
  backlog_.push_back(attempt);
}

void Engine::SendBacklog() {
  while (!backlog_.empty()) {
    if (now_ - backlog_.front().due >= plan_.timeout) {
      tally_.OnNotSent(Offset(now_));
      backlog_.pop_front();
      continue;
    }
    const auto index = TakeIdle();
    if (!index) return;
    Now();
    if (SendOn(*index, backlog_.front())) backlog_.pop_front();
  }
}

std::optional<size_t> Engine::TakeIdle() {
  while (!idle_.empty()) {
    const IdleEntry entry = idle_.front();
    idle_.pop_front();
    const Connection& connection = connections_[entry.index];
    if (connection.generation() != entry.generation || connection.state() != Connection::State::kIdle) continue;
    if (connection.StillIdle()) return entry.index;
    Reopen(entry.index);
  }
  return std::nullopt;
}

// False when the connection turned out dead before a byte was written; the attempt is still the caller's.
bool Engine::SendOn(size_t index, const Attempt& attempt) {
  Connection& connection = connections_[index];
  const auto& kinds = plan_.mix.kinds();
  size_t kind = attempt.kind;
  if ((kinds[kind].path.needs_id() || kinds[kind].body.needs_id()) && ids_[attempt.principal].count == 0)
    kind = plan_.mix.without_id();
  Render(connection.request(), attempt, kind);
  const auto sent = connection.Send(attempt, kinds[kind].method == "HEAD");
  if (sent == Connection::Sent::kNothing && connection.state() != Connection::State::kBusy) {
    Reopen(index);
    return false;
  }
  ++busy_;
  tally_.OnSent(Offset(attempt.due), Offset(now_), attempt.number);
  // One that broke with a part of the request taken stays busy: what the server said before is read first.
  if (sent == Connection::Sent::kPart) Watch(index, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_MOD);
  return true;
}

void Engine::Render(std::string& out, const Attempt& attempt, size_t kind_index) {
  const RequestKind& kind = plan_.mix.kinds()[kind_index];
  const Created& created = ids_[attempt.principal];
  Template::Holes holes{attempt.n, attempt.principal, {}};
  if (created.count > 0) holes.id = created.ids[attempt.n % created.count];
  out.assign(kind.method);
  out.append(" ").append(plan_.target.base);
  kind.path.AppendTo(out, holes);
  out.append(heads_[kind_index]);
  if (!kind.anonymous && !plan_.tokens.empty())
    out.append("Authorization: Bearer ").append(plan_.tokens[attempt.principal]).append("\r\n");
  if (kind.body.empty()) {
    out.append("\r\n");
    return;
  }
  body_.clear();
  kind.body.AppendTo(body_, holes);
  out.append("Content-Length: ").append(std::to_string(body_.size())).append("\r\n\r\n").append(body_);
}

void Engine::WaitForEvents() {
  SteadyTime until = next_sweep_;
  if (next_arrival_) until = std::min(until, *next_arrival_);
  if (!retries_.empty()) until = std::min(until, retries_.top().at);
  const int ready = Wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), until - RealClock().Now());
  Now();
  for (int i = 0; i < ready; ++i) OnEvent(events_[static_cast<size_t>(i)]);
}

void Engine::OnEvent(const epoll_event& event) {
  const size_t index = event.data.u64 & 0xffffffff;
  if (connections_[index].generation() != event.data.u64 >> 32) return;  // of a connection since replaced
  if (connections_[index].state() == Connection::State::kConnecting || (event.events & EPOLLOUT)) OnWritable(index);
  if (connections_[index].generation() != event.data.u64 >> 32) return;
  if (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) OnReadable(index);
}

void Engine::OnWritable(size_t index) {
  Connection& connection = connections_[index];
  if (connection.state() == Connection::State::kConnecting) {
    const bool first = !connection.opened_before();
    if (auto opened = connection.FinishOpen(); !opened) {
      tally_.OnConnectFailure();
      last_failure_ = "cannot connect to " + plan_.target.authority + ": " + opened.error().message;
      reopen_at_[index] = now_ + kReconnectAfter;
      return;
    }
    tally_.OnConnected(first);
    ++up_;
    connected_once_ = true;
    Watch(index, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
    idle_.push_back({static_cast<uint32_t>(index), connection.generation()});
    return;
  }
  if (connection.state() != Connection::State::kBusy) return;
  // One that broke while writing is left alone: what the server said before that, if anything, is read next.
  if (connection.Flush() != Connection::Sent::kPart) Watch(index, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
}

void Engine::OnReadable(size_t index) {
  Connection& connection = connections_[index];
  if (connection.state() == Connection::State::kIdle) {
    Reopen(index);  // closed between answers, or something nobody asked for
    return;
  }
  if (connection.state() != Connection::State::kBusy) return;
  switch (connection.Receive(scratch_.get(), kScratchBytes)) {
    case Connection::Got::kAnswer:
      OnAnswer(index);
      break;
    case Connection::Got::kClosed:
      OnBroken(index, false);
      break;
    case Connection::Got::kMalformed:
      OnBroken(index, true);
      break;
    case Connection::Got::kNothing:
      break;
  }
}

void Engine::OnAnswer(size_t index) {
  Connection& connection = connections_[index];
  const ResponseParser& answer = connection.answer();
  const Attempt attempt = connection.attempt();
  Now();
  --busy_;
  tally_.OnAnswered(Offset(attempt.due), Offset(now_), {answer.status(), attempt.number, answer.has_retry_after()});
  if (answer.status() == 201) Learn(attempt.principal, answer.location());
  if (answer.status() == 503 || answer.status() == 429) Retry(attempt, answer);
  connection.BecomeIdle();
  if (!answer.keep_alive() || !connection.request_written()) {  // an early answer leaves half a request behind
    Reopen(index);
    return;
  }
  idle_.push_back({static_cast<uint32_t>(index), connection.generation()});
}

void Engine::OnBroken(size_t index, bool malformed) {
  --busy_;
  tally_.OnReset(Offset(now_), malformed);
  connections_[index].BecomeIdle();
  Reopen(index);
}

// Ends a connection that carries nothing and begins a new one in its place: at once, or after a pause when this one
// never got an answer, so that a server which hangs up on everybody is not hammered.
void Engine::Reopen(size_t index) {
  --up_;
  const bool useful = connections_[index].answers() > 0;
  connections_[index].Close();
  if (useful) {
    OpenConnection(index);
  } else {
    reopen_at_[index] = now_ + kReconnectAfter;
  }
}

void Engine::Sweep() {
  if (now_ >= next_sweep_) {
    next_sweep_ = now_ + kSweepEvery;
    for (size_t i = 0; i < connections_.size(); ++i) {
      Connection& connection = connections_[i];
      if (connection.state() == Connection::State::kBusy && now_ - connection.attempt().due >= plan_.timeout) {
        --busy_;
        tally_.OnTimeout(Offset(now_));
        connection.BecomeIdle();
        Reopen(i);
      } else if (connection.state() == Connection::State::kDown && now_ >= reopen_at_[i]) {
        OpenConnection(i);
      }
    }
  }
  if (idle_.size() > 4 * connections_.size()) {  // mostly stale entries
    std::erase_if(idle_, [&](const IdleEntry& entry) {
      const Connection& connection = connections_[entry.index];
      return connection.generation() != entry.generation || connection.state() != Connection::State::kIdle;
    });
  }
  tally_.Tick(Offset(now_));
  for (; shown_ < tally_.closed(); ++shown_) {
    if (on_second_) on_second_(tally_.second(shown_));
  }
}

void Engine::Retry(const Attempt& attempt, const ResponseParser& answer) {
  if (attempt.number > plan_.retries || trace_over_) return;
  Attempt again = attempt;
  ++again.number;
  again.due = now_ + seconds(std::clamp(answer.retry_after_seconds().value_or(1), 0, 3600));
  retries_.push({again.due, again});
}

void Engine::Learn(uint32_t principal, std::string_view location) {
  const std::string_view id = location.substr(location.rfind('/') + 1);
  if (location.empty() || id.empty() || id.size() > 128 || id.find(' ') != std::string_view::npos) return;
  Created& created = ids_[principal];
  created.ids[created.next].assign(id);
  created.next = (created.next + 1) % kIdsKept;
  created.count = std::min(created.count + 1, kIdsKept);
}

}  // namespace

Result<Report> Generate(const Plan& plan, std::stop_token stop, const std::function<void(const Second&)>& on_second) {
  Check(plan.connections >= 1 && plan.connections <= 10'000, "1 to 10,000 connections");
  return Engine(plan, std::move(stop), on_second).Run();
}

}  // namespace flyball::load
