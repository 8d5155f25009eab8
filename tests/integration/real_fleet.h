// A fleet started by the real `flyballctl up`, in a fresh folder on free ports.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "pkg/service/local/data_dir.h"
#include "pkg/service/local/testing/folder.h"
#include "tests/integration/raw_client.h"

namespace flyball::integration {

class RealFleet {
 public:
  RealFleet();
  ~RealFleet();  // kills what is left

  std::vector<std::string> flags;                            // besides files, ports and --data
  std::string path;                                          // PATH of what is started; empty = ours
  const std::string& document() const { return document_; }  // a copy of manifests/samples/load.yaml

  void Start();
  ::testing::AssertionResult Up();  // until run.json is there
  void Signal(int signal) const;
  int WaitForEnd();          // exit status, -signal, or -1000 after 60 s
  std::string Said() const;  // standard output and error

  local::RunFile Run() const;
  nlohmann::json Documents() const;  // {"state","reason"} of /api/status; null when the console does not answer
  uint16_t port() const;
  const std::string& data() const { return data_; }
  void set_data(std::string data) { data_ = std::move(data); }
  std::string folder() const { return folder_.path(); }
  int pid() const { return pid_; }
  // Pids of pods, redis-server and flyball-autoscaler that run with this folder.
  std::vector<int> Processes() const;

  // Of a new account.
  std::string Token(const std::string& email) const;

 private:
  local::testing::Folder folder_;
  std::string document_, data_;
  int pid_ = 0;
};

}  // namespace flyball::integration
