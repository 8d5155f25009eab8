#include "pkg/http/detail/reactor.h"

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pistache/peer.h>
#include <pistache/tcp.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "pkg/base/check.h"
#include "pkg/base/log.h"

namespace flyball::http::detail {
namespace {

using Pistache::Polling::Mode;
using Pistache::Polling::NotifyOn;
using Pistache::Polling::Tag;

constexpr milliseconds kTick{50};
constexpr double kGateSlack = 0.02;
constexpr milliseconds kGatePause{10};        // a pod above the mean leaves the socket to the others for so long
constexpr milliseconds kExhaustedPause{100};  // no descriptors or memory
constexpr milliseconds kWaitedThrough{3};
constexpr int kPatientPauses = 10;
constexpr int kMaxAllowanceShift = 6;
constexpr milliseconds kSilentBeforeShed{5'000};
constexpr uint64_t kConnectionsWorthTrimming = 1000;

PeerAddress ToPeerAddress(const sockaddr_storage& storage) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  PeerAddress peer;
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    peer.family = PeerAddress::Family::kIpv4;
    peer.port = ntohs(v4.sin_port);
    std::memcpy(peer.bytes.data(), &v4.sin_addr, 4);
  } else if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    const auto* bytes = reinterpret_cast<const uint8_t*>(&v6.sin6_addr);
    const bool mapped = std::equal(kMapped, kMapped + 12, bytes);
    peer.family = mapped ? PeerAddress::Family::kIpv4 : PeerAddress::Family::kIpv6;
    peer.port = ntohs(v6.sin6_port);
    std::memcpy(peer.bytes.data(), mapped ? bytes + 12 : bytes, mapped ? 4 : 16);
  }
  return peer;
}

// The flags of an event: FdSet::Entry has no accessor for "the peer has shut down" and derives privately.
Connection::End EndOf(const Pistache::Aio::FdSet::Entry& entry) {
  const auto& event = (const Pistache::Polling::Event&)entry;
  if (event.flags.hasFlag(NotifyOn::Hangup)) return Connection::End::kGone;
  return event.flags.hasFlag(NotifyOn::Shutdown) ? Connection::End::kHalf : Connection::End::kOpen;
}

class NoInput final : public Pistache::Tcp::Handler {
  PROTOTYPE_OF(Pistache::Tcp::Handler, NoInput)
  void onInput(const char*, size_t, const std::shared_ptr<Pistache::Tcp::Peer>&) override {}
};

}  // namespace

std::shared_ptr<Pistache::Tcp::Handler> MakePeerHandler() { return std::make_shared<NoInput>(); }

Reactor::Reactor(std::shared_ptr<Pistache::Tcp::Handler> peer_handler, ReactorShared& shared, int index)
    : Pistache::Tcp::Transport(peer_handler),
      shared_(shared),
      peer_handler_(std::move(peer_handler)),
      context_(index, shared.limits, *shared.router, shared.handler, shared.shedder, shared.common_lines,
               shared.trusted_proxies),
      inbox_(std::make_shared<Inbox>(shared.router)),
      timer_fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  Check(timer_fd_.valid(), "a timerfd can be made");
  context_.sink = inbox_;
}

Reactor::~Reactor() { Close(); }

void Reactor::Close() {
  connections_.clear();
  inbox_->Close();
}

std::shared_ptr<Pistache::Aio::Handler> Reactor::clone() const {
  return std::make_shared<Reactor>(std::static_pointer_cast<Pistache::Tcp::Handler>(peer_handler_->clone()), shared_,
                                   clones_++);
}

void Reactor::Arm() {
  reactor()->registerFd(key(), inbox_->wake_fd(), NotifyOn::Read, Tag(static_cast<uint64_t>(inbox_->wake_fd())));
  reactor()->registerFd(key(), timer_fd_.get(), NotifyOn::Read, Tag(static_cast<uint64_t>(timer_fd_.get())));
  inbox_->Wake();
}

