// The place where Pistache is: a transport of our own on each of its reactor threads.
#pragma once

#include <pistache/reactor.h>
#include <pistache/transport.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/http/connection_counts.h"
#include "pkg/http/detail/address_counts.h"
#include "pkg/http/detail/connection.h"
#include "pkg/http/detail/inbox.h"
#include "pkg/http/detail/reactor_context.h"

namespace flyball::http::detail {

// What the reactors of one server have in common; outlives them.
struct ReactorShared {
  ReactorShared(Router router_in, Handler& handler_in)
      : router(std::make_shared<const Router>(std::move(router_in))), handler(handler_in) {}

  Limits limits;
  const std::shared_ptr<const Router> router;
  Handler& handler;
  CommonLines common_lines;
  TrustedProxies trusted_proxies;
  int listen_fd = -1;                  // borrowed
  ConnectionCounts* counts = nullptr;  // never null while reactors run
  size_t counts_slot = 0;
  bool fleet_shares_counts = false;
  size_t connection_limit = 0;    // of one reactor
  std::atomic<int> listening{0};  // reactors that have the listening socket in their poller
  std::optional<AddressCounts> address_counts;
  std::unique_ptr<TlsContext> tls;  // null: plain text
  ConnectionShedder shedder;
  std::function<uint64_t()> open_connections;  // of all reactors
  std::function<void()> on_last_closed;        // while draining: a reactor has no connection left
};

// What Pistache calls with bytes it has read itself: never, as long as the reactor reads; it drops them.
std::shared_ptr<Pistache::Tcp::Handler> MakePeerHandler();

// Accepts, polls and keeps the time for the connections of one thread. Pistache's transport holds the peers (life of
// descriptors); reading, parsing and writing are Connection's. Pistache's reactor makes one per thread by clone().
class Reactor final : public Pistache::Tcp::Transport, private LocalAnswers {
 public:
  Reactor(std::shared_ptr<Pistache::Tcp::Handler> peer_handler, ReactorShared& shared, int index);
  ~Reactor() override;

  // Pistache asks for one more a thread; indices count up from 0.
  std::shared_ptr<Pistache::Aio::Handler> clone() const override;
  void onReady(const Pistache::Aio::FdSet& fds) override;

  // After the reactor runs: registers the wake-up, the timer and, when the first wake-up comes, the listening socket.
  void Arm();
  // Any thread.
  bool Post(std::function<void()> task) { return inbox_->PushTask(std::move(task)); }
  const ReactorCounters& counters() const { return context_.counters; }
  // After the thread has ended.
  void Close();

  // On the reactor's thread (by Post). With `empty_queue`, accepts what waits in the socket's queue first.
  void StartDrain(bool empty_queue, milliseconds idle_grace);
  void CloseAll();

 private:
  struct Name {
    int fd;
    uint32_t generation;
  };

  void OnLocalAnswer(Exchange* exchange) override;
  void OnLocalStream(int fd, uint32_t generation) override;
  void Start();
  void HandleEvent(const Pistache::Aio::FdSet::Entry& entry);
  void ForwardToBase(int fd);
  void FinishTurn();
  void DrainInbox();
  void OnTimer();
  void CountLag(nanoseconds lag);
  void OnTick();
  void OnSecond();
  void ReloadCertificate();
  void ArmTimer(milliseconds delay);

  void ReturnMemory();
  void WatchFleet();
  bool OthersHaveFewer();
  bool SomebodyElseListens() const;
  void SetListening(bool listening);
  bool MayAcceptAboveMean();
  void PauseAccepting(milliseconds delay);
  void ResumeAccepting();
  void Accept();
  bool AcceptOne();
  void Adopt(int fd, const PeerAddress& peer, bool counted, const void* address);

  Connection* Find(int fd);
  Connection* Find(const Name& name);
  // Lets the connection work by `act` (which returns its Next), and does what it asks for then.
  template <typename Act>
  void Serve(Connection& connection, Act act);
  void Destroy(int fd);
  template <typename Act>
  void ForEach(Act act);

  ReactorShared& shared_;
  const std::shared_ptr<Pistache::Tcp::Handler> peer_handler_;
  ReactorContext context_;
  const std::shared_ptr<Inbox> inbox_;
  UniqueFd timer_fd_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::vector<bool> was_connection_;                      // by descriptor: not one of Pistache's own
  std::vector<Name> dirty_;                               // got an answer on this thread, outside of their own turn
  std::vector<Name> runnable_;                            // used up their share
  Connection* serving_ = nullptr;
  uint32_t next_generation_ = 1;
  uint32_t first_of_turn_ = 0;  // generation of the next connection when the turn began
  bool started_ = false;
  bool gated_ = false;      // not listening because others have fewer
  bool listening_ = false;  // the listening socket is in the poller
  bool accepts_ = true;     // false once draining
  int allowance_ = 0;       // connections that may still be accepted above the mean after a pause
  int gate_pauses_ = 0;     // in a row, each with connections left waiting
  SteadyTime timer_due_;
  SteadyTime resume_at_;
  SteadyTime resumed_at_;
  SteadyTime next_tick_;
  SteadyTime next_second_;
  milliseconds idle_grace_{0};
  bool reload_failed_ = false;    // and that was said
  uint64_t longest_turn_ns_ = 0;  // of this second
  uint64_t previous_longest_ns_ = 0;
  uint64_t most_open_ = 0;  // since memory was last returned
  mutable std::atomic<int> clones_{0};
};

}  // namespace flyball::http::detail
