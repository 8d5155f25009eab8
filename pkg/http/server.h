// An HTTP/1.1 server (RFC 9110, RFC 9112): reactor threads that read, parse, route and write. What an answer takes time
// for is done elsewhere: Handle gets a Responder and may give it to any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/base/unique_fd.h"
#include "pkg/http/cors.h"
#include "pkg/http/forwarded.h"
#include "pkg/http/request.h"
#include "pkg/http/responder.h"
#include "pkg/http/response.h"
#include "pkg/http/router.h"

namespace flyball::http {

class ConnectionCounts;

// One request that has its answer; a view for the duration of Handler::OnAnswered.
struct Answered {
  const Request& request;  // method kOther (or kHead) and all else empty when the request could not be parsed
  int status = 0;
  uint64_t tag = 0;        // Response::tag
  size_t body_bytes = 0;   // sent or to be sent (0 for HEAD)
  SteadyTime answered;     // when the answer was written to the connection; request.arrival() is the other end
  bool delivered = true;   // false: the client had gone; nothing was written
  bool by_server = false;  // the server answered without Handle: refused, not routed, OPTIONS, dropped responder
};

// What the server asks of the service. All functions are called on reactor threads; those with a reactor index always
// on that reactor's own thread, so state kept per index needs no lock. None may block, and none may throw.
class Handler {
 public:
  virtual ~Handler() = default;

  // A complete request whose route was found.
  virtual void Handle(Responder responder) = 0;

