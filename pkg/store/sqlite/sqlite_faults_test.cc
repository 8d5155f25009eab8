// What a file, a disk, a clock and other programs can do to the store.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "pkg/store/sqlite/sqlite_store.h"
#include "pkg/store/testing/child.h"
#include "pkg/store/testing/folder.h"

namespace flyball::store {
namespace {

using namespace std::chrono_literals;

const Table kNotes{
    "notes", {{"id", ColumnType::kText, false}, {"text", ColumnType::kText}, {"parent", ColumnType::kText}}, {}};

Table NotesWithParents() {
  Table notes = kNotes;
  notes.columns[2].references = "notes";
  notes.columns[2].on_delete = Column::OnDelete::kCascade;
  return notes;
}

Row Note(const std::string& id, size_t bytes = 10, Value parent = {}) {
  return {id, std::string(bytes, 'x'), std::move(parent)};
}

Write InsertOf(const Table& table, Row row) {
  Write write;
  write.table = &table;
  write.row = std::move(row);
  return write;
}

SqliteOptions At(const Folder& folder) {
  SqliteOptions options;
  options.path = folder.File("test.db");
  options.lock_wait = 100ms;
  return options;
}

std::unique_ptr<Store> Open(const SqliteOptions& options, const Table& table = kNotes) {
  auto store = OpenSqlite(options);
  EXPECT_TRUE(store) << (store ? "" : store.error().message);
  const auto migrated = (*store)->Migrate({table});
  EXPECT_TRUE(migrated) << (migrated ? "" : migrated.error().message);
  return std::move(*store);
}

int64_t CountRowsOf(Store& store) {
  auto reader = store.OpenReader();
  Query query;
  query.table = &kNotes;
  return (*reader)->Count(query).value_or(-1);
}

void ExpectError(const Error& error, ErrorCode code, const std::string& words) {
  EXPECT_EQ(Name(error.code), Name(code)) << error.message;
  EXPECT_NE(error.message.find(words), std::string::npos) << error.message;
}

std::string Bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void Overwrite(const std::string& path, size_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
}

// Another program on the same file.
class Foreign {
 public:
  explicit Foreign(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &handle_), SQLITE_OK); }
  ~Foreign() { sqlite3_close(handle_); }
  void Run(const char* sql) {
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(handle_, sql, nullptr, nullptr, &message), SQLITE_OK) << sql << ": " << message;
  }

 private:
  sqlite3* handle_ = nullptr;
};

// Keeps the writer in a completion until let go, so that what is submitted meanwhile is one batch.
class Holding {
 public:
  explicit Holding(Store& store) {
    store.Submit(InsertOf(kNotes, Note("held")), [this](Result<Written>) {
      std::unique_lock lock(mutex_);
      held_ = true;
      changed_.notify_all();
      changed_.wait_for(lock, 30s, [&] { return let_go_; });
    });
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 30s, [&] { return held_; }));
  }
  void LetGo() {
    const std::lock_guard lock(mutex_);
    let_go_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false, let_go_ = false;
};

TEST(SqliteFile, TextIsNotADatabaseAndIsLeftAlone) {
  const Folder folder;
  const std::string text(5000, 'x');
  std::ofstream(At(folder).path) << text;
  const auto store = OpenSqlite(At(folder));
  ASSERT_FALSE(store);
  ExpectError(store.error(), ErrorCode::kCorrupt, At(folder).path + " is not an SQLite database");
  EXPECT_EQ(Bytes(At(folder).path), text);
}

TEST(SqliteFile, ADamagedSchemaIsFoundAtOpen) {
  const Folder folder;
  Open(At(folder)).reset();
  Overwrite(At(folder).path, 100, std::string(200, '\xff'));
  const std::string before = Bytes(At(folder).path);
  const auto store = OpenSqlite(At(folder));
  ASSERT_FALSE(store);
  ExpectError(store.error(), ErrorCode::kCorrupt, At(folder).path + " is damaged");
  ExpectError(store.error(), ErrorCode::kCorrupt, "restore a backup");
  EXPECT_EQ(Bytes(At(folder).path), before);
}

