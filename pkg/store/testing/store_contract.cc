#include "pkg/store/testing/store_contract.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

namespace flyball::store {
namespace {

using namespace std::chrono_literals;
using Outcome = Written::Outcome;

// tasks, by index
enum { kId, kTitle, kStatus, kPriority, kScore, kDone, kCreatedBy, kParent, kVersion };

Table Users() {
  return {"users",
          {{"id", ColumnType::kText, false},
           {"email", ColumnType::kText, false, true},
           {"version", ColumnType::kInteger, false}},
          {}};
}

Table Tasks() {
  Table tasks{"tasks",
              {{"id", ColumnType::kText, false},
               {"title", ColumnType::kText, false},
               {"status", ColumnType::kText},
               {"priority", ColumnType::kInteger},
               {"score", ColumnType::kReal},
               {"done", ColumnType::kBoolean},
               {"createdBy", ColumnType::kText},
               {"parent", ColumnType::kText},
               {"version", ColumnType::kInteger, false}},
              {{{"createdBy"}, {"status"}}, {{"priority", true}}}};
  tasks.columns[kCreatedBy].references = "users";
  tasks.columns[kParent].references = "tasks";
  tasks.columns[kParent].on_delete = Column::OnDelete::kCascade;
  return tasks;
}

Value Text(const char* text) { return std::string(text); }
Value Int(int64_t number) { return number; }
const Value kNull;

Row User(const char* id, const char* email) { return {Text(id), Text(email), Int(1)}; }

Row Task(const std::string& id, Value status = {}, Value priority = {}, Value created_by = {}) {
  return {id, "task " + id, std::move(status), std::move(priority), {}, {}, std::move(created_by), {}, Int(1)};
}

Query From(const Table& table) {
  Query query;
  query.table = &table;
  query.limit = 1000;
  return query;
}

Query Where(const Table& table, int column, Op op, std::vector<Value> values) {
  Query query = From(table);
  query.where.push_back({column, op, std::move(values)});
  return query;
}

expr::Rule Rule(const char* text) {
  const expr::Schema schema = {
      {"id", expr::Type::kString}, {"status", expr::Type::kString}, {"createdBy", expr::Type::kString}};
  auto compiled = expr::Compile(text, schema, expr::Type::kBool);
  EXPECT_TRUE(compiled.ok()) << text;
  return compiled.rule;
}

Guard As(const expr::Rule& rule, const char* id, const char* role = "user") { return {&rule, {Text(id), Text(role)}}; }

using Names = std::vector<std::string>;

// Counts completions, and waits for them with a deadline.
class Completions {
 public:
  WriteDone Next() {
    return [this](Result<Written> result) {
      const std::lock_guard lock(mutex_);
      ++count_;
      if (!result) ++errors_[static_cast<int>(result.error().code)];
      if (result && result->outcome == Outcome::kDone) ids_.push_back(std::get<std::string>(result->row[0]));
      moved_.notify_all();
    };
  }
  bool WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    return moved_.wait_for(lock, 60s, [&] { return count_ >= count; });
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  size_t Errors(ErrorCode code) {
    const std::lock_guard lock(mutex_);
    return errors_[static_cast<int>(code)];
  }
  Names ids() {
    const std::lock_guard lock(mutex_);
    return ids_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  size_t count_ = 0;
  size_t errors_[16] = {};
  Names ids_;
};

Write InsertOf(const Table& table, Row row) {
  Write write;
  write.table = &table;
  write.row = std::move(row);
  return write;
}

}  // namespace

std::string NameOfKind(const testing::TestParamInfo<StoreKind>& kind) { return kind.param.name; }

void StoreContract::SetUp() {
  if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
  users_ = Users();
  tasks_ = Tasks();
  database_ = GetParam().create();
  ASSERT_NE(database_, nullptr);
  store_ = OpenAnother();
  ASSERT_NE(store_, nullptr);
  const auto migrated = store_->Migrate({tasks_, users_});
  ASSERT_TRUE(migrated) << migrated.error().message;
  auto reader = store_->OpenReader();
  ASSERT_TRUE(reader) << reader.error().message;
  reader_ = std::move(*reader);
}

std::unique_ptr<Store> StoreContract::OpenAnother(size_t queue_capacity) {
  auto store = database_->Open(queue_capacity);
  EXPECT_TRUE(store) << (store ? "" : store.error().message);
  return store ? std::move(*store) : nullptr;
}

Written StoreContract::Do(Write write) {
  auto written = store_->Apply(std::move(write));
  EXPECT_TRUE(written) << (written ? "" : written.error().message);
  return written ? std::move(*written) : Written{};
}

Written StoreContract::Insert(const Table& table, Row row) { return Do(InsertOf(table, std::move(row))); }

Written StoreContract::Update(const Table& table, const std::string& id, std::vector<std::pair<int, Value>> changes) {
  Write write;
  write.kind = Write::Kind::kUpdate;
  write.table = &table;
  write.id = id;
  write.changes = std::move(changes);
  return Do(std::move(write));
}

Written StoreContract::Delete(const Table& table, const std::string& id) {
  Write write;
  write.kind = Write::Kind::kDelete;
  write.table = &table;
  write.id = id;
  return Do(std::move(write));
}

Names StoreContract::Ids(const Query& query) {
  Names ids;
  const auto listed = reader_->List(query, [&](const Row& row) { ids.push_back(std::get<std::string>(row[0])); });
  EXPECT_TRUE(listed) << (listed ? "" : listed.error().message);
  return ids;
}

TEST_P(StoreContract, ARowComesBackAsItWentIn) {
  Insert(users_, User("u", "a@b"));
  const Row row = {Text("t"), Text("Grüße \"'; -- 🙂\n"), {}, Int(INT64_MIN), 0.1 + 0.2, true, Text("u"), {},
                   Int(7)};
  const Written written = Insert(tasks_, row);
  EXPECT_EQ(written.outcome, Outcome::kDone);
  EXPECT_EQ(written.row, row);
  EXPECT_EQ(*reader_->Get(tasks_, "t", {}), row);
  EXPECT_EQ(*reader_->FindBy(tasks_, kTitle, row[kTitle]), row);
  EXPECT_EQ(*reader_->Get(tasks_, "other", {}), std::nullopt);
}

TEST_P(StoreContract, AnUpdateChangesWhatItNamesAndRaisesTheVersion) {
  Insert(tasks_, Task("t", Text("pending"), Int(1)));
  const Written written = Update(tasks_, "t", {{kStatus, kNull}, {kDone, false}, {kScore, Int(2)}});
  EXPECT_EQ(written.outcome, Outcome::kDone);
  const Row expected = {Text("t"), Text("task t"), {}, Int(1), 2.0, false, {}, {}, Int(2)};
  EXPECT_EQ(written.row, expected);
  EXPECT_EQ(*reader_->Get(tasks_, "t", {}), expected);
  EXPECT_EQ(std::get<int64_t>(Update(tasks_, "t", {}).row[kVersion]), 3);
}

TEST_P(StoreContract, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(Update(tasks_, "t", {{kStatus, Text("x")}}).outcome, Outcome::kNotFound);
  EXPECT_EQ(Delete(tasks_, "t").outcome, Outcome::kNotFound);
  Insert(tasks_, Task("t"));
  EXPECT_EQ(Delete(tasks_, "t").outcome, Outcome::kDone);
  EXPECT_EQ(*reader_->Get(tasks_, "t", {}), std::nullopt);
}

TEST_P(StoreContract, AVersionThatMovedIsAMismatch) {
  Insert(tasks_, Task("t"));
  Write write;
  write.kind = Write::Kind::kUpdate;
  write.table = &tasks_;
  write.id = "t";
  write.changes = {{kStatus, Text("x")}};
  write.if_version = 1;
  EXPECT_EQ(Do(write).outcome, Outcome::kDone);
  EXPECT_EQ(Do(write).outcome, Outcome::kVersionMismatch);
  write.kind = Write::Kind::kDelete;
  EXPECT_EQ(Do(write).outcome, Outcome::kVersionMismatch);
  write.if_version = 2;
  EXPECT_EQ(Do(write).outcome, Outcome::kDone);
  EXPECT_EQ(Do(write).outcome, Outcome::kNotFound);
}

TEST_P(StoreContract, ValuesThatDoNotFitAreInvalid) {
  const double nan = std::nan("");
  const std::string nul("a\0b", 3);
  const struct {
    const char* name;
    int column;
    Value value;
  } cases[] = {{"text for integer", kPriority, Text("1")},
               {"real for integer", kPriority, 1.5},
               {"integer for text", kStatus, Int(1)},
               {"integer for boolean", kDone, Int(1)},
               {"null where required", kTitle, kNull},
               {"not a number", kScore, nan},
               {"infinity", kScore, INFINITY},
               {"U+0000", kStatus, nul}};
  for (const auto& misfit : cases) {
    Write write = InsertOf(tasks_, Task("t"));
    write.row[misfit.column] = misfit.value;
    auto written = store_->Apply(write);
    ASSERT_FALSE(written) << misfit.name;
    EXPECT_EQ(written.error().code, ErrorCode::kInvalid) << misfit.name;
    EXPECT_NE(written.error().message.find(tasks_.columns[misfit.column].name), std::string::npos) << misfit.name;
  }
  EXPECT_EQ(*reader_->Count(From(tasks_)), 0);
}

TEST_P(StoreContract, IdAndVersionCannotBeChangedByHand) {
  Insert(tasks_, Task("t"));
  for (int column : {-1, static_cast<int>(kId), static_cast<int>(kVersion), 99}) {
    Write write;
    write.kind = Write::Kind::kUpdate;
    write.table = &tasks_;
    write.id = "t";
    write.changes = {{column, Int(9)}};
    auto written = store_->Apply(write);
    ASSERT_FALSE(written) << column;
    EXPECT_EQ(written.error().code, ErrorCode::kInvalid);
  }
}

TEST_P(StoreContract, FiltersSelect) {
  Insert(tasks_, Task("a", Text("x"), Int(1)));
  Insert(tasks_, Task("b", Text("y"), Int(2)));
  Insert(tasks_, Task("c", kNull, Int(3)));
  Insert(tasks_, Task("d", Text("z"), kNull));
  const struct {
    int column;
    Op op;
    std::vector<Value> values;
    Names expected;
  } cases[] = {
      {kStatus, Op::kEq, {Text("y")}, {"b"}},
      {kStatus, Op::kEq, {kNull}, {"c"}},
      {kStatus, Op::kNe, {Text("y")}, {"a", "c", "d"}},
      {kStatus, Op::kNe, {kNull}, {"a", "b", "d"}},
      {kPriority, Op::kLt, {Int(2)}, {"a"}},
      {kPriority, Op::kLte, {Int(2)}, {"a", "b"}},
      {kPriority, Op::kGt, {Int(2)}, {"c"}},
      {kPriority, Op::kGte, {Int(2)}, {"b", "c"}},
      {kPriority, Op::kGte, {kNull}, {}},
      {kStatus, Op::kIn, {Text("x"), Text("z"), Text("no")}, {"a", "d"}},
      {kStatus, Op::kIn, {Text("x"), kNull}, {"a", "c"}},
      {kStatus, Op::kIn, {kNull}, {"c"}},
      {kStatus, Op::kIn, {}, {}},
      {kStatus, Op::kLt, {Text("é")}, {"a", "b", "d"}},
      {kId, Op::kGt, {Text("B")}, {"a", "b", "c", "d"}},  // by bytes, not by language
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    const Query query = Where(tasks_, cases[i].column, cases[i].op, cases[i].values);
    EXPECT_EQ(Ids(query), cases[i].expected) << "case " << i;
    EXPECT_EQ(*reader_->Count(query), static_cast<int64_t>(cases[i].expected.size())) << "case " << i;
  }
  Query both = Where(tasks_, kPriority, Op::kGte, {Int(1)});
  both.where.push_back({kStatus, Op::kEq, {Text("y")}});
  EXPECT_EQ(Ids(both), Names{"b"});
}

TEST_P(StoreContract, RealsAndBooleansFilter) {
  Row half = Task("half"), one = Task("one");
  half[kScore] = 0.5, half[kDone] = true;
  one[kScore] = 1.0, one[kDone] = false;
  Insert(tasks_, half);
  Insert(tasks_, one);
  EXPECT_EQ(Ids(Where(tasks_, kScore, Op::kLt, {0.75})), Names{"half"});
  EXPECT_EQ(Ids(Where(tasks_, kScore, Op::kEq, {Int(1)})), Names{"one"});
  EXPECT_EQ(Ids(Where(tasks_, kDone, Op::kEq, {true})), Names{"half"});
  EXPECT_EQ(Ids(Where(tasks_, kDone, Op::kNe, {true})), Names{"one"});
}

TEST_P(StoreContract, AQueryThatDoesNotFitIsInvalid) {
  Query wrong_type = Where(tasks_, kPriority, Op::kEq, {Text("1")});
  Query no_column = Where(tasks_, 99, Op::kEq, {Text("1")});
  Query no_value = Where(tasks_, kStatus, Op::kEq, {});
  Query too_many = Where(tasks_, kStatus, Op::kIn, std::vector<Value>(kMaxIn + 1, Text("x")));
  Query negative = From(tasks_);
  negative.limit = -1;
  for (const Query* query : {&wrong_type, &no_column, &no_value, &too_many, &negative}) {
    const auto listed = reader_->List(*query, [](const Row&) { FAIL(); });
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, ErrorCode::kInvalid);
    EXPECT_FALSE(reader_->Count(*query));
  }
}

TEST_P(StoreContract, NullsSortFirstAscendingAndLastDescending) {
  Insert(tasks_, Task("a", kNull, Int(2)));
  Insert(tasks_, Task("b", kNull, kNull));
  Insert(tasks_, Task("c", kNull, Int(1)));
  Query query = From(tasks_);
  query.order = {{kPriority, false}};
  EXPECT_EQ(Ids(query), (Names{"b", "c", "a"}));
  query.order = {{kPriority, true}};
  EXPECT_EQ(Ids(query), (Names{"a", "c", "b"}));
  query.order = {{kStatus, false}, {kPriority, true}};
  EXPECT_EQ(Ids(query), (Names{"a", "c", "b"}));
}

TEST_P(StoreContract, PagesOverTiesMeetEveryRowOnce) {
  std::set<std::string> all;
  for (int i = 0; i < 25; ++i) {
    const std::string id = "t" + std::to_string((i * 7) % 25 + 10);
    all.insert(id);
    Insert(tasks_, Task(id, Text("same"), Int(i % 2)));
  }
  for (const bool descending : {false, true}) {
    Query query = From(tasks_);
    query.order = {{kPriority, descending}};
    query.limit = 4;
    Names seen;
    for (query.offset = 0; query.offset < 28; query.offset += 4) {
      for (auto& id : Ids(query)) seen.push_back(id);
    }
    EXPECT_EQ(seen.size(), 25u);
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()), all);
    EXPECT_EQ(std::is_sorted(seen.begin(), seen.begin() + 12), !descending);
  }
  Query unordered = From(tasks_);
  EXPECT_EQ(Ids(unordered), Names(all.begin(), all.end()));
  unordered.limit = 0;
  EXPECT_EQ(Ids(unordered), Names{});
}

