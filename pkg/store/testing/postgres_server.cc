#include "pkg/store/testing/postgres_server.h"

#include <arpa/inet.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "pkg/base/clock.h"
#include "pkg/base/unique_fd.h"
#include "pkg/store/postgres/postgres_store.h"

namespace flyball::store {
namespace {

using namespace std::chrono_literals;

// Debian keeps the server's programs out of the path, by version.
std::string Binaries() {
  for (const char* version : {"17", "16", "15"}) {
    const std::string folder = std::string("/usr/lib/postgresql/") + version + "/bin";
    if (std::filesystem::exists(folder + "/initdb")) return folder;
  }
  return {};
}

// One that was free a moment ago.
uint16_t FreePort() {
  const UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(probe.get(), generic, size), 0);
  EXPECT_EQ(getsockname(probe.get(), generic, &size), 0);
  return ntohs(address.sin_port);
}

}  // namespace

std::string PostgresServer::Missing() {
  if (Binaries().empty()) return "PostgreSQL's server is not installed: apt-get install postgresql";
  if (geteuid() == 0 && getpwnam("postgres") == nullptr) return "there is no user 'postgres' to run the server as";
  return {};
}

PostgresServer::PostgresServer() : port_(FreePort()) {
  const passwd* user = getpwnam("postgres");
  if (geteuid() == 0 && user != nullptr) {
    EXPECT_EQ(chown(folder_.path().c_str(), user->pw_uid, user->pw_gid), 0);
  }
  const std::string password = folder_.File("password");
  std::ofstream(password) << kPassword << "\n";
  Child init([&](int) {
    return Exec("/initdb", {"-D", folder_.File("data"), "--auth-local=trust", "--auth-host=scram-sha-256", "-U", kUser,
                            "--pwfile=" + password, "-E", "UTF8", "--no-sync"});
  });
  EXPECT_EQ(init.Wait(), 0);
  Start();
}

PostgresServer::~PostgresServer() {
  if (child_ != nullptr) Kill();
}

void PostgresServer::Start() {
  child_ = std::make_unique<Child>([&](int) {
    return Exec("/postgres", {"-D", folder_.File("data"), "-k", folder_.path(), "-h", "127.0.0.1", "-p",
                              std::to_string(port_), "-c", "fsync=off"});
  });
  const auto deadline = RealClock().Now() + 60s;
  PostgresOptions options;
  options.url = Url("postgres");
  while (!OpenPostgres(options) && RealClock().Now() < deadline) std::this_thread::sleep_for(20ms);
}

void PostgresServer::Kill() {
  child_->Signal(SIGQUIT);
  child_->Wait();
  child_.reset();
}

std::string PostgresServer::Url(const std::string& database) const {
  return "host=" + folder_.path() + " port=" + std::to_string(port_) + " user=" + kUser + " dbname=" + database;
}

std::string PostgresServer::TcpUrl(const std::string& database) const {
  return "postgresql://" + std::string(kUser) + ":hunter2%2F%25@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

int PostgresServer::Psql(const std::string& statement) const {
  return std::system((Binaries() + "/psql -qX -h " + folder_.path() + " -p " + std::to_string(port_) + " -U " + kUser +
                      " postgres -c '" + statement + "' >/dev/null 2>&1")
                         .c_str());
}

int PostgresServer::Exec(const std::string& program, std::vector<std::string> arguments) const {
  const std::string log = folder_.File("log");
  if (freopen(log.c_str(), "a", stderr) == nullptr || freopen("/dev/null", "a", stdout) == nullptr) return 120;
  const passwd* user = getpwnam("postgres");
  if (geteuid() == 0) {
    const auto give = [user](const std::string& path) {
      return user != nullptr && chown(path.c_str(), user->pw_uid, user->pw_gid) == 0;
    };
    if (!give(log) || !give(folder_.File("password"))) return 121;
    if (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) return 122;
  }
  const std::string path = Binaries() + program;
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  return 123;
}

}  // namespace flyball::store