void Reactor::Start() {
  started_ = true;
  inbox_->SetOwner(this);
  context_.now = RealClock().Now();
  next_tick_ = context_.now + kTick;
  next_second_ = context_.now;
  shared_.handler.OnReactorStart(context_.index);
  ResumeAccepting();
  ArmTimer(kTick);
}

void Reactor::onReady(const Pistache::Aio::FdSet& fds) {
  const SteadyTime begin = RealClock().Now();
  context_.now = begin;
  try {
    if (!started_) Start();
    first_of_turn_ = next_generation_;
    for (const auto& entry : fds) HandleEvent(entry);
    FinishTurn();
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "an exception reached the event loop", {{"error", error.what()}});
  }
  const auto turn = static_cast<uint64_t>((RealClock().Now() - begin).count());
  context_.counters.busy_ns.Add(turn);
  longest_turn_ns_ = std::max(longest_turn_ns_, turn);
}

void Reactor::HandleEvent(const Pistache::Aio::FdSet::Entry& entry) {
  const int fd = static_cast<int>(entry.getTag().value());
  if (fd == shared_.listen_fd) return Accept();
  if (fd == inbox_->wake_fd()) return DrainInbox();
  if (fd == timer_fd_.get()) return OnTimer();
  if (Connection* connection = Find(fd)) {
    // Accepted in this turn, it has no event yet: this is one of whoever had the descriptor before.
    if (static_cast<int32_t>(connection->generation() - first_of_turn_) >= 0) return;
    return Serve(*connection, [&] { return connection->OnReady(EndOf(entry)); });
  }
  // Either one of Pistache's own queues, or a descriptor that was closed earlier in this turn.
  const bool was_connection =
      static_cast<size_t>(fd) < was_connection_.size() && was_connection_[static_cast<size_t>(fd)];
  if (!was_connection) ForwardToBase(fd);
}

void Reactor::ForwardToBase(int fd) {
  std::vector<Pistache::Polling::Event> events;
  events.emplace_back(Tag(static_cast<uint64_t>(fd)));
  events.back().flags.setFlag(NotifyOn::Read);
  Pistache::Tcp::Transport::onReady(Pistache::Aio::FdSet(std::move(events)));
}

// What became ready without an event of its own.
void Reactor::FinishTurn() {
  for (size_t i = 0; i < dirty_.size(); ++i) {
    if (Connection* connection = Find(dirty_[i])) Serve(*connection, [&] { return connection->Run(); });
  }
  dirty_.clear();
  if (!runnable_.empty()) inbox_->Wake();
}

template <typename Act>
void Reactor::Serve(Connection& connection, Act act) {
  const Name name{connection.fd(), connection.generation()};
  serving_ = &connection;
  const Connection::Next next = act();
  serving_ = nullptr;
  if (next == Connection::Next::kClose) return Destroy(name.fd);
  if (next == Connection::Next::kAgain) runnable_.push_back(name);
  if (connection.NeedsWritePolling()) {
    reactor()->modifyFd(key(), name.fd, NotifyOn::Read | NotifyOn::Write | NotifyOn::Shutdown, Mode::Edge);
  }
}

void Reactor::OnLocalAnswer(Exchange* exchange) {
  Connection* connection = Find(Name{exchange->fd, exchange->generation});
  if (connection == nullptr) return context_.Discard(std::unique_ptr<Exchange>(exchange));
  connection->OnAnswer(exchange);
  if (connection != serving_) dirty_.push_back({connection->fd(), connection->generation()});
}

void Reactor::OnLocalStream(int fd, uint32_t generation) {
  const Connection* connection = Find(Name{fd, generation});
  if (connection != nullptr && connection != serving_) dirty_.push_back({fd, generation});
}

