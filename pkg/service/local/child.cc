#include "pkg/service/local/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "pkg/base/unique_fd.h"

extern char** environ;

namespace flyball::local {
namespace {

constexpr int kFirstPassedFd = 3;
constexpr int kParkingFd = 64;  // passed descriptors wait from here up until their final numbers are free

std::string_view NameOf(std::string_view assignment) { return assignment.substr(0, assignment.find('=')); }

std::vector<std::string> Environment(const ChildProgram& program) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = NameOf(*entry);
    const bool replaced = std::any_of(program.env.begin(), program.env.end(),
                                      [&](const std::string& ours) { return NameOf(ours) == name; });
    if (!replaced && name != program.pid_variable) result.emplace_back(*entry);
  }
  result.insert(result.end(), program.env.begin(), program.env.end());
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Everything the child needs, made before the fork: after it only async-signal-safe calls are allowed.
struct Prepared {
  std::vector<std::string> arg_texts, env_texts;
  std::vector<char*> argv, envp;
  char* pid_text = nullptr;  // room for the digits of LISTEN_PID, inside env_texts
  UniqueFd null_input, log, error_in, error_out;
  std::vector<int> fds;
  int parent = 0;
};

void WriteNumber(char* out, int number) {
  std::array<char, 12> digits;
  size_t n = 0;
  do {
    digits[n++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (n > 0) *out++ = digits[--n];
  *out = '\0';
}

bool PlaceDescriptors(const Prepared& prepared, int& error_fd) {
  if (::dup2(prepared.null_input.get(), 0) < 0 || ::dup2(prepared.log.get(), 1) < 0 ||
      ::dup2(prepared.log.get(), 2) < 0) {
    return false;
  }
  error_fd = ::fcntl(error_fd, F_DUPFD_CLOEXEC, kParkingFd);
  if (error_fd < 0) return false;
  std::array<int, 8> parked{};
  for (size_t i = 0; i < prepared.fds.size(); ++i) {
    parked[i] = ::fcntl(prepared.fds[i], F_DUPFD_CLOEXEC, kParkingFd);
    if (parked[i] < 0) return false;
  }
  for (size_t i = 0; i < prepared.fds.size(); ++i) {
    if (::dup2(parked[i], kFirstPassedFd + static_cast<int>(i)) < 0) return false;
  }
  const unsigned first_unwanted = kFirstPassedFd + static_cast<unsigned>(prepared.fds.size());
  return ::close_range(first_unwanted, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

[[noreturn]] void RunInChild(const Prepared& prepared) {
  int error_fd = prepared.error_out.get();
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != prepared.parent) ::_exit(127);  // it died before we asked to be told
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (PlaceDescriptors(prepared, error_fd)) {
    if (prepared.pid_text != nullptr) WriteNumber(prepared.pid_text, ::getpid());
    ::execve(prepared.argv[0], prepared.argv.data(), prepared.envp.data());
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t told = ::write(error_fd, &error, sizeof error);
  ::_exit(127);
}

Result<void> Prepare(const ChildProgram& program, Prepared& prepared) {
  prepared.arg_texts.push_back(program.path);
  prepared.arg_texts.insert(prepared.arg_texts.end(), program.args.begin(), program.args.end());
  prepared.env_texts = Environment(program);
  if (!program.pid_variable.empty()) prepared.env_texts.push_back(program.pid_variable + "=0000000000");
  prepared.argv = Pointers(prepared.arg_texts);
  prepared.envp = Pointers(prepared.env_texts);
  if (!program.pid_variable.empty())
    prepared.pid_text = prepared.env_texts.back().data() + program.pid_variable.size() + 1;
  prepared.fds = program.fds;
  prepared.parent = ::getpid();
  prepared.null_input.Reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!prepared.null_input.valid()) return FailErrno("opening /dev/null");
  prepared.log.Reset(::open(program.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!prepared.log.valid()) return FailErrno("opening the log " + program.log_file);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("making a pipe");
  prepared.error_in.Reset(ends[0]);
  prepared.error_out.Reset(ends[1]);
  return {};
}

}  // namespace

Result<int> Spawn(const ChildProgram& program) {
  Prepared prepared;
  if (auto ready = Prepare(program, prepared); !ready) return Fail(ready.error());
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno("starting " + program.path);
  if (pid == 0) RunInChild(prepared);
  ::setpgid(pid, pid);  // both sides do it, so that neither can be too early
  prepared.error_out.Reset();
  int error = 0;
  ssize_t n = 0;
  do {
    n = ::read(prepared.error_in.get(), &error, sizeof error);
  } while (n < 0 && errno == EINTR);
  if (n == 0) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  errno = error;
  return FailErrno("starting " + program.path);
}

std::string Describe(const Ending& ending) {
  if (ending.exited) return "exited with status " + std::to_string(ending.code);
  return "was killed by signal " + std::to_string(ending.code) + " (" + ::strsignal(ending.code) + ")";
}

bool Reap(int pid, Ending& ending) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid) {
    return false;
  }
  SignalGroup(pid, SIGKILL);  // while the zombie still holds the number of the group
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return false;
  ending.exited = WIFEXITED(status);
  ending.code = ending.exited ? WEXITSTATUS(status) : WTERMSIG(status);
  return true;
}

void SignalProcess(int pid, int signal) {
  if (pid > 0) ::kill(pid, signal);
}

void SignalGroup(int pid, int signal) {
  if (pid > 0) ::kill(-pid, signal);
}

std::string FindProgram(const std::string& name, const std::string& path) {
  size_t start = 0;
  while (start <= path.size()) {
    const size_t end = std::min(path.find(':', start), path.size());
    const std::string folder = path.substr(start, end - start);
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    start = end + 1;
  }
  return {};
}

}  // namespace flyball::local