TEST_P(StoreContract, AQueryReturnsTheColumnsItAsksFor) {
  Insert(tasks_, Task("a", Text("x"), Int(5)));
  Query query = From(tasks_);
  query.columns = {kPriority, kId, kDone};
  const Row expected = {Int(5), Text("a"), kNull};
  int rows = 0;
  ASSERT_TRUE(reader_->List(query, [&](const Row& row) {
    EXPECT_EQ(row, expected);
    ++rows;
  }));
  EXPECT_EQ(rows, 1);
}

TEST_P(StoreContract, ARuleHidesRowsFromEveryCall) {
  Insert(users_, User("ann", "ann@x"));
  Insert(users_, User("bob", "bob@x"));
  Insert(tasks_, Task("a", Text("open"), kNull, Text("ann")));
  Insert(tasks_, Task("b", Text("open"), kNull, Text("bob")));
  Insert(tasks_, Task("n", Text("open"), kNull, kNull));
  const expr::Rule own = Rule("auth.role == 'admin' || createdBy == auth.id");

  Query query = From(tasks_);
  query.guard = As(own, "ann");
  EXPECT_EQ(Ids(query), Names{"a"});
  EXPECT_EQ(*reader_->Count(query), 1);
  query.where = {{kStatus, Op::kEq, {Text("open")}}};
  query.order = {{kStatus, true}};
  EXPECT_EQ(Ids(query), Names{"a"});
  query.guard = As(own, "x", "admin");
  EXPECT_EQ(Ids(query), (Names{"n", "b", "a"}));
  query.guard = {&own, {}};  // anonymous
  EXPECT_EQ(*reader_->Count(query), static_cast<int64_t>(Ids(query).size()));

  EXPECT_TRUE(reader_->Get(tasks_, "a", As(own, "ann"))->has_value());
  EXPECT_FALSE(reader_->Get(tasks_, "b", As(own, "ann"))->has_value());
  EXPECT_TRUE(reader_->Get(tasks_, "b", As(own, "ann", "admin"))->has_value());

  Write write;
  write.kind = Write::Kind::kUpdate;
  write.table = &tasks_;
  write.id = "b";
  write.changes = {{kStatus, Text("stolen")}};
  write.guard = As(own, "ann");
  EXPECT_EQ(Do(write).outcome, Outcome::kNotFound);
  write.if_version = 9;
  EXPECT_EQ(Do(write).outcome, Outcome::kNotFound) << "a hidden row's version is nobody's business";
  write.if_version.reset();
  write.kind = Write::Kind::kDelete;
  EXPECT_EQ(Do(write).outcome, Outcome::kNotFound);
  EXPECT_EQ((**reader_->Get(tasks_, "b", {}))[kStatus], Text("open"));
  write.guard = As(own, "bob");
  EXPECT_EQ(Do(write).outcome, Outcome::kDone);
}

