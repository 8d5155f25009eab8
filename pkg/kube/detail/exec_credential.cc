#include "pkg/kube/detail/exec_credential.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <vector>

#include "pkg/base/time_format.h"
#include "pkg/base/unique_fd.h"
#include "pkg/kube/detail/base64.h"
#include "pkg/kube/detail/files.h"
#include "pkg/kube/detail/json.h"

extern char** environ;

namespace flyball::kube::detail {
namespace {

std::string ExecInfo(const ExecPlugin& plugin, const Config& cluster) {
  Json spec = {{"interactive", false}};
  if (plugin.provide_cluster_info) {
    Json about = {{"server", cluster.server}};
    if (cluster.insecure_skip_tls_verify) about["insecure-skip-tls-verify"] = true;
    if (!cluster.tls_server_name.empty()) about["tls-server-name"] = cluster.tls_server_name;
    if (!cluster.proxy_url.empty()) about["proxy-url"] = cluster.proxy_url;
    std::string ca = cluster.ca.text;
    if (ca.empty() && !cluster.ca.file.empty()) ca = ReadFile(cluster.ca.file).value_or("");
    if (!ca.empty()) about["certificate-authority-data"] = EncodeBase64(ca);
    spec["cluster"] = about;
  }
  return Dump({{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", spec}});
}

std::vector<std::string> EnvironmentOf(const ExecPlugin& plugin, const Config& cluster) {
  auto own = plugin.env;
  own.emplace_back("KUBERNETES_EXEC_INFO", ExecInfo(plugin, cluster));
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::none_of(own.begin(), own.end(), [&](const auto& entry) { return entry.first == name; }))
      all.emplace_back(text);
  }
  for (const auto& [name, value] : own) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<pid_t> Spawn(const ExecPlugin& plugin, const Config& cluster, int output) {
  std::vector<std::string> arguments{plugin.command};
  arguments.insert(arguments.end(), plugin.args.begin(), plugin.args.end());
  std::vector<std::string> environment = EnvironmentOf(plugin, cluster);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  // RunGroup blocks SIGTERM and SIGINT in all threads; a plugin must hear them.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, plugin.command.c_str(), &actions, &attributes, Pointers(arguments).data(),
                                  Pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) return pid;
  return Fail(ErrorCode::kUnavailable, "credential plugin " + plugin.command + ": " + std::strerror(failed) +
                                           (plugin.install_hint.empty() ? "" : "; " + plugin.install_hint));
}

// Until `fd` is readable; false when the deadline passed.
bool WaitReadable(int fd, SteadyTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - RealClock().Now());
    if (left <= milliseconds(0)) return false;
    pollfd entry{.fd = fd, .events = POLLIN};
    if (poll(&entry, 1, static_cast<int>(left.count())) > 0) return true;
  }
}

bool ReadToEnd(int fd, SteadyTime deadline, std::string& text) {
  char bytes[4096];
  while (text.size() < (1 << 20)) {
    if (!WaitReadable(fd, deadline)) return false;
    const ssize_t got = read(fd, bytes, sizeof(bytes));
    if (got <= 0) return true;
    text.append(bytes, static_cast<size_t>(got));
  }
  return true;
}

}  // namespace

Result<ExecCredential> RunExecPlugin(const ExecPlugin& plugin, const Config& cluster) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe for credential plugin " + plugin.command);
  UniqueFd out(ends[0]), in(ends[1]);
  auto pid = Spawn(plugin, cluster, in.get());
  in.Reset();
  if (!pid) return Fail(pid.error());
  const SteadyTime deadline = RealClock().Now() + plugin.timeout;
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  std::string printed;
  const bool ended =
      ReadToEnd(out.get(), deadline, printed) && (!process.valid() || WaitReadable(process.get(), deadline));
  if (!ended) kill(*pid, SIGKILL);
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended)
    return Fail(ErrorCode::kTimeout, "credential plugin " + plugin.command + ": not done after " +
                                         FormatDuration(plugin.timeout) + ", killed");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string how = WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status))
                                              : "signal " + std::to_string(WTERMSIG(status));
    return Fail(ErrorCode::kUnavailable, "credential plugin " + plugin.command + ": ended with " + how);
  }
  return ReadExecCredential(printed, plugin);
}

Result<ExecCredential> ReadExecCredential(const std::string& printed, const ExecPlugin& plugin) {
  const std::string where = "credential plugin " + plugin.command + ": ";
  const auto json = ParseJson(printed);
  if (!json || StringAt(*json, {"kind"}) != "ExecCredential")
    return Fail(ErrorCode::kCorrupt, where + "printed no ExecCredential in JSON");
  if (StringAt(*json, {"apiVersion"}) != plugin.api_version)
    return Fail(ErrorCode::kCorrupt, where + "apiVersion \"" + StringAt(*json, {"apiVersion"}) + "\": expected \"" +
                                         plugin.api_version + "\" as in the kubeconfig");
  ExecCredential credential{.token = StringAt(*json, {"status", "token"}),
                            .certificate_pem = StringAt(*json, {"status", "clientCertificateData"}),
                            .key_pem = StringAt(*json, {"status", "clientKeyData"})};
  if (credential.token.empty() && credential.certificate_pem.empty())
    return Fail(ErrorCode::kCorrupt, where + "status has neither token nor clientCertificateData");
  if (credential.certificate_pem.empty() != credential.key_pem.empty())
    return Fail(ErrorCode::kCorrupt,
                where + "status has one of clientCertificateData and clientKeyData; expected both");
  if (const std::string expires = StringAt(*json, {"status", "expirationTimestamp"}); !expires.empty()) {
    const auto time = ParseRfc3339(expires);
    if (!time) return Fail(ErrorCode::kCorrupt, where + "status.expirationTimestamp: " + time.error().message);
    credential.expires = *time;
  }
  return credential;
}

}  // namespace flyball::kube::detail
