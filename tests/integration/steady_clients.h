// Well-behaved clients at a steady rate, on connections that are kept and on new ones, without retries.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pkg/base/clock.h"

namespace flyball::integration {

// Whether STRICT=1 is in the environment: the machine is quiet, and figures are judged as they are promised. Without it
// only what holds on a slow machine that pauses for a second.
bool Strict();

class SteadyClients {
 public:
  struct Request {
    std::string method, path, body;
  };
  struct Options {
    uint16_t port = 0;
    std::string token;
    std::vector<Request> requests;  // by turns
    int kept = 30;          // clients with one connection for all their requests, as long as the server keeps it
    int fresh = 4;          // clients with a new connection for every request
    double kept_rps = 800;  // of all of them together
    double fresh_rps = 300;
  };
  // Starts them, a thread each. Requests that are late are sent as soon as possible, so that the rate holds.
  explicit SteadyClients(Options options);
  ~SteadyClients() { Stop(); }

  void Stop();

  struct Tally {
    uint64_t sent = 0;
    uint64_t shed = 0;                    // answered 503: nothing was lost, but the machine had no room for it
    uint64_t failed = 0;                  // refused, lost, or answered otherwise than 2xx and 503
    std::map<std::string, int> failures;  // "new connection: lost" -> how often
    std::vector<double> latencies_ms;     // of those answered, from sending to the whole answer; sorted
    double seconds = 0;                   // from the start until now, or until stopped
    double Rate() const { return static_cast<double>(sent) / seconds; }
    double Percentile(double percent) const;  // ms
    std::string ToString() const;
  };
  // So far. Any thread.
  Tally tally() const;
  // Forgets what was, so that the next tally begins now.
  void Restart();
  uint64_t failed() const { return failed_; }

 private:
  void Run(bool kept, double period_seconds, double phase_seconds, size_t first);

  const Options options_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> failed_ = 0;
  const SteadyTime began_;
  SteadyTime ended_{};
  mutable std::mutex mutex_;
  Tally tally_;
  SteadyTime tally_began_;
  std::vector<std::thread> threads_;
};

}  // namespace flyball::integration
