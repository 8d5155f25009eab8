// What the SQLite store costs beside a bare SQLite loop doing the same: store_bench [FOLDER].
// Prints medians of interleaved rounds; one round alone says little on a shared machine.
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>
#include <vector>

#include "pkg/base/check.h"
#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/store/sqlite/sqlite_store.h"

namespace {

using namespace flyball;
using namespace flyball::store;

constexpr int kRounds = 7, kInserts = 20000, kReads = 50000, kLists = 2000, kInFlight = 64, kListedRows = 10000;

Table Users() { return {"users", {{"id", ColumnType::kText, false}, {"email", ColumnType::kText, false, true}}, {}}; }

Table Tasks() {
  Table tasks{"tasks", {}, {{{"createdBy"}, {"status"}}, {{"createdAt", true}}}};
  for (const char* name :
       {"id", "title", "description", "status", "priority", "dueDate", "createdBy", "createdAt", "updatedAt"}) {
    tasks.columns.push_back({name, ColumnType::kText});
  }
  tasks.columns.push_back({"version", ColumnType::kInteger});
  tasks.columns[0].nullable = false;
  tasks.columns[6].references = "users";
  return tasks;
}

std::string UserId(uint64_t i) { return "00000000-0000-7000-8000-" + std::to_string(100000000000 + i); }

Row Task(Random& random) {
  char time[40];
  const auto tick = random.Below(86400000);
  std::snprintf(time, sizeof time, "2026-01-01T%02d:%02d:%02d.%03dZ", static_cast<int>(tick / 3600000),
                static_cast<int>(tick / 60000 % 60), static_cast<int>(tick / 1000 % 60), static_cast<int>(tick % 1000));
  const std::string now = time;
  const std::string status = random.Below(3) == 0 ? "pending" : "completed";
  return {NewUuidV7(RealClock().WallNow()),
          std::string("write a title of usual length here"),
          std::string(60, 'd'),
          status,
          std::string("medium"),
          now,
          UserId(random.Below(1000)),
          now,
          now,
          int64_t{1}};
}

double Seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::unique_ptr<Store> OpenIn(const std::string& folder, bool fresh) {
  if (fresh) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  SqliteOptions options;
  options.path = folder + "/bench.db";
  auto store = OpenSqlite(options);
  Check(store.has_value(), "the store opens");
  if (!fresh) return std::move(*store);
  Check((*store)->Migrate({Users(), Tasks()}).has_value(), "the store migrates");
  const Table users = Users();
  for (uint64_t i = 0; i < 1000; ++i) {
    Write write;
    write.table = &users;
    write.row = {UserId(i), "user" + std::to_string(i) + "@example.org"};
    if (i < 999) {
      (*store)->Submit(std::move(write), [](Result<Written>) {});
    } else {
      Check((*store)->Apply(std::move(write)).has_value(), "users are written");
    }
  }
  return std::move(*store);
}

// Inserts with `kInFlight` writes on their way. The longest time one took, in seconds.
double InsertThrough(Store& store, int count, uint64_t seed) {
  static const Table kTasks = Tasks();
  Random random(seed);
  std::mutex mutex;
  std::condition_variable changed;
  int in_flight = 0;
  double longest = 0;
  for (int i = 0; i < count; ++i) {
    Write write;
    write.table = &kTasks;
    write.row = Task(random);
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return in_flight < kInFlight; });
      ++in_flight;
    }
    const auto sent = RealClock().Now();
    store.Submit(std::move(write), [&, sent](Result<Written> written) {
      Check(written && written->outcome == Written::Outcome::kDone, "an insert succeeds");
      const std::lock_guard lock(mutex);
      longest = std::max(longest, ToSeconds(RealClock().Now() - sent));
      if (in_flight-- == kInFlight || in_flight == 0) changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return in_flight == 0; });
  return longest;
}

