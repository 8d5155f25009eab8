#include "pkg/store/postgres/session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "pkg/base/check.h"
#include "pkg/base/time_format.h"

namespace flyball::store {
namespace {

constexpr milliseconds kGrace(1000);  // past the server's own limit, before it is taken for dead
constexpr int kOldest = 150000;

template <typename Number>
std::string Digits(Number number) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// What libpq wants of parameters: C strings, null for null. Texts are borrowed where they already are C strings.
class Parameters {
 public:
  explicit Parameters(const std::vector<Bound>& values) {
    kept_.reserve(values.size());
    for (const Bound& bound : values) Add(bound);
  }
  const char* const* data() const { return pointers_.data(); }
  int size() const { return static_cast<int>(pointers_.size()); }

 private:
  void Add(const Bound& bound) {
    if (const auto* text = std::get_if<std::string_view>(&bound)) return Keep(std::string(*text));
    if (const auto* number = std::get_if<int64_t>(&bound)) return Keep(Digits(*number));
    const Value& value = *std::get<const Value*>(bound);
    if (IsNull(value)) return pointers_.push_back(nullptr);
    if (const auto* text = std::get_if<std::string>(&value)) return pointers_.push_back(text->c_str());
    if (const auto* number = std::get_if<int64_t>(&value)) return Keep(Digits(*number));
    if (const auto* real = std::get_if<double>(&value)) return Keep(Digits(*real));
    Keep(std::get<bool>(value) ? "t" : "f");
  }
  void Keep(std::string text) {
    kept_.push_back(std::move(text));
    pointers_.push_back(kept_.back().c_str());
  }

  std::vector<std::string> kept_;
  std::vector<const char*> pointers_;
};

ErrorCode CodeOf(std::string_view state) {
  if (state == "57014") return ErrorCode::kTimeout;                                        // query_canceled
  if (state.starts_with("08") || state.starts_with("57")) return ErrorCode::kUnavailable;  // connection, shutdown
  if (state.starts_with("53") || state.starts_with("55")) return ErrorCode::kUnavailable;  // resources, locks
  if (state.starts_with("40")) return ErrorCode::kConflict;                                // deadlock
  if (state.starts_with("22") || state.starts_with("23")) return ErrorCode::kInvalid;      // data, constraints
  if (state.starts_with("25")) return ErrorCode::kUnavailable;                             // a standby takes no writes
  if (state.starts_with("XX")) return ErrorCode::kCorrupt;
  if (state.starts_with("58")) return ErrorCode::kUnavailable;
  return ErrorCode::kInternal;
}

std::string Trimmed(const char* message) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void Ignore(void*, const char*) {}

bool IsState(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(),
                                         [](unsigned char c) { return std::isdigit(c) != 0 || std::isupper(c) != 0; });
}

// "connection to server at ... failed: FATAL:  28P01: password authentication failed for user "ann"\nLOCATION: ..."
// gives state and reason of the last server that was tried; the severity's word is in the server's language. Without an
// SQLSTATE it was not the server that spoke: "connection to server ... failed: Connection refused\n<hint>".
Failure ReadRefusal(const char* text) {
  const std::string_view message = text;
  Failure failure{{ErrorCode::kUnavailable, ""}, "", "", "", true};
  for (size_t at = message.find(":  "); at != message.npos; at = message.find(":  ", at + 1)) {
    const std::string_view rest = message.substr(at + 3);
    if (rest.size() < 8 || !IsState(rest.substr(0, 5)) || rest.substr(5, 2) != ": ") continue;
    failure.state = rest.substr(0, 5);
    failure.error.message = rest.substr(7, rest.find('\n') - 7);
  }
  if (failure.state.empty()) {
    const size_t failed = message.rfind("failed: "), reason = failed == message.npos ? 0 : failed + 8;
    failure.error.message = message.substr(reason, message.find('\n', reason) - reason);
  }
  return failure;
}

// Whether asking again is of no use: user, password or host are not let in, or there is no such database.
bool IsRefusal(const std::string& state) {
  return state.starts_with("28") || state == "3D000" || state == "42501" || state == "08P01";
}

// "tasks at db.example:5432".
std::string Place(pg_conn* handle) {
  const auto text = [](const char* part) { return std::string(part == nullptr ? "" : part); };
  const std::string host = text(PQhost(handle)), port = text(PQport(handle));
  if (host.empty()) return text(PQdb(handle));
  return text(PQdb(handle)) + " at " + host + (port.empty() || host.front() == '/' ? "" : ":" + port);
}

}  // namespace

