// The folder of a local fleet (--data): lock, logs, run.json, the copies of the documents that run.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/base/unique_fd.h"

namespace flyball::local {

// What run.json tells the other commands about the running fleet.
struct RunFile {
  int pid = 0;                                    // of the supervisor
  std::string api, console;                       // "http://127.0.0.1:8080"
  std::string token;                              // of the console
  std::string redis;                              // "unix:/...", a URL, or "none"
  int redis_pid = 0;                              // of the private redis-server; 0 = there is none
  std::vector<std::pair<std::string, int>> pods;  // name, pid
  std::vector<std::string> documents;             // absolute paths of the copies that run
  std::string app, base;                          // "tasks", "/api/v1"
};

std::string ToJson(const RunFile& run);
// kCorrupt when it is not what ToJson writes.
Result<RunFile> ParseRunFile(const std::string& json);

// Holds the lock of the folder for as long as it lives. Not thread-safe.
class DataDir {
 public:
  // Creates the folder (0700) when it is absent. Errors: kConflict when another supervisor holds it (the message names
  // its pid and address), kIo when it cannot be created or written.
  static Result<DataDir> Open(const std::string& path);

  // Absolute.
  const std::string& path() const { return path_; }

  // Takes back what Open and SaveDocuments made, when Open made the folder: for a start that came to nothing. A folder
  // that was there before, and what others put into it, stays.
  void RemoveIfNew() const;

  // "<path>/logs/<name>.log". Rotate moves an existing one to ".log.1", so that each holds one life of the process.
  std::string LogFile(const std::string& name) const;
  void RotateLog(const std::string& name) const;
  // Cuts a log that outgrew `limit_bytes` back to nothing after copying it to ".log.1"; safe while it is appended to.
  void BoundLog(const std::string& name, size_t limit_bytes) const;

  // Where the private redis-server listens: in the folder, or, when that path is too long for a Unix socket (107
  // bytes), in a folder of our own under XDG_RUNTIME_DIR or /tmp that is the same at every start. A left-over socket
  // there is removed. kIo when neither can be had.
  Result<std::string> RedisSocket() const;

  // Writes `files` (name, text) to documents/<number>/, 0600, instead of what was there, and returns their paths in the
  // same order.
  Result<std::vector<std::string>> SaveDocuments(uint64_t number,
                                                 const std::vector<std::pair<std::string, std::string>>& files) const;

  // Removes the folders of all other numbers.
  void KeepDocuments(const std::set<uint64_t>& numbers) const;

  // Replaces run.json at once (never half-written), mode 0600.
  Result<void> WriteRunFile(const RunFile& run) const;
  void RemoveRunFile() const;
  // What a supervisor that was killed left behind; kNotFound when it ended well.
  Result<RunFile> LeftOverRunFile() const;

 private:
  DataDir(std::string path, bool is_new, UniqueFd lock)
      : path_(std::move(path)), is_new_(is_new), lock_(std::move(lock)) {}

  std::string path_;
  bool is_new_;
  UniqueFd lock_;
};

// Pids of `run` that still run: pods on `data`, and the private redis-server (left behind by a supervisor that was
// killed, and about to end). A number that another program has by now is not among them.
std::vector<int> Survivors(const RunFile& run, const std::string& data);
// Waits until they have ended, at most `patience`; kills those that have not by then.
void Outlive(const std::vector<int>& pids, std::chrono::milliseconds patience);

}  // namespace flyball::local
