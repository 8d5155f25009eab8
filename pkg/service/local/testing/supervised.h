#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pkg/http/client.h"
#include "pkg/service/local/data_dir.h"
#include "pkg/service/local/options.h"
#include "pkg/service/local/testing/folder.h"

namespace flyball::local::testing {

// A Supervisor in a process of its own, over fake pods, in a fresh folder. Killed with all it started when it goes.
class Supervised {
 public:
  // Fake pods and a small valid document; free ports; --redis none unless a test says otherwise.
  Supervised();
  ~Supervised();

  Options options;                       // change before Start()
  std::vector<std::string> environment;  // "FAKE_POD_..=..": for what it starts

  void Start();
  // Until run.json is there. False with its output when it ended or took too long.
  ::testing::AssertionResult Up();
  void Signal(int signal);
  // Its exit status, -signal when it was killed, -1000 when it does not end in 60 s.
  int WaitForEnd();

  std::string Output() const;                                      // what it said on standard output
  std::string Problems() const;                                    // on standard error
  ::testing::AssertionResult Says(const std::string& text) const;  // on standard output, within 60 s

  RunFile Run() const;  // run.json
  // Names and pids, in slot order, of the Ready ones.
  std::vector<std::pair<std::string, int>> ReadyPods();
  http::ClientResponse Get(const std::string& path);
  http::ClientResponse Put(const std::string& path, const std::string& body);
  // Connects to the API and reads the line a fake pod answers with; empty when the connection failed in any way.
  std::string Call() const;

  const std::string& folder() const { return folder_.path(); }
  std::string data() const { return folder_ / "data"; }
  std::string document() const { return folder_ / "tasks.yaml"; }
  int pid() const { return pid_; }
  void Forget() { pid_ = 0; }

 private:
  Folder folder_;
  http::Client client_;
  int pid_ = 0;
  mutable int api_port_ = 0;
};

// An App of that many fields, valid; each number gives another text.
std::string Document(int fields);

}  // namespace flyball::local::testing