  // Before anything else on that reactor.
  virtual void OnReactorStart(int /*reactor*/) {}
  // Every 50 ms or so.
  virtual void OnTick(int /*reactor*/, SteadyTime /*now*/) {}
  // Once for every request, those the server refused by itself included.
  virtual void OnAnswered(const Answered& /*answered*/) {}
};

struct Limits {
  size_t head_bytes = 16 * 1024;          // request line and fields; beyond: 431
  size_t fields = 100;                    // beyond: 431
  size_t target_bytes = 8 * 1024;         // beyond: 414
  size_t body_bytes = 1024 * 1024;        // beyond: 413; a route may say otherwise
  size_t connections = 0;                 // 0: the soft limit of open files - 200
  size_t connections_per_address = 0;     // of one IPv4 address or IPv6 /64; more are closed on accept. 0: no cap
  size_t pipelined = 32;                  // requests of one connection in work at once
  size_t unsent_bytes = 4 * 1024 * 1024;  // owed to one connection; beyond it is closed
  milliseconds head_deadline{
      10'000};  // for a TLS handshake; and from the first byte of a request to the end of its head; beyond: 408
  milliseconds body_grace{10'000};  // a body may take this long plus its bytes / body_rate; beyond: 408
  size_t body_bytes_per_second = 1024;
  milliseconds idle_deadline{75'000};  // between requests; then closed
  // A client that is owed more than its socket holds must take all of it, or this many bytes a second, in every
  // write_deadline; else it is closed.
  milliseconds write_deadline{30'000};
  size_t write_bytes_per_second = 1024;
  milliseconds connection_age{600'000};   // +-10 %; then closed with the next answer. 0: never
  size_t linger_bytes = 8 * 1024 * 1024;  // read and thrown away after an early answer; beyond: reset
  milliseconds linger{2'000};
};

struct ServerOptions {
  std::string name = "http";  // of threads ("http/0") and in messages
  // Where to listen: an inherited or own socket (listener.h), or, when it is not valid, host and port.
  UniqueFd listener;
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  int reactors = 1;  // threads, 1 to 64
  Limits limits;
  // Sent with every answer, errors included (security headers).
  std::vector<std::pair<std::string, std::string>> headers;
  // The same for requests that are Request::secure() (Strict-Transport-Security).
  std::vector<std::pair<std::string, std::string>> secure_headers;
  // PEM files of a certificate (with what leads from it to its root) and its key: TLS 1.2 and 1.3 instead of plain
  // text, http/1.1 by ALPN. Read anew within seconds when they change. Both or none.
  std::string tls_certificate, tls_key;
  CorsOptions cors;
  // Peers whose Forwarded, X-Forwarded-*, X-Request-Id and traceparent are believed.
  TrustedProxies trusted_proxies;
  // Addresses without Limits::connections_per_address; any reactor's thread. Null: loopback and trusted_proxies.
  std::function<bool(const PeerAddress&)> uncapped;
  // The fleet's page and this pod's slot in it; null when the socket is not shared. Borrowed; outlives the server.
  ConnectionCounts* counts = nullptr;
  size_t counts_slot = 0;
};

struct Counters {
  uint64_t accepted = 0;
  uint64_t open = 0;      // connections now
  uint64_t requests = 0;  // complete heads
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t refused = 0;              // requests that were no HTTP, too large or too slow
  uint64_t dropped_responders = 0;   // bugs: requests nobody answered
  uint64_t handler_exceptions = 0;   // bugs: Handle threw
  uint64_t discarded_answers = 0;    // the client had gone
  uint64_t accept_failures = 0;      // no file descriptors or memory; accepting paused
  uint64_t rebalanced = 0;           // connections closed so that other pods get them
  uint64_t refused_connections = 0;  // beyond connections_per_address
  uint64_t broken_streams = 0;       // bodies whose writer gave up (or wrote on without room); the connection was cut
  uint64_t tls_failures = 0;         // handshakes that did not succeed
  double busy_seconds = 0;           // summed over reactors
  double longest_turn_seconds = 0;   // of any reactor in the last second or two: how long a ready event may have waited
};

// How late reactors woke from their timers, that is how long a ready event waited; 20 samples a second and reactor.
struct ReactorLag {
  // Upper bounds of the buckets in seconds, inclusive.
  static constexpr std::array<double, 11> kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                  0.01,   0.025,   0.05,   0.1,   0.5};
  std::array<uint64_t, kBounds.size() + 1> counts{};  // of each bucket alone; the last is beyond every bound
  double sum_seconds = 0;
};

struct DrainOptions {
  milliseconds timeout{30'000};
  // Kept-alive connections are told with their next answer; one that was silent this long is closed without.
  milliseconds idle_grace{2'000};
};

class Server {
 public:
  // `handler` is borrowed and must outlive the server. Nothing happens before Start.
  Server(ServerOptions options, Router router, Handler& handler);
  // Stops.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens the socket when none was given, raises the soft limit of open files to the hard one, starts the threads.
  // Errors as Listen(), or kInvalid naming the option. Once only.
  Result<void> Start();

  // The port in use; after Start.
  uint16_t port() const;

  // Stops accepting; when no other pod of the page accepts from the socket, what waits in its queue is taken first (of
  // pods that drain together the last one does that). Lets what is in flight finish, tells clients by `Connection:
  // close`; returns when no connection is left or the time is over: the number of connections cut off then (0 is a
  // clean drain). Requests on connections that are still open are answered throughout. Blocks; not on a reactor thread.
  // Stop is still due.
  size_t Drain(const DrainOptions& options);

  // Ends the threads and closes every connection at once. Responders that are still out answer nobody.
  void Stop();

  // Runs `task` on that reactor's thread soon. False when the server has stopped. Any thread.
  bool Post(int reactor, std::function<void()> task);

  // What is known of the fleet, each time it is known: pods that are Ready (this one included) and the mean of their
  // connections. When `ready_pods` has risen, this server sheds its own surplus above 1.1 x the mean, at most 5 % a
  // second of what it held then (at least 1), until level: by `Connection: close` on answers, and silent connections.
  // With ServerOptions::counts the server sees this by itself (and sheds down to the mean, since the others with fewer
  // get what it closes); then this does nothing. Any thread.
  void SetFleet(uint32_t ready_pods, double mean_connections);

  // Whether the connection of a request that is being refused for lack of capacity should close with the answer
  // (Response::CloseConnection), because pods with fewer connections have joined. Each true is a grant: use it. Any
  // thread.
  bool MayMoveRefused();

  // Sums over the reactors; cheap, never blocks them. Any thread.
  Counters counters() const;
  ReactorLag reactor_lag() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::http
