#include "pkg/store/database/database.h"

#include <gtest/gtest.h>

#include <thread>

#include "pkg/store/testing/folder.h"
#include "pkg/store/testing/postgres_server.h"

namespace flyball::store {
namespace {

PostgresServer& TheServer() {
  static PostgresServer server;
  return server;
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = PostgresServer::Missing(); !missing.empty()) GTEST_SKIP() << missing;
    TheServer();
  }
};

// `url` with `from` replaced.
std::string With(std::string url, const std::string& from, const std::string& to) {
  return url.replace(url.find(from), from.size(), to);
}

TEST(DatabaseTest, AFileOrAServer) {
  EXPECT_TRUE(IsServer("postgresql://h/db"));
  EXPECT_TRUE(IsServer("postgres://h/db"));
  EXPECT_FALSE(IsServer("tasks.db"));
  EXPECT_FALSE(IsServer("postgresql.db"));
  for (const char* text : {"", "tasks.db", "/var/lib/tasks.db", "weird:name.db", "postgres://h/db",
                           "postgresql://ann:p%40ss@h:5433/db?sslmode=require"}) {
    EXPECT_TRUE(CheckDatabase(text)) << text;
  }
}

TEST(DatabaseTest, WhatCanBeNeitherIsRefusedWithoutItsPassword) {
  const std::pair<const char*, const char*> cases[] = {
      {"mysql://ann:hunter2@h/db", "mysql:// is no database that is known"},
      {"sqlite:///x.db", "path of an SQLite file"},
      {"/tmp", "is a folder"},
      {"folder/", "is a folder"},
      {"postgresql://ann:hunter2%zz@h/db", "with %XX"},
      {"postgresql://h/db?password=hunter2&colour=red", "expected postgresql://"},
  };
  for (const auto& [text, reason] : cases) {
    const auto refused = CheckDatabase(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
    EXPECT_NE(refused.error().message.find(reason), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos) << refused.error().message;
  }
}

TEST(DatabaseTest, AFileIsMade) {
  const Folder folder;
  EXPECT_TRUE(OpenDatabase(folder.File("new.db"), "tasks"));
  EXPECT_EQ(OpenDatabase(folder.File("missing/new.db"), "tasks").error().code, ErrorCode::kIo);
}

TEST_F(ServerTest, ItIsReachedByItsUrl) {
  auto store = OpenDatabase(TheServer().TcpUrl("postgres"), "tasks");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->Check());
}

TEST_F(ServerTest, AppsOfOneDatabaseDoNotMeet) {
  const std::string url = TheServer().TcpUrl("postgres");
  const Table notes{"notes", {{"id", ColumnType::kText, false}}, {}};
  const auto count = [&](const std::string& app) {
    auto store = OpenDatabase(url, app);
    EXPECT_TRUE(store && (*store)->Migrate({notes}));
    Write write;
    write.table = &notes;
    write.row = {app};
    EXPECT_EQ((*store)->Apply(std::move(write))->outcome, Written::Outcome::kDone);
    auto reader = (*store)->OpenReader();
    Query all;
    all.table = &notes;
    return *(*reader)->Count(all);
  };
  EXPECT_EQ(count("one"), 1);
  EXPECT_EQ(count("the-other"), 1);
}

TEST_F(ServerTest, ARefusalIsOneLineThatSaysWhoAndWhereAndComesAtOnce) {
  const std::string url = TheServer().TcpUrl("postgres"), place = " at 127.0.0.1:" + std::to_string(TheServer().port());
  const std::tuple<const char*, std::string, std::string> cases[] = {
      {"wrong password", With(url, "hunter2", "hunter3"),
       "the database postgres" + place + " refuses user tester: password authentication failed"},
      {"no password", With(url, ":hunter2%2F%25", ""),
       "the database postgres" + place + " refuses user tester: fe_sendauth: no password supplied"},
      {"no such user", With(url, "tester", "nobody"), "refuses user nobody: password authentication failed"},
      {"no such database", TheServer().TcpUrl("missing"),
       "the database missing" + place + " refuses user tester: database \"missing\" does not exist"},
  };
  for (const auto& [name, wrong, expected] : cases) {
    const auto store = OpenDatabase(wrong, "tasks", std::chrono::hours(1));
    ASSERT_FALSE(store) << name;
    EXPECT_EQ(store.error().code, ErrorCode::kDenied) << name;
    EXPECT_EQ(store.error().message.find('\n'), std::string::npos) << store.error().message;
    EXPECT_NE(store.error().message.find(expected), std::string::npos) << store.error().message;
    EXPECT_EQ(store.error().message.find("hunter"), std::string::npos) << store.error().message;
  }
}

TEST_F(ServerTest, OneThatIsDownIsWaitedFor) {
  const std::string url = TheServer().TcpUrl("postgres");
  TheServer().Kill();
  const auto down = OpenDatabase(url, "tasks");
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(down.error().message, "cannot reach the database postgres at 127.0.0.1:" +
                                      std::to_string(TheServer().port()) + ": Connection refused");
  Result<std::unique_ptr<Store>> opened;
  std::thread waiting([&] { opened = OpenDatabase(url, "tasks", std::chrono::seconds(60)); });
  TheServer().Start();
  waiting.join();
  EXPECT_TRUE(opened) << opened.error().message;
}

}  // namespace
}  // namespace flyball::store