TEST(SqliteFile, ACutFileIsFoundAtOpen) {
  const Folder folder;
  Open(At(folder)).reset();
  std::filesystem::resize_file(At(folder).path, 4096);
  const auto store = OpenSqlite(At(folder));
  ASSERT_FALSE(store);
  ExpectError(store.error(), ErrorCode::kCorrupt, "damaged");
}

TEST(SqliteFile, DamageFurtherInIsReportedWhenItIsRead) {
  const Folder folder;
  {
    auto store = Open(At(folder));
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(store->Apply(InsertOf(kNotes, Note(std::to_string(i), 1000))));
  }
  for (size_t page = 2; page < 12; ++page) Overwrite(At(folder).path, page * 4096, std::string(100, '\xff'));
  auto store = OpenSqlite(At(folder));
  ASSERT_TRUE(store);
  auto reader = (*store)->OpenReader();
  Query query;
  query.table = &kNotes;
  query.limit = 1000;
  query.order = {{1, false}};
  const auto listed = (*reader)->List(query, [](const Row&) {});
  ASSERT_FALSE(listed);
  ExpectError(listed.error(), ErrorCode::kCorrupt, "damaged");
}

TEST(SqliteFile, AnEmptyFileIsAnEmptyDatabase) {
  const Folder folder;
  std::ofstream(At(folder).path).flush();
  EXPECT_EQ(CountRowsOf(*Open(At(folder))), 0);
}

TEST(SqliteFile, ANewerFormatIsRefused) {
  const Folder folder;
  Open(At(folder)).reset();
  Foreign(At(folder).path).Run("PRAGMA user_version = 99");
  const auto store = OpenSqlite(At(folder));
  ASSERT_FALSE(store);
  ExpectError(store.error(), ErrorCode::kInvalid, "newer build (format 99");
}

TEST(SqliteFile, AMissingFolderIsNamed) {
  const Folder folder;
  SqliteOptions options = At(folder);
  options.path = folder.File("none/test.db");
  const auto store = OpenSqlite(options);
  ASSERT_FALSE(store);
  ExpectError(store.error(), ErrorCode::kIo, "none/test.db");
}

TEST(SqliteFile, AFolderIsNoFile) {
  const Folder folder;
  std::filesystem::create_directory(At(folder).path);
  const auto store = OpenSqlite(At(folder));
  ASSERT_FALSE(store);
  ExpectError(store.error(), ErrorCode::kIo, At(folder).path);
}

TEST(SqliteFile, AFolderThatMayNotBeWrittenIsNamed) {
  const Folder folder;
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  Child child([&](int out) {
    if (geteuid() == 0 && setuid(65534) != 0) return 2;  // root may write everywhere
    const auto store = OpenSqlite(At(folder));
    const std::string line = (store ? "opened" : store.error().message) + "\n";
    return write(out, line.data(), line.size()) > 0 && !store && store.error().code == ErrorCode::kIo ? 0 : 1;
  });
  EXPECT_NE(child.ReadLine().find("test.db"), std::string::npos);
  EXPECT_EQ(child.Wait(), 0);
}

TEST(SqliteFile, ARemovedFileTakesNoWrites) {
  const Folder folder;
  auto store = Open(At(folder));
  ASSERT_TRUE(store->Apply(InsertOf(kNotes, Note("a"))));
  std::filesystem::rename(At(folder).path, folder.File("aside"));
  const auto lost = store->Apply(InsertOf(kNotes, Note("b")));
  ASSERT_FALSE(lost);
  ExpectError(lost.error(), ErrorCode::kUnavailable, "was removed or replaced");
  EXPECT_FALSE(store->Check());
  std::filesystem::rename(folder.File("aside"), At(folder).path);
  EXPECT_TRUE(store->Apply(InsertOf(kNotes, Note("b"))));
  EXPECT_TRUE(store->Check());
}

TEST(SqliteLocks, AForeignWriterMakesWritesUnavailableUntilItGoes) {
  const Folder folder;
  auto store = Open(At(folder));
  Foreign foreign(At(folder).path);
  foreign.Run("BEGIN IMMEDIATE");
  const auto refused = store->Apply(InsertOf(kNotes, Note("a")));
  ASSERT_FALSE(refused);
  ExpectError(refused.error(), ErrorCode::kUnavailable, "locked by another program");
  EXPECT_EQ(CountRowsOf(*store), 0) << "reading goes on";
  foreign.Run("COMMIT");
  EXPECT_TRUE(store->Apply(InsertOf(kNotes, Note("a"))));
}

