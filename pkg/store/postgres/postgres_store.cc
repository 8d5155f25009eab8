#include "pkg/store/postgres/postgres_store.h"

#include <deque>
#include <mutex>

#include "pkg/store/fit.h"
#include "pkg/store/postgres/pg_write_step.h"
#include "pkg/store/postgres/postgres_migration.h"
#include "pkg/store/postgres/session.h"
#include "pkg/store/write_queue.h"

namespace flyball::store {
namespace {

Error Unknown(const Failure& failure) {
  return {ErrorCode::kIo, failure.error.message + "; whether the write took effect is unknown"};
}

class PostgresReader final : public Reader {
 public:
  explicit PostgresReader(std::unique_ptr<Session> session)
      : session_(std::move(session)), sql_(expr::Dialect::kPostgres) {}

  Result<std::optional<Row>> Get(const Table& table, std::string_view id, const Guard& guard) override {
    if (id.find('\0') != id.npos) return std::nullopt;
    SelectRow(table, table.columns[0], id, &sql_);
    auto row = First(table);
    if (row && *row && !Admits(guard, table, **row)) return std::nullopt;
    return row;
  }

  Result<std::optional<Row>> FindBy(const Table& table, int column, const Value& value) override {
    if (column < 0 || column >= static_cast<int>(table.columns.size()) || !HasType(table.columns[column].type, value)) {
      return Fail(ErrorCode::kInvalid, table.name + ": nothing can be found by column " + std::to_string(column));
    }
    SelectRow(table, table.columns[column], &value, &sql_);
    return First(table);
  }

  Result<void> List(const Query& query, const std::function<void(const Row&)>& each) override {
    auto possible = SelectRows(query, &sql_);
    if (!possible) return Fail(std::move(possible.error()));
    if (!*possible) return {};
    auto rows = Run();
    if (!rows) return Fail(std::move(rows.error()));
    const auto& columns = query.table->columns;
    Row row(query.columns.empty() ? columns.size() : query.columns.size());
    for (int r = 0; r < rows->count(); ++r) {
      for (size_t i = 0; i < row.size(); ++i) {
        const size_t column = query.columns.empty() ? i : static_cast<size_t>(query.columns[i]);
        rows->Read(r, static_cast<int>(i), columns[column].type, &row[i]);
      }
      each(row);
    }
    return {};
  }

  Result<int64_t> Count(const Query& query) override {
    auto possible = CountRows(query, &sql_);
    if (!possible) return Fail(std::move(possible.error()));
    if (!*possible) return 0;
    auto rows = Run();
    if (!rows) return Fail(std::move(rows.error()));
    Value value;
    rows->Read(0, 0, ColumnType::kInteger, &value);
    return std::get<int64_t>(value);
  }

 private:
  // A read can be made again, so a session that was found broken costs nothing but time.
  Result<Rows> Run() {
    auto rows = session_->Run(sql_);
    if (!rows && session_->broken() && rows.error().lost) rows = session_->Run(sql_);
    if (!rows) return Fail(std::move(rows.error().error));
    return std::move(*rows);
  }

  Result<std::optional<Row>> First(const Table& table) {
    auto rows = Run();
    if (!rows) return Fail(std::move(rows.error()));
    if (rows->count() == 0) return std::nullopt;
    return rows->Read(table, 0);
  }

  const std::unique_ptr<Session> session_;
  SqlText sql_;
};

class PostgresStore final : public Store {
 public:
  PostgresStore(const PostgresOptions& options, std::unique_ptr<Session> write, std::unique_ptr<Session> probe)
      : options_(options),
        write_(std::move(write)),
        probe_(std::move(probe)),
        queue_(options.queue_capacity, options.batch_limit, "the database") {
    queue_.Start([this](Batch& batch) { Settle(batch); }, [] {});
  }
  ~PostgresStore() override { queue_.Stop(); }

  Result<void> Migrate(const std::vector<Table>& tables) override {
    auto session = Session::Open(options_, Session::Mode::kWrite);
    if (!session) return Fail(std::move(session.error()));
    return MigrateTables(**session, options_.schema, tables);
  }

  Result<std::unique_ptr<Reader>> OpenReader() override {
    auto session = Session::Open(options_, Session::Mode::kRead);
    if (!session) return Fail(std::move(session.error()));
    return std::make_unique<PostgresReader>(std::move(*session));
  }

