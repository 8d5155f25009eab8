#include "pkg/service/local/data_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "pkg/base/json_writer.h"

namespace flyball::local {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Result<void> WriteWhole(const std::string& path, const std::string& text) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return FailErrno("writing " + path);
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(file.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("writing " + path);
    done += static_cast<size_t>(n);
  }
  return {};
}

Result<void> MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
    std::error_code error;
    if (fs::is_directory(path, error)) return {};
    return Fail(ErrorCode::kIo, path + " is a file, not a folder");
  }
  return FailErrno("creating the folder " + path);
}

Result<void> MakeDataFolder(const std::string& path) {
  std::error_code error;
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) {
    errno = error.value();
    return FailErrno("creating the folder " + parent.string());
  }
  return MakeFolder(path);
}

std::string WhoHolds(const std::string& path) {
  const auto run = ParseRunFile(ReadAll(path + "/run.json"));
  const std::string pid = run ? std::to_string(run->pid) : ReadAll(path + "/lock");
  std::string text = path + " is in use by another 'flyballctl up'";
  if (!pid.empty()) text += " (pid " + pid + (run ? ", " + run->api : "") + ")";
  return text + "; stop that one, or give this one a folder of its own with --data DIR";
}

Result<UniqueFd> Lock(const std::string& path) {
  const std::string file = path + "/lock";
  UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return FailErrno("opening " + file);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Fail(ErrorCode::kConflict, WhoHolds(path));
    return FailErrno("locking " + file);
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) {
    return FailErrno("writing " + file);
  }
  return lock;
}

// Root may write where the mode forbids it, so access() says nothing: try it.
Result<void> CheckWritable(const std::string& path) {
  const std::string probe = path + "/.write-test";
  auto written = WriteWhole(probe, "x");
  ::unlink(probe.c_str());
  return written;
}

bool FitsUnixSocket(const std::string& path) { return path.size() < sizeof(sockaddr_un{}.sun_path); }

// A folder others may create first in /tmp is only ours when we own it and nobody else may enter.
Result<void> CheckPrivate(const std::string& folder) {
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0) return FailErrno("looking at " + folder);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
    return Fail(ErrorCode::kDenied, folder + " is not a private folder of this user; remove it or give --redis URL");
  }
  return {};
}

uint64_t Fnv1a(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

std::string ToJson(const RunFile& run) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  json.Key("pid"), json.Value(run.pid);
  json.Key("api"), json.Value(run.api);
  json.Key("console"), json.Value(run.console);
  json.Key("token"), json.Value(run.token);
  json.Key("redis"), json.Value(run.redis);
  json.Key("redisPid"), json.Value(run.redis_pid);
  json.Key("pods"), json.BeginArray();
  for (const auto& [name, pid] : run.pods) {
    json.BeginObject();
    json.Key("name"), json.Value(name);
    json.Key("pid"), json.Value(pid);
    json.EndObject();
  }
  json.EndArray();
  json.Key("documents"), json.BeginArray();
  for (const auto& path : run.documents) json.Value(path);
  json.EndArray();
  json.Key("app"), json.Value(run.app);
  json.Key("base"), json.Value(run.base);
  json.EndObject();
  text += '\n';
  return text;
}

Result<RunFile> ParseRunFile(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    RunFile run;
    run.pid = json.at("pid").get<int>();
    run.api = json.at("api").get<std::string>();
    run.console = json.at("console").get<std::string>();
    run.token = json.at("token").get<std::string>();
    run.redis = json.at("redis").get<std::string>();
    run.redis_pid = json.at("redisPid").get<int>();
    for (const auto& pod : json.at("pods")) run.pods.emplace_back(pod.at("name"), pod.at("pid"));
    run.documents = json.at("documents").get<std::vector<std::string>>();
    run.app = json.at("app").get<std::string>();
    run.base = json.at("base").get<std::string>();
    return run;
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kCorrupt, std::string("run.json is not what a supervisor writes: ") + error.what());
  }
}

Result<DataDir> DataDir::Open(const std::string& path) {
  std::error_code error;
  std::string absolute = fs::absolute(path, error).lexically_normal().string();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  const auto explain = [&](const Error& why) {
    return Fail(why.code, "the data folder cannot be used: " + why.message + "; choose another with --data DIR");
  };
  const bool is_new = !fs::exists(absolute, error);
  if (auto made = MakeDataFolder(absolute); !made) return explain(made.error());
  if (auto writable = CheckWritable(absolute); !writable) return explain(writable.error());
  auto lock = Lock(absolute);
  if (!lock) return lock.error().code == ErrorCode::kConflict ? Fail(lock.error()) : explain(lock.error());
  if (auto made = MakeFolder(absolute + "/logs"); !made) return explain(made.error());
  return DataDir(std::move(absolute), is_new, std::move(*lock));
}