TEST_P(StoreContract, ARuleThatIsNeverTrueHidesEverything) {
  Insert(tasks_, Task("a"));
  const expr::Rule never = Rule("auth.role == 'admin'");
  Query query = From(tasks_);
  query.guard = As(never, "ann");
  EXPECT_EQ(Ids(query), Names{});
  EXPECT_EQ(*reader_->Count(query), 0);
  Write write;
  write.kind = Write::Kind::kDelete;
  write.table = &tasks_;
  write.id = "a";
  write.guard = As(never, "ann");
  EXPECT_EQ(Do(write).outcome, Outcome::kNotFound);
}

TEST_P(StoreContract, UniqueValuesAreUnique) {
  Insert(users_, User("u", "a@b"));
  const Written same_email = Insert(users_, User("v", "a@b"));
  EXPECT_EQ(same_email.outcome, Outcome::kNotUnique);
  EXPECT_EQ(same_email.column, "email");
  const Written same_id = Insert(users_, User("u", "c@d"));
  EXPECT_EQ(same_id.outcome, Outcome::kNotUnique);
  EXPECT_EQ(same_id.column, "id");
  EXPECT_EQ(Insert(users_, User("v", "A@b")).outcome, Outcome::kDone) << "case makes another value";
  const Written taken = Update(users_, "v", {{1, Text("a@b")}});
  EXPECT_EQ(taken.outcome, Outcome::kNotUnique);
  EXPECT_EQ(taken.column, "email");
}