TEST(SqliteLocks, AFileThatIsLockedAtOpenIsSaidToBe) {
  const Folder folder;
  Foreign foreign(At(folder).path);
  foreign.Run("CREATE TABLE t (x); PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  const auto store = OpenSqlite(At(folder));
  ASSERT_FALSE(store);
  ExpectError(store.error(), ErrorCode::kUnavailable, "locked by another program");
  foreign.Run("COMMIT; PRAGMA locking_mode = NORMAL; SELECT count(*) FROM t");
  EXPECT_TRUE(OpenSqlite(At(folder)));
}

TEST(SqliteLimits, AReadThatTakesTooLongEnds) {
  const Folder folder;
  SqliteOptions options = At(folder);
  options.statement_limit = 1ms;
  auto store = Open(options);
  // Until a scan takes longer than the limit, whatever the machine.
  auto reader = store->OpenReader();
  Query query;
  query.table = &kNotes;
  query.where = {{1, Op::kEq, {std::string("none")}}};
  Result<int64_t> counted = 0;
  for (int i = 0; i < 500 && counted; ++i) {
    for (int k = 0; k < 1000; ++k) store->Submit(InsertOf(kNotes, Note(std::to_string(i * 1000 + k))), [](auto) {});
    ASSERT_TRUE(store->Apply(InsertOf(kNotes, Note("last" + std::to_string(i)))));
    counted = (*reader)->Count(query);
  }
  ASSERT_FALSE(counted);
  ExpectError(counted.error(), ErrorCode::kTimeout, "too long");
  EXPECT_TRUE((*reader)->Get(kNotes, "1", {})->has_value()) << "the next is not affected";
}

TEST(SqliteLimits, AWriteThatTakesTooLongEndsAlone) {
  const Folder folder;
  const Table notes = NotesWithParents();
  auto store = Open(At(folder), notes);
  ASSERT_TRUE(store->Apply(InsertOf(notes, Note("root"))));
  for (int i = 0; i < 4000; ++i)
    store->Submit(InsertOf(notes, Note(std::to_string(i), 10, std::string("root"))), [](auto) {});
  ASSERT_TRUE(store->Apply(InsertOf(notes, Note("last"))));
  store.reset();

  SqliteOptions options = At(folder);
  options.write_limit = 1ms;
  store = Open(options, notes);
  Holding holding(*store);
  std::vector<std::string> outcomes;
  const auto record = [&](Result<Written> written) {
    outcomes.push_back(written ? "done" : std::string(Name(written.error().code)));
  };
  Write cascade;
  cascade.kind = Write::Kind::kDelete;
  cascade.table = &notes;
  cascade.id = "root";
  store->Submit(InsertOf(notes, Note("before")), record);
  store->Submit(cascade, record);
  store->Submit(InsertOf(notes, Note("after")), record);
  holding.LetGo();
  store->Apply(InsertOf(notes, Note("end")));
  EXPECT_EQ(outcomes, (std::vector<std::string>{"done", "timeout", "done"}));
  EXPECT_EQ(CountRowsOf(*store), 4000 + 6);
}

// In a process of its own, whose files cannot grow past a limit: what a full disk does, without filling one.
TEST(SqliteLimits, AFullDiskRefusesWritesUntilThereIsRoom) {
  const Folder folder;
  Child child([&](int) {
    auto store = Open(At(folder));
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t unlimited = limit.rlim_cur;
    limit.rlim_cur = 512 << 10;
    setrlimit(RLIMIT_FSIZE, &limit);
    int written = 0;
    for (;;) {
      auto result = store->Apply(InsertOf(kNotes, Note(std::to_string(written), 4000)));
      if (result) {
        if (++written > 1000) return 1;
        continue;
      }
      if (result.error().code != ErrorCode::kUnavailable) return 2;
      break;
    }
    if (CountRowsOf(*store) != written) return 3;
    limit.rlim_cur = unlimited;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (!store->Apply(InsertOf(kNotes, Note("room again", 4000)))) return 4;
    return CountRowsOf(*store) == written + 1 ? 0 : 5;
  });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace flyball::store