void DataDir::RemoveIfNew() const {
  if (!is_new_) return;
  std::error_code ignored;
  for (const char* name : {"/documents", "/logs", "/lock"}) fs::remove_all(path_ + name, ignored);
  ::rmdir(path_.c_str());
}

std::string DataDir::LogFile(const std::string& name) const { return path_ + "/logs/" + name + ".log"; }

void DataDir::RotateLog(const std::string& name) const {
  struct stat info {};
  const std::string file = LogFile(name);
  if (::stat(file.c_str(), &info) == 0 && info.st_size > 0) ::rename(file.c_str(), (file + ".1").c_str());
}

void DataDir::BoundLog(const std::string& name, size_t limit_bytes) const {
  struct stat info {};
  const std::string file = LogFile(name);
  if (::stat(file.c_str(), &info) != 0 || static_cast<size_t>(info.st_size) <= limit_bytes) return;
  std::error_code error;
  fs::copy_file(file, file + ".1", fs::copy_options::overwrite_existing, error);
  if (!error) {
    [[maybe_unused]] const int cut = ::truncate(file.c_str(), 0);
  }
}

Result<std::string> DataDir::RedisSocket() const {
  std::string socket = path_ + "/redis.sock";
  if (!FitsUnixSocket(socket)) {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    char id[40];
    std::snprintf(id, sizeof id, "/flyball-%u-%016llx", ::geteuid(), static_cast<unsigned long long>(Fnv1a(path_)));
    std::string folder = std::string(runtime != nullptr && fs::is_directory(runtime) ? runtime : "/tmp") + id;
    if (!FitsUnixSocket(folder + "/redis.sock")) folder = std::string("/tmp") + id;
    if (auto made = MakeFolder(folder); !made) return Fail(made.error());
    if (auto checked = CheckPrivate(folder); !checked) return Fail(checked.error());
    socket = folder + "/redis.sock";
  }
  ::unlink(socket.c_str());
  return socket;
}

Result<std::vector<std::string>> DataDir::SaveDocuments(
    uint64_t number, const std::vector<std::pair<std::string, std::string>>& files) const {
  const std::string all = path_ + "/documents";
  if (auto made = MakeFolder(all); !made) return Fail(made.error());
  const std::string folder = all + "/" + std::to_string(number);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  if (auto made = MakeFolder(folder); !made) return Fail(made.error());
  std::vector<std::string> paths;
  for (const auto& [name, text] : files) {
    paths.push_back(folder + "/" + name);
    if (auto written = WriteWhole(paths.back(), text); !written) return Fail(written.error());
  }
  return paths;
}

void DataDir::KeepDocuments(const std::set<uint64_t>& numbers) const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path_ + "/documents", ignored)) {
    const std::string name = entry.path().filename().string();
    const bool kept =
        std::any_of(numbers.begin(), numbers.end(), [&](uint64_t n) { return std::to_string(n) == name; });
    if (!kept) fs::remove_all(entry.path(), ignored);
  }
}

Result<void> DataDir::WriteRunFile(const RunFile& run) const {
  const std::string file = path_ + "/run.json", fresh = file + ".new";
  if (auto written = WriteWhole(fresh, ToJson(run)); !written) return written;
  if (::rename(fresh.c_str(), file.c_str()) != 0) return FailErrno("writing " + file);
  return {};
}

void DataDir::RemoveRunFile() const { ::unlink((path_ + "/run.json").c_str()); }

Result<RunFile> DataDir::LeftOverRunFile() const {
  const std::string text = ReadAll(path_ + "/run.json");
  if (text.empty()) return Fail(ErrorCode::kNotFound, "no run.json was left behind");
  return ParseRunFile(text);
}

std::vector<int> Survivors(const RunFile& run, const std::string& data) {
  std::vector<int> pids;
  for (const auto& [name, pid] : run.pods) {
    if (pid <= 0) continue;
    std::string command = ReadAll("/proc/" + std::to_string(pid) + "/cmdline");
    const std::string needle = std::string("--data") + '\0' + data + '\0';
    if (command.find(needle) != std::string::npos) pids.push_back(pid);
  }
  if (run.redis_pid > 0 && ReadAll("/proc/" + std::to_string(run.redis_pid) + "/comm") == "redis-server\n") {
    pids.push_back(run.redis_pid);
  }
  return pids;
}

void Outlive(const std::vector<int>& pids, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (const int pid : pids) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process.valid()) continue;  // has ended
    const auto ended = [&](std::chrono::steady_clock::duration wait) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
      pollfd poll_fd{process.get(), POLLIN, 0};
      return ::poll(&poll_fd, 1, static_cast<int>(std::max<int64_t>(0, ms))) > 0;
    };
    if (ended(deadline - std::chrono::steady_clock::now())) continue;
    ::kill(-pid, SIGKILL);
    ended(std::chrono::seconds(2));
  }
}

}  // namespace flyball::local