TEST_P(StoreContract, ReferencesMustExist) {
  const Written orphan = Insert(tasks_, Task("t", kNull, kNull, Text("nobody")));
  EXPECT_EQ(orphan.outcome, Outcome::kBadReference);
  EXPECT_EQ(orphan.column, "createdBy");
  Insert(tasks_, Task("t"));
  const Written moved = Update(tasks_, "t", {{kStatus, Text("x")}, {kParent, Text("none")}});
  EXPECT_EQ(moved.outcome, Outcome::kBadReference);
  EXPECT_EQ(moved.column, "parent");
  EXPECT_EQ((**reader_->Get(tasks_, "t", {}))[kStatus], kNull) << "nothing of a refused write stays";
  Row own = Task("self");
  own[kParent] = Text("self");
  EXPECT_EQ(Insert(tasks_, own).outcome, Outcome::kDone);
}

TEST_P(StoreContract, ADeletedRowRestrictsOrTakesWithIt) {
  Insert(users_, User("u", "a@b"));
  Insert(tasks_, Task("t", kNull, kNull, Text("u")));
  Row child = Task("child");
  child[kParent] = Text("t");
  Insert(tasks_, child);
  const Written refused = Delete(users_, "u");
  EXPECT_EQ(refused.outcome, Outcome::kReferenced);
  EXPECT_EQ(refused.table, "tasks");
  EXPECT_TRUE(reader_->Get(users_, "u", {})->has_value());
  EXPECT_EQ(Delete(tasks_, "t").outcome, Outcome::kDone);
  EXPECT_EQ(*reader_->Count(From(tasks_)), 0);
  EXPECT_EQ(Delete(users_, "u").outcome, Outcome::kDone);
}