Result<void> CheckPostgresUrl(const std::string& url) {
  PQconninfoOption* parsed = PQconninfoParse(url.c_str(), nullptr);  // its own words would repeat parts of the text
  if (parsed == nullptr) {
    return Fail(ErrorCode::kInvalid,
                "is no URL that PostgreSQL's library understands; expected "
                "postgresql://user:password@host:5432/database, with %XX for what is special in user and password");
  }
  PQconninfoFree(parsed);
  return {};
}

Rows::Rows(pg_result* result) : result_(result) {}
void Rows::Free::operator()(pg_result* result) const { PQclear(result); }
int Rows::count() const { return PQntuples(result_.get()); }

int64_t Rows::changed() const {
  const std::string_view digits = PQcmdTuples(result_.get());
  int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string_view Rows::Text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}

void Rows::Read(int row, int column, ColumnType type, Value* value) const {
  if (PQgetisnull(result_.get(), row, column) != 0) {
    *value = std::monostate{};
    return;
  }
  const std::string_view text = Text(row, column);
  const char* const end = text.data() + text.size();
  switch (type) {
    case ColumnType::kText:
      if (auto* kept = std::get_if<std::string>(value)) {
        kept->assign(text);
      } else {
        value->emplace<std::string>(text);
      }
      return;
    case ColumnType::kInteger:
      std::from_chars(text.data(), end, value->emplace<int64_t>(0));
      return;
    case ColumnType::kReal:
      std::from_chars(text.data(), end, value->emplace<double>(0));
      return;
    case ColumnType::kBoolean:
      *value = text == "t";
      return;
  }
}

Row Rows::Read(const Table& table, int row) const {
  Row values(table.columns.size());
  for (size_t i = 0; i < values.size(); ++i) Read(row, static_cast<int>(i), table.columns[i].type, &values[i]);
  return values;
}

bool HasNoNul(const SqlText& sql) {
  return std::all_of(sql.values().begin(), sql.values().end(), [](const Bound& bound) {
    if (const auto* text = std::get_if<std::string_view>(&bound)) return text->find('\0') == text->npos;
    const auto* value = std::get_if<const Value*>(&bound);
    const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(*value);
    return text == nullptr || text->find('\0') == text->npos;
  });
}

Result<std::unique_ptr<Session>> Session::Open(const PostgresOptions& options, Mode mode) {
  std::unique_ptr<Session> session(new Session(options, mode));
  if (auto connected = session->Connect(); !connected) return Fail(std::move(connected.error()));
  return session;
}

Session::~Session() { Break(); }

Failure Session::Handshake() {
  const SteadyTime deadline = RealClock().Now() + options_.connect_limit;
  PQsetErrorVerbosity(handle_, PQERRORS_VERBOSE);  // the only way to a refusal's SQLSTATE
  while (PQstatus(handle_) != CONNECTION_BAD) {
    const auto state = PQconnectPoll(handle_);
    if (state == PGRES_POLLING_OK) {
      PQsetErrorVerbosity(handle_, PQERRORS_DEFAULT);
      return {};
    }
    if (state == PGRES_POLLING_FAILED) break;
    if (!Wait(state == PGRES_POLLING_WRITING, deadline)) {
      return {
          {ErrorCode::kUnavailable, "no answer within " + FormatDuration(options_.connect_limit)}, "", "", "", true};
    }
  }
  return ReadRefusal(PQerrorMessage(handle_));
}