void Reactor::DrainInbox() {
  inbox_->ClearWake();
  std::vector<Name> runnable;
  runnable.swap(runnable_);
  for (const Name& name : runnable) {
    if (Connection* connection = Find(name)) Serve(*connection, [&] { return connection->Run(); });
  }
  for (Exchange* exchange = inbox_->TakeAnswers(); exchange != nullptr;) {
    Exchange* next = std::exchange(exchange->next_in_inbox, nullptr);
    OnLocalAnswer(exchange);
    exchange = next;
  }
  for (const Inbox::Stream& stream : inbox_->TakeStreams()) OnLocalStream(stream.fd, stream.generation);
  for (auto& task : inbox_->TakeTasks()) task();
}

void Reactor::ArmTimer(milliseconds delay) {
  itimerspec spec{};
  const auto ns = std::max<int64_t>(std::chrono::duration_cast<nanoseconds>(delay).count(), 1);
  spec.it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  timer_due_ = RealClock().Now() + nanoseconds(ns);
  timerfd_settime(timer_fd_.get(), 0, &spec, nullptr);
}

void Reactor::CountLag(nanoseconds lag) {
  const double seconds_late = std::max(ToSeconds(lag), 0.0);
  const auto& bounds = ReactorLag::kBounds;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds_late) - bounds.begin();
  context_.counters.lag[static_cast<size_t>(bucket)].Add(1);
  context_.counters.lag_ns.Add(static_cast<uint64_t>(std::max<int64_t>(lag.count(), 0)));
}

void Reactor::OnTimer() {
  uint64_t expirations = 0;
  // It may have been set anew earlier in this turn: then it has not expired again.
  if (read(timer_fd_.get(), &expirations, sizeof expirations) > 0) CountLag(RealClock().Now() - timer_due_);
  if (accepts_ && !listening_ && context_.now >= resume_at_) ResumeAccepting();
  if (context_.now >= next_tick_) {
    next_tick_ = context_.now + kTick;
    OnTick();
  }
  SteadyTime next = next_tick_;
  if (accepts_ && !listening_) next = std::min(next, resume_at_);
  ArmTimer(std::chrono::ceil<milliseconds>(next - context_.now));
}

void Reactor::OnTick() {
  std::vector<Name> due;
  for (WheelEntry* entry = context_.wheel.Advance(context_.now); entry != nullptr;) {
    auto* connection = static_cast<Connection*>(entry);
    due.push_back({connection->fd(), connection->generation()});
    entry = TimerWheel::Next(*entry);
  }
  for (const Name& name : due) {
    if (Connection* connection = Find(name)) Serve(*connection, [&] { return connection->OnDeadline(); });
  }
  if (context_.draining) {
    const SteadyTime silent_since = context_.now - idle_grace_;
    ForEach([&](Connection& connection) {
      if (connection.IdleSince(silent_since)) Serve(connection, [&] { return connection.CloseIfIdle(); });
    });
  }
  if (context_.now >= next_second_) OnSecond();
  if (context_.index == 0) WatchFleet();
  shared_.handler.OnTick(context_.index, context_.now);
}

void Reactor::OnSecond() {
  next_second_ = context_.now + seconds(1);
  context_.counters.longest_turn_ns.store(std::max(longest_turn_ns_, previous_longest_ns_), std::memory_order_relaxed);
  previous_longest_ns_ = std::exchange(longest_turn_ns_, 0);
  if (context_.index == 0 && shared_.tls) ReloadCertificate();
  ReturnMemory();
  // What the answers of the last second did not use is taken from connections without traffic.
  const SteadyTime silent_since = context_.now - kSilentBeforeShed;
  if (shared_.shedder.HasGrants()) {
    ForEach([&](Connection& connection) {
      if (!connection.IdleSince(silent_since) || !shared_.shedder.TakeOne()) return;
      context_.counters.rebalanced.Add(1);
      Serve(connection, [&] { return connection.CloseIfIdle(); });
    });
  }
}