TEST_P(StoreContract, AReferenceCanBeSetToNull) {
  Table notes{"notes", {{"id", ColumnType::kText, false}, {"author", ColumnType::kText}}, {}};
  notes.columns[1].references = "users";
  notes.columns[1].on_delete = Column::OnDelete::kSetNull;
  ASSERT_TRUE(store_->Migrate({users_, notes}));
  Insert(users_, User("u", "a@b"));
  Insert(notes, {Text("n"), Text("u")});
  EXPECT_EQ(Delete(users_, "u").outcome, Outcome::kDone);
  EXPECT_EQ((**reader_->Get(notes, "n", {}))[1], kNull);
}

TEST_P(StoreContract, OneFailedWriteLeavesTheOthersOfItsBatch) {
  Completions done;
  for (int i = 0; i < 200; ++i) {
    // Every tenth is a duplicate, an orphan or a misfit.
    Row row = Task("t" + std::to_string(i % 10 == 0 ? 1000 : i));
    if (i % 10 == 3) row[kCreatedBy] = Text("nobody");
    if (i % 10 == 6) row[kPriority] = Text("high");
    store_->Submit(InsertOf(tasks_, std::move(row)), done.Next());
  }
  ASSERT_TRUE(done.WaitFor(200));
  EXPECT_EQ(done.Errors(ErrorCode::kInvalid), 20u);
  EXPECT_EQ(done.ids().size(), 141u);
  EXPECT_EQ(*reader_->Count(From(tasks_)), 141);
}