Result<void> Session::Connect() {
  const char* const keys[] = {"dbname", "client_encoding", "fallback_application_name", nullptr};
  const char* const values[] = {options_.url.c_str(), "UTF8", "flyball", nullptr};
  handle_ = PQconnectStartParams(keys, values, 1);
  Check(handle_ != nullptr, "memory for a connection");
  if (Failure failure = Handshake(); !failure.error.message.empty()) {
    const bool refused = IsRefusal(failure.state) || PQconnectionNeedsPassword(handle_) == 1;
    std::string message = refused ? "the database " + Place(handle_) + " refuses user " + PQuser(handle_)
                                  : "cannot reach the database " + Place(handle_);
    message += ": " + failure.error.message;
    Break();
    return Fail(refused ? ErrorCode::kDenied : ErrorCode::kUnavailable, std::move(message));
  }
  if (PQserverVersion(handle_) < kOldest) {
    const int version = PQserverVersion(handle_) / 10000;
    Break();
    return Fail(ErrorCode::kInvalid,
                "the database is PostgreSQL " + std::to_string(version) + ", 15 or newer is needed");
  }
  PQsetNoticeProcessor(handle_, &Ignore, nullptr);
  PQsetnonblocking(handle_, 1);
  std::string settings = "SET statement_timeout = " + std::to_string(options_.statement_limit.count()) +
                         "; SET idle_in_transaction_session_timeout = '10s'";
  if (!options_.schema.empty()) settings += "; SET search_path = " + Quoted(options_.schema);
  if (mode_ == Mode::kRead) settings += "; SET default_transaction_read_only = on";
  if (auto set = RunOnce(settings); !set) return Fail(std::move(set.error().error));
  return {};
}

// What came while nobody asked: the server's last words, and then its end. Without looking, the next statement would be
// sent into the void, and whether it took effect would be unknown.
void Session::NoticeEnd() {
  for (int reads = 0; handle_ != nullptr && reads < 16; ++reads) {
    pollfd socket{PQsocket(handle_), POLLIN, 0};
    if (poll(&socket, 1, 0) <= 0) return;
    if (PQconsumeInput(handle_) == 0) return Break();
  }
}

Result<void> Session::Revive() {
  NoticeEnd();
  if (!broken()) return {};
  Break();
  return Connect();
}

bool Session::broken() const { return handle_ == nullptr || PQstatus(handle_) != CONNECTION_OK; }

void Session::Break() {
  if (handle_ != nullptr) PQfinish(handle_);
  handle_ = nullptr;
  by_text_.clear();
  cached_.clear();
}

SteadyTime Session::Deadline() const { return RealClock().Now() + options_.statement_limit + kGrace; }

Failure Session::Broken(bool late) const {
  if (late) return {{ErrorCode::kUnavailable, "the database does not answer"}, "", "", "", false};
  const std::string reason = handle_ == nullptr ? "" : ": " + Trimmed(PQerrorMessage(handle_));
  return {{ErrorCode::kUnavailable, "the connection to the database is lost" + reason}, "", "", "", false};
}

bool Session::Wait(bool for_writing, SteadyTime deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - RealClock().Now()).count();
  if (left <= 0) return false;
  pollfd socket{PQsocket(handle_), static_cast<short>(for_writing ? POLLIN | POLLOUT : POLLIN), 0};
  return poll(&socket, 1, static_cast<int>(left)) != 0;
}

// Reads while it writes, or both sides could wait for the other.
bool Session::Flush(SteadyTime deadline) {
  for (;;) {
    const int left = PQflush(handle_);
    if (left <= 0) return left == 0;
    if (!Wait(true, deadline) || PQconsumeInput(handle_) == 0) return false;
  }
}

pg_result* Session::Next(SteadyTime deadline, bool* late) {
  *late = false;
  while (PQisBusy(handle_) != 0) {
    if (!Wait(false, deadline)) {
      *late = true;
      return nullptr;
    }
    if (PQconsumeInput(handle_) == 0) break;
  }
  return PQgetResult(handle_);
}

Reply Session::Answer(pg_result* result) const {
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      return Rows(result);
    default:
      break;
  }
  const Rows owned(result);
  const auto field = [&](int which) {
    const char* text = PQresultErrorField(result, which);
    return std::string(text == nullptr ? "" : text);
  };
  Failure failure;
  failure.state = field(PG_DIAG_SQLSTATE);
  failure.constraint = field(PG_DIAG_CONSTRAINT_NAME);
  failure.table = field(PG_DIAG_TABLE_NAME);
  failure.error.code = failure.state.empty() ? ErrorCode::kUnavailable : CodeOf(failure.state);
  const std::string primary = field(PG_DIAG_MESSAGE_PRIMARY);
  failure.error.message = "the database says: " + (primary.empty() ? Trimmed(PQresultErrorMessage(result)) : primary);
  return tl::unexpected(std::move(failure));
}

