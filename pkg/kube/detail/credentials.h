#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/kube/config.h"
#include "pkg/kube/detail/exec_credential.h"

namespace flyball::kube::detail {

// What a request shows.
struct Shown {
  std::string authorization{};  // the header's value; empty: none
  std::string certificate_pem{}, key_pem{};
  std::string ca_pem{};
};

// Reads and remembers what the configuration names: files for a minute, a plugin's credential until it expires (ten
// seconds before). Thread-safe; while a plugin runs other callers wait for it.
class Credentials {
 public:
  explicit Credentials(Config config) : config_(std::move(config)) {}

  Result<Shown> Show(SteadyTime now, WallTime wall);
  // The server did not believe `shown`: it is read anew by the next Show, unless that happened already.
  void Refused(const Shown& shown);

 private:
  Result<void> ReadFiles(SteadyTime now);
  Result<void> RunPlugin(WallTime wall);
  Result<void> ReadPem(const PemSource& source, std::string& into) const;

  const Config config_;
  std::mutex mutex_;
  Shown shown_;                         // all below: guarded by mutex_
  std::optional<SteadyTime> files_at_;  // when the files were read
  std::optional<ExecCredential> plugin_;
};

}  // namespace flyball::kube::detail