TEST_P(StoreContract, CompletionsComeInTheOrderOfSubmission) {
  Completions done;
  Names sent;
  for (int i = 0; i < 1000; ++i) {
    sent.push_back("t" + std::to_string(i));
    store_->Submit(InsertOf(tasks_, Task(sent.back())), done.Next());
  }
  ASSERT_TRUE(done.WaitFor(1000));
  EXPECT_EQ(done.ids(), sent);
}

// A request is in flight for as long as its completion exists. Nothing may have to be written for it to go.
TEST_P(StoreContract, WhatACompletionHoldsIsLetGoWithoutAnotherWrite) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> left = held;
  store_->Submit(InsertOf(tasks_, Task("t1")), [held = std::move(held)](Result<Written>) {});
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!left.expired() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(left.expired());
}

TEST_P(StoreContract, ManyThreadsAreEachAnsweredOnce) {
  constexpr int kThreads = 8, kEach = 250;
  Completions done;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        store_->Submit(InsertOf(tasks_, Task(std::to_string(t) + "-" + std::to_string(i))), done.Next());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(done.WaitFor(kThreads * kEach));
  const Names ids = done.ids();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), static_cast<size_t>(kThreads * kEach));
  EXPECT_EQ(*reader_->Count(From(tasks_)), kThreads * kEach);
  EXPECT_EQ(done.count(), static_cast<size_t>(kThreads * kEach));
}