// Collects what one statement that was `sent` answers.
Reply Session::Finish(bool sent) {
  const SteadyTime deadline = Deadline();
  bool late = false;
  Failure lost = Broken(false);
  lost.lost = true;
  if (!sent || !Flush(deadline)) return tl::unexpected(lost);
  Reply reply = tl::unexpected(lost);
  while (pg_result* result = Next(deadline, &late)) reply = Answer(result);
  if (!late) {
    if (!reply && broken()) reply.error().lost = true;
    return reply;
  }
  Failure failure = Broken(true);
  failure.lost = true;
  Break();
  return tl::unexpected(failure);
}

tl::expected<std::string, Failure> Session::Prepare(const std::string& text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    cached_.splice(cached_.begin(), cached_, found->second);
    return found->second->name;
  }
  const std::string name = "s" + std::to_string(++prepared_count_);
  auto prepared = Finish(PQsendPrepare(handle_, name.c_str(), text.c_str(), 0, nullptr) == 1);
  if (!prepared) return tl::unexpected(std::move(prepared.error()));
  cached_.push_front({text, name});
  by_text_.emplace(cached_.front().text, cached_.begin());
  return name;
}

bool Session::Send(const std::string& name, const SqlText& sql) {
  const Parameters parameters(sql.values());
  return PQsendQueryPrepared(handle_, name.c_str(), parameters.size(), parameters.data(), nullptr, nullptr, 0) == 1;
}

Reply Session::Run(const SqlText& sql) {
  if (!HasNoNul(sql))
    return tl::unexpected(Failure{{ErrorCode::kInvalid, "text may not hold U+0000"}, "", "", "", false});
  if (auto alive = Revive(); !alive) return tl::unexpected(Failure{std::move(alive.error()), "", "", "", false});
  Shrink(1);
  auto name = Prepare(sql.text());
  if (!name) return tl::unexpected(std::move(name.error()));
  return Finish(Send(*name, sql));
}

Reply Session::RunOnce(const std::string& text) {
  if (handle_ == nullptr) return tl::unexpected(Broken(false));
  return Finish(PQsendQuery(handle_, text.c_str()) == 1);
}

// Forgets the least recently used statements until `coming` more fit.
void Session::Shrink(size_t coming) {
  while (!cached_.empty() && cached_.size() + coming > options_.cached_statements) {
    const std::string name = cached_.back().name;
    by_text_.erase(cached_.back().text);
    cached_.pop_back();
    if (!RunOnce("DEALLOCATE " + name)) return;
  }
}

std::vector<Reply> Session::RunInTransaction(const std::vector<const SqlText*>& statements) {
  std::vector<Reply> replies;
  const auto fail_all = [&](const Failure& failure) {
    replies.clear();
    for (size_t i = 0; i < statements.size(); ++i) replies.emplace_back(tl::unexpected(failure));
    return std::move(replies);
  };
  if (auto alive = Revive(); !alive) return fail_all({alive.error(), "", "", "", false});
  Shrink(std::min(statements.size(), options_.cached_statements));
  std::vector<std::string> names;
  for (const SqlText* sql : statements) {
    auto name = Prepare(sql->text());
    if (!name) return fail_all(name.error());
    names.push_back(std::move(*name));
  }
  const SteadyTime deadline = Deadline() + options_.statement_limit;
  bool sent = PQenterPipelineMode(handle_) == 1 &&
              PQsendQueryParams(handle_, "BEGIN", 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
  for (size_t i = 0; sent && i < statements.size(); ++i) sent = Send(names[i], *statements[i]);
  sent = sent && PQpipelineSync(handle_) == 1 && Flush(deadline);
  std::optional<Failure> first;
  for (size_t i = 0; sent && i <= statements.size(); ++i) {
    bool late = false;
    pg_result* result = Next(deadline, &late);
    if (result == nullptr) break;
    const bool aborted = PQresultStatus(result) == PGRES_PIPELINE_ABORTED;
    Reply reply = Answer(result);
    if (pg_result* end = Next(deadline, &late)) PQclear(end);  // each statement's answers end with a null
    if (!reply && !aborted && !first) first = reply.error();
    if (i == 0) continue;  // BEGIN
    if (!reply && first) {
      replies.emplace_back(tl::unexpected(*first));
    } else {
      replies.push_back(std::move(reply));
    }
  }
  if (replies.size() == statements.size()) {
    bool late = false;
    PQclear(Next(deadline, &late));  // the sync
    if (PQexitPipelineMode(handle_) == 1) return replies;
  }
  const Failure failure = Broken(false);
  Break();
  return fail_all(failure);
}

}  // namespace flyball::store