// By the first reactor, every second: two looks at the file system.
void Reactor::ReloadCertificate() {
  const auto reloaded = shared_.tls->ReloadIfChanged();
  if (reloaded && *reloaded) Log(LogLevel::kInfo, "the TLS certificate was read anew");
  if (!reloaded && !reload_failed_) {
    Log(LogLevel::kError, "the TLS certificate has changed and cannot be used; the old one stays in use",
        {{"error", reloaded.error().message}});
  }
  reload_failed_ = !reloaded;
}

// What thousands of connections needed and have given back is kept by the allocator until it is told otherwise.
void Reactor::ReturnMemory() {
  const uint64_t open = context_.counters.open.value();
  most_open_ = std::max(most_open_, open);
  if (most_open_ - open < kConnectionsWorthTrimming || open > most_open_ / 2) return;
  most_open_ = open;
  malloc_trim(0);
}

// How this pod stands in the fleet; by the first reactor, every tick.
void Reactor::WatchFleet() {
  const uint64_t open = shared_.open_connections();
  if (shared_.fleet_shares_counts) {
    const ConnectionCounts::Fleet fleet = shared_.counts->Sum();
    shared_.shedder.SetFleet(fleet.pods, std::floor(fleet.MeanPerPod()), open, context_.now);
  }
  shared_.shedder.Refill(open, context_.now);
  shared_.shedder.RefillRefused(open, context_.now);
}

// --- accepting ---

// Somebody else has clearly fewer connections: a new one should go there.
bool Reactor::OthersHaveFewer() {
  const ConnectionCounts::Fleet fleet = shared_.counts->Sum();
  const double slack = std::max(1.0, kGateSlack * fleet.MeanPerReactor());
  return static_cast<double>(context_.counters.open.value()) > fleet.least_per_reactor + slack;
}

// In this process, or in another one: of those it cannot be known.
bool Reactor::SomebodyElseListens() const {
  return shared_.fleet_shares_counts || shared_.listening.load(std::memory_order_relaxed) > (listening_ ? 1 : 0);
}

void Reactor::SetListening(bool listening) {
  if (listening_ == listening) return;
  listening_ = listening;
  if (listening) {
    reactor()->registerFd(key(), shared_.listen_fd, NotifyOn::Read, Tag(static_cast<uint64_t>(shared_.listen_fd)));
  } else {
    reactor()->removeFd(key(), shared_.listen_fd);
  }
  shared_.listening.fetch_add(listening ? 1 : -1, std::memory_order_relaxed);
}

void Reactor::PauseAccepting(milliseconds delay) {
  SetListening(false);
  resume_at_ = context_.now + delay;
  ArmTimer(
      std::clamp<milliseconds>(std::chrono::ceil<milliseconds>(next_tick_ - context_.now), milliseconds(1), delay));
}

void Reactor::ResumeAccepting() {
  if (listening_ || !accepts_) return;
  if (context_.counters.open.value() >= shared_.connection_limit) return PauseAccepting(kGatePause);
  SetListening(true);
  gated_ = false;
  resumed_at_ = context_.now;
}

// One connection per wake-up: the next one goes to whichever reactor is free.
void Reactor::Accept() {
  if (!listening_) return;
  if (context_.counters.open.value() >= shared_.connection_limit) return PauseAccepting(kGatePause);
  if (!OthersHaveFewer()) {
    gate_pauses_ = 0;
  } else if (SomebodyElseListens() && !MayAcceptAboveMean()) {
    gated_ = true;
    return PauseAccepting(kGatePause);
  }
  AcceptOne();
}

// Whoever is below the mean had its chance while this reactor paused. What waited through the pause is taken: a little,
// and more when it goes on like that, because then the others are stuck, or dead and not yet reaped.
bool Reactor::MayAcceptAboveMean() {
  const bool waited = gate_pauses_ > 0 && context_.now - resumed_at_ < kWaitedThrough;
  if (waited && allowance_ > 0) return allowance_-- > 0;
  gate_pauses_ = waited ? gate_pauses_ + 1 : 1;
  allowance_ = 1 << std::clamp(gate_pauses_ - kPatientPauses, 0, kMaxAllowanceShift);
  return false;
}

