// Debian's prometheus as a program that knows nothing of Flyball: replicas of it, started and stopped by the orders of
// a real flyball-autoscaler over the small HTTP API that SupervisorTarget speaks.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/http/client.h"
#include "pkg/http/server.h"
#include "pkg/service/local/testing/folder.h"

namespace flyball::integration {

class ForeignFleet final : public http::Handler {
 public:
  // Ports for `most` replicas are chosen now; one replica is ordered.
  explicit ForeignFleet(int most);
  ~ForeignFleet() override;  // kills what is left

  static std::string Prometheus();  // its path; empty when it is not installed

  // "127.0.0.1:PORT" of replica i, running or not.
  std::string Address(int i) const { return "127.0.0.1:" + std::to_string(ports_.at(static_cast<size_t>(i))); }
  std::string folder() const { return folder_.path(); }
  http::Client& client() { return client_; }

  // Starts a process that ends with the fleet: prometheus with these lines of configuration, on that port.
  void StartPrometheus(const std::string& name, uint16_t port, const std::string& config);
  void StartAutoscaler(const std::string& document);
  void Kill(const std::string& name);  // SIGKILL, and reaps it
  bool Running(const std::string& name) const;

  // Brings the replicas nearer to what was ordered: starts, restarts and stops them, and sees which are ready. To be
  // called again and again, on one thread.
  void Step();

  int ordered() const;
  int ready() const;
  nlohmann::json status() const;  // as last reported; null before that
  std::string Said(const std::string& name) const { return local::testing::ReadFile(folder_ / (name + ".log")); }

 private:
  struct Process {
    std::string name;
    int pid = 0;
  };
  void Handle(http::Responder responder) override;
  std::string Pods() const;
  void Spawn(const std::string& name, const std::string& path, std::vector<std::string> args);

  local::testing::Folder folder_;
  std::vector<uint16_t> ports_;
  std::vector<Process> processes_;
  http::Client client_;

  mutable std::mutex mutex_;  // guards what follows: the console's thread reads and writes it too
  int ordered_ = 1;
  std::vector<bool> running_, ready_;
  nlohmann::json status_;

  std::unique_ptr<http::Server> console_;
};

uint16_t FreePort();

}  // namespace flyball::integration
