#include "pkg/service/local/foundation.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/ids.h"
#include "pkg/service/local/child.h"
#include "pkg/state/redis/redis_state.h"
#include "pkg/store/database/database.h"

namespace flyball::local {
namespace {

constexpr seconds kSurvivorPatience{5};  // for pods of a supervisor that was killed

Result<Blueprint> ReadDocuments(const Options& options, Narration& narration) {
  Blueprint documents = ReadBlueprint(options);
  if (documents.problems.empty()) return documents;
  narration.DocumentProblems(documents.problems);
  const size_t count = documents.problems.size();
  return Fail(ErrorCode::kInvalid,
              std::to_string(count) + (count == 1 ? " problem" : " problems") + "; nothing was started");
}

Result<void> FindPrograms(const Options& options, bool governed, Surroundings& around) {
  std::error_code error;
  const std::string own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
  const std::string folder = options.bin_dir.empty() ? own : options.bin_dir;
  around.api_program = folder + "/flyball-api";
  around.autoscaler_program = folder + "/flyball-autoscaler";
  std::vector<std::string> needed = {around.api_program};
  if (governed) needed.push_back(around.autoscaler_program);
  for (const std::string& program : needed) {
    if (::access(program.c_str(), X_OK) != 0) {
      return Fail(ErrorCode::kNotFound, program + " is missing or cannot be run; it belongs beside flyballctl");
    }
  }
  return {};
}

void EndWhatIsLeft(const DataDir& data, Narration& narration) {
  if (const auto left = data.LeftOverRunFile()) {
    narration.Say("flyball", "the last run was killed; clearing up after it");
    Outlive(Survivors(*left, data.path()), kSurvivorPatience);
  }
  data.RemoveRunFile();
}

Result<void> OpenPorts(const Options& options, Foundation& ground) {
  auto api = OpenListeningPort(options.host, options.port, "the API", "--port");
  if (!api) return Fail(api.error());
  ground.api = std::move(*api);
  auto console = OpenListeningPort(options.host, options.console_port, "the console", "--console-port");
  if (!console) return Fail(console.error());
  ground.console = std::move(*console);
  ground.around.console_url = "http://" + UrlAuthority(options.host, ground.console.port);
  return {};
}

// A server that cannot be used is better known before pods start and fail one by one.
Result<void> AskDatabase(const Options& options, Narration& narration) {
  if (!store::IsServer(options.database)) return {};
  const auto opened = store::OpenDatabase(options.database, "");
  if (!opened) return Fail(opened.error());
  const size_t begin = options.database.rfind('@');
  const size_t from = begin == std::string::npos ? options.database.find("://") + 3 : begin + 1;
  narration.Say("database", options.database.substr(from, options.database.find('?') - from));
  return {};
}

// Pods work before their Redis is there, so this is only said: a wrong address would otherwise look like a right one.
void AskRedis(const std::string& url, const std::string& shown, Narration& narration) {
  constexpr seconds kPatience{1};
  auto address = state::ParseRedisAddress(url);
  if (!address) return;  // the flags were checked
  const auto redis = state::MakeRedisState({.address = std::move(*address), .app = "up"}, RealClock());
  const SteadyTime deadline = RealClock().Now() + kPatience;
  while (!redis->health().up && RealClock().Now() < deadline) std::this_thread::sleep_for(milliseconds(5));
  if (redis->health().up) return narration.Say("redis", shown);
  narration.Warn("redis", shown + " does not answer (" + redis->health().last_error +
                              "): until it does each pod keeps limits of its own and the fleet's rates are not shared");
}

Result<void> ChooseRedis(const Options& options, Foundation& ground, Narration& narration) {
  std::string& url = ground.around.redis_url;
  url = options.redis;
  if (!url.empty()) {
    const std::string shown = url.substr(url.rfind('@') + 1);  // without a password
    if (url == "none") {
      narration.Say("redis", "none, as asked: one pod with its state in memory, whatever --replicas or a Governor say");
    } else {
      AskRedis(url, shown, narration);
    }
    return {};
  }
  const char* path = std::getenv("PATH");
  const std::string program = FindProgram("redis-server", options.search_path.value_or(path != nullptr ? path : ""));
  if (program.empty()) {
    url = "none";
    narration.Warn("redis",
                   "there is no redis-server on this machine: ONE pod runs, with limits and sessions in its own "
                   "memory, and it does not scale. Install it (apt install redis-server) or give --redis URL");
    return {};
  }
  const DataDir& data = ground.data;
  auto socket = data.RedisSocket();
  if (!socket) return Fail(socket.error());
  data.RotateLog("redis");
  ground.redis = std::make_unique<RedisChild>(program, *socket, data.path() + "/redis", data.LogFile("redis"));
  url = ground.redis->url();
  return {};
}

}  // namespace

Result<Foundation> LayFoundation(const Options& options, Narration& narration) {
  auto documents = ReadDocuments(options, narration);
  if (!documents) return Fail(documents.error());
  Surroundings around;
  if (auto found = FindPrograms(options, !documents->governors.empty(), around); !found) return Fail(found.error());
  auto data = DataDir::Open(options.data);
  if (!data) return Fail(data.error());
  EndWhatIsLeft(*data, narration);
  around.data = data->path();
  around.token = RandomHex(16);
  Foundation ground{std::move(*documents), std::move(*data), {}, {}, std::move(around), nullptr};
  auto done = OpenPorts(options, ground);
  if (done) done = AskDatabase(options, narration);
  if (done) done = ChooseRedis(options, ground, narration);
  if (done) return ground;
  ground.data.RemoveIfNew();
  return Fail(done.error());
}

}  // namespace flyball::local