bool Reactor::AcceptOne() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = accept4(shared_.listen_fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    const PeerAddress peer = ToPeerAddress(address);
    const AddressCounts::Place place = shared_.address_counts->Enter(peer);
    if (place == AddressCounts::Place::kRefused) {
      context_.counters.refused_connections.Add(1);
      ::close(fd);
    } else {
      Adopt(fd, peer, place == AddressCounts::Place::kCounted, &address);
    }
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    context_.counters.accept_failures.Add(1);
    PauseAccepting(kExhaustedPause);
  }
  return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
}

void Reactor::Adopt(int fd, const PeerAddress& peer, bool counted, const void* address) {
  std::unique_ptr<TlsSession> tls = shared_.tls ? shared_.tls->NewSession(fd) : nullptr;
  if (shared_.tls && !tls) {  // no memory
    if (counted) shared_.address_counts->Leave(peer);
    context_.counters.accept_failures.Add(1);
    ::close(fd);
    return;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connections_.size() <= static_cast<size_t>(fd)) connections_.resize(static_cast<size_t>(fd) + 64);
  was_connection_.resize(connections_.size());
  was_connection_[static_cast<size_t>(fd)] = true;
  connections_[static_cast<size_t>(fd)] =
      std::make_unique<Connection>(context_, fd, next_generation_++, peer, counted, std::move(tls));
  context_.counters.accepted.Add(1);
  context_.counters.open.Add(1);
  shared_.counts->Add(shared_.counts_slot, 1);
  auto* socket_address = static_cast<const sockaddr*>(address);
  handleNewPeer(Pistache::Tcp::Peer::Create(fd, Pistache::Address::fromUnix(const_cast<sockaddr*>(socket_address))));
}

// --- connections ---

Connection* Reactor::Find(int fd) {
  return static_cast<size_t>(fd) < connections_.size() ? connections_[static_cast<size_t>(fd)].get() : nullptr;
}

Connection* Reactor::Find(const Name& name) {
  Connection* connection = Find(name.fd);
  return connection != nullptr && connection->generation() == name.generation ? connection : nullptr;
}

// Pistache's transport closes the descriptor when it sees the end of the stream: so make it see that now.
void Reactor::Destroy(int fd) {
  std::unique_ptr<Connection>& connection = connections_[static_cast<size_t>(fd)];
  if (connection->counted()) shared_.address_counts->Leave(connection->peer());
  connection.reset();
  int pending_error = 0;
  socklen_t size = sizeof pending_error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending_error, &size);  // clears it
  ::shutdown(fd, SHUT_RDWR);
  ForwardToBase(fd);
  if (const auto left = peers.find(fd); left != peers.end()) removePeer(std::shared_ptr(left->second));
  context_.counters.open.Subtract(1);
  shared_.counts->Add(shared_.counts_slot, -1);
  // Where connections are short nobody is above the others for as long as a pause.
  if (gated_ && !listening_ && !OthersHaveFewer()) ResumeAccepting();
  if (context_.draining && context_.counters.open.value() == 0) shared_.on_last_closed();
}

template <typename Act>
void Reactor::ForEach(Act act) {
  for (size_t fd = 0; fd < connections_.size(); ++fd) {
    if (connections_[fd]) act(*connections_[fd]);
  }
}

void Reactor::StartDrain(bool empty_queue, milliseconds idle_grace) {
  context_.draining = true;
  idle_grace_ = idle_grace;
  while (empty_queue && accepts_ && context_.counters.open.value() < shared_.connection_limit && AcceptOne()) {
  }
  accepts_ = false;
  SetListening(false);
}

void Reactor::CloseAll() {
  accepts_ = false;
  SetListening(false);
  ForEach([&](Connection& connection) { Destroy(connection.fd()); });
}

}  // namespace flyball::http::detail
