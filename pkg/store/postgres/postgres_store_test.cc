#include "pkg/store/postgres/postgres_store.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "pkg/store/testing/child.h"
#include "pkg/store/testing/folder.h"
#include "pkg/store/testing/store_contract.h"

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

// A server of our own on a socket in a temporary folder. PostgreSQL refuses to be root, so then it is another user's.
class Server {
 public:
  Server() {
    const passwd* user = getpwnam("postgres");
    if (geteuid() == 0 && user != nullptr) {
      EXPECT_EQ(chown(folder_.path().c_str(), user->pw_uid, user->pw_gid), 0);
    }
    const std::string data = folder_.File("data"), log = folder_.File("log");
    Child init([&](int) {
      return Exec("/initdb", {"-D", data, "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync"}, log);
    });
    EXPECT_EQ(init.Wait(), 0);
    Start();
  }
  ~Server() {
    if (child_ == nullptr) return;
    child_->Signal(SIGQUIT);
    child_->Wait();
  }

  void Start() {
    const std::string data = folder_.File("data"), log = folder_.File("log");
    child_ = std::make_unique<Child>([&](int) {
      return Exec("/postgres", {"-D", data, "-k", folder_.path(), "-c", "listen_addresses=", "-c", "fsync=off"}, log);
    });
    const auto deadline = RealClock().Now() + 60s;
    PostgresOptions options;
    options.url = Url("postgres");
    while (!OpenPostgres(options) && RealClock().Now() < deadline) std::this_thread::sleep_for(20ms);
  }
  void Kill() {
    child_->Signal(SIGQUIT);
    child_->Wait();
    child_.reset();
  }
  void Signal(int number) const { child_->Signal(number); }

  std::string Url(const std::string& database) const {
    return "host=" + folder_.path() + " user=tester dbname=" + database;
  }
  int Psql(const std::string& command) const {
    return std::system((Binaries() + "/../../../../bin/psql -qX -h " + folder_.path() + " -U tester postgres -c '" +
                        command + "' >/dev/null 2>&1")
                           .c_str());
  }

 private:
  static int Exec(const std::string& program, std::vector<std::string> arguments, const std::string& log) {
    if (freopen(log.c_str(), "a", stderr) == nullptr || freopen("/dev/null", "a", stdout) == nullptr) return 120;
    const passwd* user = getpwnam("postgres");
    if (geteuid() == 0) {
      if (user == nullptr || chown(log.c_str(), user->pw_uid, user->pw_gid) != 0) return 121;
      if (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) return 122;
    }
    const std::string path = Binaries() + program;
    std::vector<char*> argv = {const_cast<char*>(path.c_str())};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    execv(path.c_str(), argv.data());
    return 123;
  }

  Folder folder_;
  std::unique_ptr<Child> child_;
};

// One server for all tests; it ends with the program.
Server& TheServer() {
  static Server server;
  return server;
}

class PostgresDatabase final : public TestDatabase {
 public:
  PostgresDatabase() {
    static int count = 0;
    name_ = "test" + std::to_string(++count);
    EXPECT_EQ(TheServer().Psql("create database " + name_), 0);
  }
  ~PostgresDatabase() override { TheServer().Psql("drop database " + name_ + " with (force)"); }
  Result<std::unique_ptr<Store>> Open(size_t queue_capacity) override {
    PostgresOptions options;
    options.url = TheServer().Url(name_);
    options.queue_capacity = queue_capacity;
    return OpenPostgres(options);
  }
  std::string url() const { return TheServer().Url(name_); }

 private:
  std::string name_;
};

std::string Missing() {
  if (Binaries().empty()) return "PostgreSQL's server is not installed: apt-get install postgresql";
  if (geteuid() == 0 && getpwnam("postgres") == nullptr) return "there is no user 'postgres' to run the server as";
  return {};
}

StoreKind Kind() {
  return {"Postgres", Missing(), [] { return std::make_unique<PostgresDatabase>(); }};
}

class PostgresFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (!Missing().empty()) GTEST_SKIP() << Missing();
    database_ = std::make_unique<PostgresDatabase>();
    options_.url = database_->url();
    options_.statement_limit = 500ms;
    auto store = OpenPostgres(options_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    ASSERT_TRUE(store_->Migrate({notes_}));
  }
  Result<Written> Insert(const std::string& id) {
    Write write;
    write.table = &notes_;
    write.row = {id};
    return store_->Apply(std::move(write));
  }

  const Table notes_{"notes", {{"id", ColumnType::kText, false}}, {}};
  PostgresOptions options_;
  std::unique_ptr<PostgresDatabase> database_;
  std::unique_ptr<Store> store_;
};

TEST_F(PostgresFaults, AServerThatIsNotThereIsUnavailable) {
  options_.url = "host=/nowhere user=nobody";
  const auto store = OpenPostgres(options_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(store.error().message.find("/nowhere"), std::string::npos) << store.error().message;
}

TEST_F(PostgresFaults, AServerThatRestartsIsFoundAgain) {
  auto reader = store_->OpenReader();
  ASSERT_TRUE(Insert("before"));
  TheServer().Kill();
  EXPECT_FALSE(Insert("while"));
  EXPECT_FALSE(store_->Check());
  EXPECT_FALSE((*reader)->Get(notes_, "before", {}));
  TheServer().Start();
  const auto after = Insert("after");
  EXPECT_TRUE(after) << after.error().message;
  EXPECT_TRUE(store_->Check());
  EXPECT_TRUE((*reader)->Get(notes_, "before", {})->has_value());
  EXPECT_TRUE((*reader)->Get(notes_, "after", {})->has_value());
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract, testing::Values(Kind()), NameOfKind);

}  // namespace flyball::store