TEST_P(StoreContract, AFullQueueRefusesAtOnce) {
  auto small = OpenAnother(4);
  // The writer is held in a completion until enough has been offered.
  std::mutex mutex;
  std::condition_variable changed;
  bool holding = false, released = false;
  small->Submit(InsertOf(tasks_, Task("first")), [&](Result<Written>) {
    std::unique_lock lock(mutex);
    holding = true;
    changed.notify_all();
    changed.wait_for(lock, 30s, [&] { return released; });
  });
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 30s, [&] { return holding; }));
  }
  Completions done;
  for (int i = 0; i < 10; ++i) small->Submit(InsertOf(tasks_, Task("t" + std::to_string(i))), done.Next());
  EXPECT_EQ(done.Errors(ErrorCode::kExhausted), 6u);
  {
    const std::lock_guard lock(mutex);
    released = true;
    changed.notify_all();
  }
  ASSERT_TRUE(done.WaitFor(10));
  EXPECT_EQ(done.ids().size(), 4u);
  EXPECT_EQ(*reader_->Count(From(tasks_)), 5);
}

TEST_P(StoreContract, AClosingStoreAnswersWhatWasQueued) {
  Completions done;
  auto other = OpenAnother();
  for (int i = 0; i < 500; ++i) other->Submit(InsertOf(tasks_, Task("t" + std::to_string(i))), done.Next());
  other.reset();
  EXPECT_EQ(done.count(), 500u);
  EXPECT_EQ(done.ids().size() + done.Errors(ErrorCode::kUnavailable), 500u);
  EXPECT_EQ(*reader_->Count(From(tasks_)), static_cast<int64_t>(done.ids().size()));
}

TEST_P(StoreContract, AReaderSeesAnAcknowledgedWriteAtOnce) {
  for (int i = 0; i < 50; ++i) {
    const std::string id = "t" + std::to_string(i);
    Insert(tasks_, Task(id));
    ASSERT_TRUE(reader_->Get(tasks_, id, {})->has_value()) << id;
  }
}

TEST_P(StoreContract, MigratingAgainChangesNothingAndAddsWhatIsNew) {
  Insert(tasks_, Task("t", Text("x")));
  ASSERT_TRUE(store_->Migrate({tasks_, users_}));
  Table more = tasks_;
  more.columns.push_back({"note", ColumnType::kText});
  more.columns.push_back({"reviewer", ColumnType::kText});
  more.columns.back().references = "users";
  more.indexes.push_back({{"note"}});
  ASSERT_TRUE(store_->Migrate({more, users_}));
  Row expected = Task("t", Text("x"));
  expected.resize(more.columns.size());
  EXPECT_EQ(*reader_->Get(more, "t", {}), expected);
  EXPECT_EQ(Update(more, "t", {{kVersion + 2, Text("nobody")}}).outcome, Outcome::kBadReference);
  // The old shape goes on working: a rollout has both for a while.
  EXPECT_EQ(Insert(tasks_, Task("old")).outcome, Outcome::kDone);
}