  void Submit(Write write, WriteDone done) override { queue_.Submit(std::move(write), std::move(done)); }

  Result<void> Check() override {
    const std::lock_guard lock(probing_);
    SqlText sql(expr::Dialect::kPostgres);
    sql.Add("SELECT 1");
    auto rows = probe_->Run(sql);
    if (!rows && rows.error().lost) rows = probe_->Run(sql);
    if (!rows) return Fail(std::move(rows.error().error));
    return {};
  }

 private:
  struct Formulated {
    PendingWrite* pending;
    SqlText sql{expr::Dialect::kPostgres};
  };
  using Iterator = std::deque<Formulated>::iterator;

  void Settle(Batch& batch);
  void Write(Iterator begin, Iterator end);
  void WriteOne(Formulated& one);
  bool WriteTogether(Iterator begin, Iterator end);
  static void DecideAll(Iterator begin, Iterator end, const Error& error);

  const PostgresOptions options_;
  const std::unique_ptr<Session> write_;  // of the writer thread alone
  std::mutex probing_;
  const std::unique_ptr<Session> probe_;  // guarded by probing_
  WriteQueue queue_;
};

void PostgresStore::Settle(Batch& batch) {
  std::deque<Formulated> formulated;
  for (PendingWrite& pending : batch) {
    Formulated& one = formulated.emplace_back();
    one.pending = &pending;
    Result<Written> decided;
    if (Formulate(pending.write, &one.sql, &decided)) continue;
    pending.result = std::move(decided);
    formulated.pop_back();
  }
  Write(formulated.begin(), formulated.end());
  Complete(batch);
}

// All in one transaction; when one of them cannot be written, each half by itself.
void PostgresStore::Write(Iterator begin, Iterator end) {
  if (begin == end) return;
  if (end - begin == 1) return WriteOne(*begin);
  if (WriteTogether(begin, end)) return;
  const Iterator middle = begin + (end - begin) / 2;
  Write(begin, middle);
  Write(middle, end);
}

void PostgresStore::WriteOne(Formulated& one) {
  auto reply = write_->Run(one.sql);
  one.pending->result = reply                ? Interpret(*write_, one.pending->write, *reply)
                        : reply.error().lost ? Result<Written>(Fail(Unknown(reply.error())))
                                             : Interpret(one.pending->write, reply.error());
}

// False: at least one of them cannot be written, and nothing was.
bool PostgresStore::WriteTogether(Iterator begin, Iterator end) {
  std::vector<const SqlText*> statements;
  for (Iterator one = begin; one != end; ++one) statements.push_back(&one->sql);
  const auto replies = write_->RunInTransaction(statements);
  bool fine = true;
  for (size_t i = 0; fine && i < replies.size(); ++i) {
    PendingWrite& pending = *begin[static_cast<std::ptrdiff_t>(i)].pending;
    fine = replies[i].has_value();
    if (fine) pending.result = Interpret(*write_, pending.write, *replies[i]);
    fine = fine && (*pending.result || pending.result->error().code == ErrorCode::kInternal);
  }
  if (fine) {
    auto committed = write_->RunOnce("COMMIT");
    if (committed) return true;
    if (committed.error().lost) {
      DecideAll(begin, end, Unknown(committed.error()));
      return true;
    }
  }
  if (!write_->broken()) {
    static_cast<void>(write_->RunOnce("ROLLBACK"));
    return false;
  }
  DecideAll(begin, end, {ErrorCode::kUnavailable, "the database does not answer; nothing was written"});
  return true;
}

void PostgresStore::DecideAll(Iterator begin, Iterator end, const Error& error) {
  for (Iterator one = begin; one != end; ++one) one->pending->result = Fail(error);
}

}  // namespace

Result<std::unique_ptr<Store>> OpenPostgres(const PostgresOptions& options) {
  auto write = Session::Open(options, Session::Mode::kWrite);
  if (!write) return Fail(std::move(write.error()));
  auto probe = Session::Open(options, Session::Mode::kRead);
  if (!probe) return Fail(std::move(probe.error()));
  return std::make_unique<PostgresStore>(options, std::move(*write), std::move(*probe));
}

}  // namespace flyball::store
