// Several processes on one database, and processes that end badly.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "pkg/store/sqlite/baton.h"
#include "pkg/store/sqlite/sqlite_store.h"
#include "pkg/store/testing/child.h"
#include "pkg/store/testing/folder.h"

namespace flyball::store {
namespace {

using namespace std::chrono_literals;

const Table kNotes{"notes", {{"id", ColumnType::kText, false}, {"text", ColumnType::kText}}, {{{"text"}}}};

SqliteOptions At(const Folder& folder) {
  SqliteOptions options;
  options.path = folder.File("test.db");
  return options;
}

Write InsertOf(const std::string& id) {
  Write write;
  write.table = &kNotes;
  write.row = {id, std::string(200, 'x')};
  return write;
}

// Inserts `rows` of its own with at most 64 in flight. The number of writes that did not succeed.
int InsertMany(Store& store, const std::string& name, int rows, const std::function<void(const std::string&)>& done) {
  std::mutex mutex;
  std::condition_variable changed;
  int in_flight = 0, failed = 0;
  for (int i = 0; i < rows; ++i) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return in_flight < 64; });
    ++in_flight;
    lock.unlock();
    const std::string id = name + "-" + std::to_string(i);
    store.Submit(InsertOf(id), [&, id](Result<Written> written) {
      if (written) done(id);
      const std::lock_guard inner(mutex);
      --in_flight;
      failed += written && written->outcome == Written::Outcome::kDone ? 0 : 1;
      changed.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return in_flight == 0; });
  return failed;
}

std::set<std::string> IdsIn(Store& store) {
  std::set<std::string> ids;
  auto reader = store.OpenReader();
  Query query;
  query.table = &kNotes;
  query.limit = 1 << 20;
  const auto listed = (*reader)->List(query, [&](const Row& row) { ids.insert(std::get<std::string>(row[0])); });
  EXPECT_TRUE(listed);
  return ids;
}

void CreateIn(const Folder& folder) {
  auto store = OpenSqlite(At(folder));
  ASSERT_TRUE(store && (*store)->Migrate({kNotes}));
}

TEST(SqliteProcesses, FourWriteAtOnceAndNothingIsLostOrRefused) {
  constexpr int kProcesses = 4, kRows = 1500;
  const Folder folder;
  SqliteOptions options = At(folder);
  options.checkpoint_bytes = 256 << 10;
  options.lock_wait = 30s;  // what is judged is that all have their turn, not how soon on a busy machine
  std::vector<std::unique_ptr<Child>> children;
  for (int p = 0; p < kProcesses; ++p) {
    children.push_back(std::make_unique<Child>([&, p](int) {
      auto store = OpenSqlite(options);
      if (!store || !(*store)->Migrate({kNotes})) return 100;
      return std::min(99, InsertMany(**store, "p" + std::to_string(p), kRows, [](const std::string&) {}));
    }));
  }
  auto store = OpenSqlite(options);  // so that the WAL stays when they go
  ASSERT_TRUE(store);
  for (auto& child : children) EXPECT_EQ(child->Wait(), 0);
  EXPECT_EQ(IdsIn(**store).size(), static_cast<size_t>(kProcesses * kRows));
  EXPECT_LE(std::filesystem::file_size(options.path + "-wal"), static_cast<uint64_t>(20 * options.checkpoint_bytes));
}

TEST(SqliteProcesses, TheWalStaysBoundedUnderReaders) {
  const Folder folder;
  SqliteOptions options = At(folder);
  options.checkpoint_bytes = 64 << 10;
  CreateIn(folder);
  auto store = OpenSqlite(options);
  ASSERT_TRUE(store);
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) IdsIn(**store);
    });
  }
  uintmax_t longest = 0;
  EXPECT_EQ(InsertMany(**store, "w", 3000,
                       [&](const std::string&) {
                         longest = std::max(longest, std::filesystem::file_size(options.path + "-wal"));
                       }),
            0);
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_GT(longest, 0u);
  EXPECT_LE(longest, static_cast<uintmax_t>(64 * options.checkpoint_bytes));
}

TEST(SqliteProcesses, WhatWasAcknowledgedSurvivesAKill) {
  const Folder folder;
  CreateIn(folder);
  std::set<std::string> acknowledged;
  for (int round = 0; round < 3; ++round) {
    Child child([&](int out) {
      auto store = OpenSqlite(At(folder));
      if (!store) return 100;
      return InsertMany(**store, "r" + std::to_string(round), 1 << 20, [&](const std::string& id) {
        const std::string line = id + "\n";
        if (write(out, line.data(), line.size()) < 0) _exit(101);
      });
    });
    for (int i = 0; i < 300; ++i) acknowledged.insert(child.ReadLine());
    child.Signal(SIGKILL);
    for (std::string line = child.ReadLine(); !line.empty(); line = child.ReadLine()) acknowledged.insert(line);
    EXPECT_EQ(child.Wait(), 128 + SIGKILL);
  }
  auto store = OpenSqlite(At(folder));
  ASSERT_TRUE(store) << store.error().message;
  const std::set<std::string> stored = IdsIn(**store);
  EXPECT_GE(acknowledged.size(), 900u);
  for (const std::string& id : acknowledged) EXPECT_TRUE(stored.contains(id)) << id;
  EXPECT_TRUE((*store)->Apply(InsertOf("after")));
}

TEST(SqliteProcesses, AStoppedWriterMakesWritesUnavailableAndADeadOneDoesNot) {
  const Folder folder;
  CreateIn(folder);
  Child child([&](int out) {
    auto baton = Baton::Open(At(folder).path);
    if (!baton || !baton->Take(RealClock().Now() + 60s)) return 1;
    if (write(out, "held\n", 5) != 5) return 2;
    for (;;) pause();
  });
  ASSERT_EQ(child.ReadLine(), "held");
  child.Signal(SIGSTOP);
  child.WaitUntilStopped();

  // Opening needs a turn too, since it may have to create the file.
  SqliteOptions options = At(folder);
  options.lock_wait = 150ms;
  auto store = OpenSqlite(options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(store.error().message.find("process " + std::to_string(child.pid())), std::string::npos)
      << store.error().message;

  child.Signal(SIGKILL);
  child.Wait();
  store = OpenSqlite(options);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->Apply(InsertOf("a")));
}

TEST(SqliteProcesses, AWriteThatCannotHaveItsTurnIsAnsweredInTime) {
  const Folder folder;
  CreateIn(folder);
  SqliteOptions options = At(folder);
  options.lock_wait = 150ms;
  auto store = OpenSqlite(options);
  ASSERT_TRUE(store);
  auto baton = Baton::Open(options.path);
  ASSERT_TRUE(baton && baton->Take(RealClock().Now() + 60s));
  const auto begin = RealClock().Now();
  const auto refused = (*store)->Apply(InsertOf("a"));
  const auto waited = RealClock().Now() - begin;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_GE(waited, 150ms);
  EXPECT_LT(waited, 30s);
  baton->Release();
  EXPECT_TRUE((*store)->Apply(InsertOf("a")));

  // And a store that closes meanwhile answers everything.
  ASSERT_TRUE(baton->Take(RealClock().Now() + 60s));
  std::atomic<int> unavailable = 0;
  for (int i = 0; i < 2000; ++i) {
    (*store)->Submit(InsertOf("b" + std::to_string(i)), [&](Result<Written> written) {
      unavailable += !written && written.error().code == ErrorCode::kUnavailable ? 1 : 0;
    });
  }
  store->reset();
  EXPECT_EQ(unavailable, 2000);
}

}  // namespace
}  // namespace flyball::store