TEST_P(StoreContract, AMigrationThatDoesNotFitIsRefusedAndChangesNothing) {
  Insert(tasks_, Task("t", kNull));
  Insert(tasks_, Task("s", kNull));
  const auto refused = [&](const char* name, const std::function<void(Table&)>& change, const char* words) {
    Table table = tasks_;
    table.columns.push_back({"fresh", ColumnType::kText});
    change(table);
    auto migrated = store_->Migrate({users_, table});
    ASSERT_FALSE(migrated) << name;
    EXPECT_EQ(migrated.error().code, ErrorCode::kInvalid) << name;
    EXPECT_NE(migrated.error().message.find(words), std::string::npos) << name << ": " << migrated.error().message;
    EXPECT_FALSE(reader_->Get(table, "t", {})) << name << ": the column 'fresh' was added all the same";
  };
  refused(
      "type", [](Table& t) { t.columns[kStatus].type = ColumnType::kInteger; }, "tasks.status");
  refused(
      "boolean", [](Table& t) { t.columns[kDone].type = ColumnType::kInteger; }, "tasks.done");
  refused(
      "new required",
      [](Table& t) {
        t.columns.push_back({"need", ColumnType::kText, false});
      },
      "tasks.need");
  refused(
      "now required", [](Table& t) { t.columns[kStatus].nullable = false; }, "2 rows");
  refused(
      "reference", [](Table& t) { t.columns[kStatus].references = "userz"; }, "userz");
  refused(
      "index", [](Table& t) { t.indexes.push_back({{"nope"}}); }, "nope");
  refused(
      "twice",
      [](Table& t) {
        t.columns.push_back({"title", ColumnType::kText});
      },
      "twice");
  Update(tasks_, "t", {{kStatus, Text("same")}});
  Update(tasks_, "s", {{kStatus, Text("same")}});
  refused(
      "unique", [](Table& t) { t.columns[kStatus].unique = true; }, "tasks.status");
}

TEST_P(StoreContract, RequirementsCanBeLoosened) {
  Table loose = tasks_;
  loose.columns[kTitle].nullable = true;
  Table free = users_;
  free.columns[1].unique = false;
  ASSERT_TRUE(store_->Migrate({loose, free}));
  Row row = Task("t");
  row[kTitle] = kNull;
  EXPECT_EQ(Insert(loose, row).outcome, Outcome::kDone);
  Insert(free, User("u", "a@b"));
  EXPECT_EQ(Insert(free, User("v", "a@b")).outcome, Outcome::kDone);
}

TEST_P(StoreContract, NamesAreOnlyNames) {
  const Table odd{"select \"x\"; drop table tasks --",
                  {{"id", ColumnType::kText, false}, {"order", ColumnType::kText}, {"a\"b'c", ColumnType::kInteger}},
                  {{{"order", true}, {"a\"b'c"}}}};
  ASSERT_TRUE(store_->Migrate({odd}));
  Insert(odd, {Text("i"), Text("o"), Int(4)});
  Query query = Where(odd, 2, Op::kEq, {Int(4)});
  query.order = {{1, true}};
  EXPECT_EQ(Ids(query), Names{"i"});
  EXPECT_EQ(Update(odd, "i", {{2, Int(5)}}).outcome, Outcome::kDone) << "a table without version is fine";
  EXPECT_EQ(*reader_->Count(From(tasks_)), 0);
}

TEST_P(StoreContract, SeveralMigrateAtOnce) {
  Table more = tasks_;
  more.columns.push_back({"note", ColumnType::kText});
  const Table fresh{"fresh", {{"id", ColumnType::kText, false}, {"n", ColumnType::kInteger, true, true}}, {{{"n"}}}};
  std::vector<std::thread> threads;
  std::atomic<int> fine = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      auto store = database_->Open(16);
      if (store && (*store)->Migrate({users_, more, fresh})) ++fine;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(fine, 6);
  EXPECT_EQ(Insert(fresh, {Text("a"), Int(1)}).outcome, Outcome::kDone);
}

TEST_P(StoreContract, CheckAnswers) {
  const auto fine = store_->Check();
  EXPECT_TRUE(fine) << fine.error().message;
}

}  // namespace flyball::store