// The same rows into the same tables by a loop of SQLite calls with `per_transaction` inserts each.
void InsertRaw(const std::string& path, int count, int per_transaction, uint64_t seed) {
  Random random(seed);
  sqlite3* db = nullptr;
  Check(sqlite3_open(path.c_str(), &db) == SQLITE_OK, "the file opens");
  sqlite3_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON", nullptr, nullptr, nullptr);
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO tasks VALUES (?,?,?,?,?,?,?,?,?,?)", -1, &insert, nullptr);
  for (int i = 0; i < count; ++i) {
    if (i % per_transaction == 0) sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    const Row row = Task(random);
    for (int c = 0; c < 9; ++c) {
      const auto& text = std::get<std::string>(row[c]);
      sqlite3_bind_text(insert, c + 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
    sqlite3_bind_int64(insert, 10, 1);
    Check(sqlite3_step(insert) == SQLITE_DONE, "a raw insert succeeds");
    sqlite3_reset(insert);
    if ((i + 1) % per_transaction == 0) sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  }
  sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  sqlite3_finalize(insert);
  sqlite3_close(db);
}

void Inserts(const std::string& folder) {
  std::vector<double> store_rates, grouped_rates, single_rates, ratios, single_ratios;
  for (int round = 0; round < kRounds; ++round) {
    const auto rate = [&](const std::function<void()>& work) { return kInserts / Seconds(work); };
    auto store = OpenIn(folder, true);
    store_rates.push_back(rate([&] { InsertThrough(*store, kInserts, 1); }));
    store.reset();
    OpenIn(folder, true).reset();
    grouped_rates.push_back(rate([&] { InsertRaw(folder + "/bench.db", kInserts, kInFlight, 1); }));
    OpenIn(folder, true).reset();
    single_rates.push_back(rate([&] { InsertRaw(folder + "/bench.db", kInserts, 1, 1); }));
    ratios.push_back(store_rates.back() / grouped_rates.back());
    single_ratios.push_back(store_rates.back() / single_rates.back());
  }
  std::printf("insert, %d in flight        %8.0f rows/s\n", kInFlight, Median(store_rates));
  std::printf("raw loop, %d a transaction  %8.0f rows/s   store/raw %.2f\n", kInFlight, Median(grouped_rates),
              Median(ratios));
  std::printf("raw loop, 1 a transaction   %8.0f rows/s   store/raw %.2f\n", Median(single_rates),
              Median(single_ratios));
}

void Reads(const std::string& folder) {
  const Table tasks = Tasks();
  auto store = OpenIn(folder, true);
  InsertThrough(*store, kListedRows, 2);
  auto reader = std::move(*store->OpenReader());
  std::vector<std::string> ids;
  Query all;
  all.table = &tasks;
  all.limit = kListedRows;
  Check(reader->List(all, [&](const Row& row) { ids.push_back(std::get<std::string>(row[0])); }).has_value(), "list");
  Query page = all;
  page.limit = 20;
  page.where = {{3, Op::kEq, {std::string("pending")}}};
  page.order = {{7, true}};
  std::vector<double> gets, lists;
  Random random(3);
  for (int round = 0; round < kRounds; ++round) {
    gets.push_back(Seconds([&] {
                     for (int i = 0; i < kReads; ++i)
                       Check(reader->Get(tasks, ids[random.Below(ids.size())], {})->has_value(), "get");
                   }) /
                   kReads);
    lists.push_back(Seconds([&] {
                      int rows = 0;
                      for (int i = 0; i < kLists; ++i)
                        Check(reader->List(page, [&](const Row&) { ++rows; }).has_value(), "list");
                      Check(rows == kLists * 20, "every page is full");
                    }) /
                    kLists);
  }
  std::printf("get by id                   %8.2f us\n", Median(gets) * 1e6);
  std::printf("list 20 of 10k, filter+sort %8.2f us\n", Median(lists) * 1e6);
}

void Turns(const std::string& folder) {
  OpenIn(folder, true).reset();
  std::fflush(stdout);
  const double seconds = Seconds([&] {
    std::vector<pid_t> children;
    for (uint64_t p = 0; p < 4; ++p) {
      const pid_t child = fork();
      if (child == 0) {
        const double longest = InsertThrough(*OpenIn(folder, false), kInserts, 10 + p);
        std::printf("  process %d: longest write %.1f ms\n", static_cast<int>(p), longest * 1e3);
        std::fflush(stdout);
        _exit(0);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) waitpid(child, nullptr, 0);
  });
  std::printf("4 processes at once         %8.0f rows/s together\n", 4 * kInserts / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = std::string(argc > 1 ? argv[1] : "/tmp") + "/store-bench-" + std::to_string(getpid());
  Turns(folder);
  Inserts(folder);
  Reads(folder);
  std::filesystem::remove_all(folder);
}
