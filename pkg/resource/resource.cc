#include "pkg/resource/resource.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "pkg/base/json_writer.h"
#include "pkg/base/time_format.h"
#include "pkg/base/utf8.h"
#include "pkg/resource/detail/written.h"
#include "pkg/resource/encode.h"
#include "pkg/resource/json_body.h"
#include "pkg/resource/precondition.h"
#include "pkg/resource/validate.h"

namespace flyball::resource {
namespace {

using detail::RowView;

constexpr size_t kMaxIdBytes = 128;
constexpr size_t kRowReserve = 256;

bool CanBeId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes && id.find('\0') == std::string_view::npos &&
         FirstInvalidUtf8(id) == id.size();
}

// Whether no row at all could satisfy the rule for the one who asks.
bool IsClosed(const expr::Rule& rule, const expr::Auth& auth) {
  if (rule.row_free()) return !expr::Allows(rule, auth, nullptr);
  return expr::ToSql(rule, auth, expr::Dialect::kSqlite).never;
}

Answer Closed(const expr::Auth& auth) {
  return IsNull(auth.id) ? SignInFirst() : Refuse(403, "this is not open to the role you have");
}

Answer BadQuery(std::vector<FieldError> errors) { return Refuse(400, "the query is not right", std::move(errors)); }

int64_t VersionOf(const Model& model, const store::Row& row) {
  return std::get<int64_t>(row[static_cast<size_t>(model.version())]);
}

// Of a row to be changed: whether it may be, seen by the rule of the change and by the rule of reading.
enum class Standing { kMayChange, kMayRead, kHidden };
Standing Judge(const Model& model, const expr::Rule& rule, const expr::Auth& auth, const store::Row& row) {
  const RowView view(model, row);
  if (expr::Allows(rule, auth, &view)) return Standing::kMayChange;
  return expr::Allows(model.spec().access.read, auth, &view) ? Standing::kMayRead : Standing::kHidden;
}

// What a change or removal is conditional on, and the row when it had to be read.
struct Target {
  std::optional<store::Row> row;
  std::optional<int64_t> if_version;
};

// Reads the row and judges rule and preconditions. False with the refusal.
bool ReadTarget(const Model& model, const expr::Rule& rule, const Context& context, std::string_view id,
                const Preconditions& preconditions, Target& target, Answer& refusal) {
  auto row = context.reader.Get(model.table(), id, store::Guard{});
  if (!row) {
    refusal = StoreFailed(row.error());
    return false;
  }
  const Standing standing = *row ? Judge(model, rule, context.auth, **row) : Standing::kHidden;
  if (standing == Standing::kHidden) {
    refusal = NotFound();
    return false;
  }
  if (standing == Standing::kMayRead) {
    refusal = Refuse(403, "this row can be read, but not changed, with the role you have");
    return false;
  }
  target.row = std::move(**row);
  const int64_t version = VersionOf(model, *target.row);
  if (!preconditions.Hold(version)) {
    refusal = Refuse(412, preconditions.WhyNot(version));
    return false;
  }
  const EntityTags& match = preconditions.match;
  if ((match.present && !match.any) || preconditions.none_match.present) target.if_version = version;
  return true;
}

// Whether rule and preconditions can be judged by the store alone, in the statement that writes.
bool StoreCanJudge(const Model& model, const expr::Rule& rule, const Preconditions& preconditions) {
  const EntityTags& match = preconditions.match;
  const bool same_rule = rule.text() == model.spec().access.read.text();
  return same_rule && !preconditions.none_match.present && (!match.present || match.any || match.versions.size() == 1);
}

// What is said of a body that does not fit: that, unless a precondition fails, which comes before the body.
Answer BodyRefused(const Model& model, const expr::Rule& rule, const Context& context, std::string_view id,
                   const Preconditions& preconditions, Answer why) {
  if (!preconditions.present()) return why;
  Target target;
  Answer refusal;
  if (!ReadTarget(model, rule, context, id, preconditions, target, refusal) && refusal.status == 412) return refusal;
  return why;
}

// Refuses what no change may have: a closed action, parameters, an id that cannot exist.
bool MayBegin(const expr::Rule& rule, const Context& context, const std::string_view* id, const WriteInput& input,
              Answer& refusal) {
  if (IsClosed(rule, context.auth)) {
    refusal = Closed(context.auth);
    return false;
  }
  std::vector<FieldError> errors;
  RefuseQuery(input.query, errors);
  if (!errors.empty()) {
    refusal = BadQuery(std::move(errors));
    return false;
  }
  if (id != nullptr && !CanBeId(*id)) {
    refusal = NotFound();
    return false;
  }
  return true;
}

store::WriteDone Finish(const Model& model, Done done, Answer (*show)(const Model&, const store::Row&)) {
  return [&model, done = std::move(done), show](Result<store::Written> written) {
    if (!written) return done(StoreFailed(written.error()));
    if (written->outcome != store::Written::Outcome::kDone) return done(detail::NotWritten(model, *written));
    done(show(model, written->row));
  };
}

Answer ShowNothing(const Model&, const store::Row&) {
  Answer answer;
  answer.status = 204;
  return answer;
}

// A body that repeats the version or time it was read with stands for that version.
bool NamesVersion(const Model& model, const std::vector<Assignment>& claims) {
  for (const Assignment& claim : claims) {
    if (claim.column == model.version() || claim.column == model.updated_at()) return true;
  }
  return false;
}

}  // namespace

Answer Resource::List(const Context& context, const ReadInput& input) const {
  const expr::Rule& rule = model_.spec().access.list;
  const bool early = rule.row_free() || IsNull(context.auth.id);
  if (early && IsClosed(rule, context.auth)) return Closed(context.auth);
  std::vector<FieldError> errors;
  ListQuery asked = ReadListQuery(model_, input.query, errors);
  if (!errors.empty()) return BadQuery(std::move(errors));
  if (!input.if_match.empty()) {
    const auto preconditions = ReadPreconditions(input.if_match, {});
    if (!preconditions) return Refuse(400, preconditions.error().message);
    if (!preconditions->match.any) return Refuse(412, "a collection has no ETag, so If-Match cannot name it");
  }

  store::Query query;
  query.table = &model_.table();
  query.columns = asked.columns;
  query.where = std::move(asked.where);
  query.guard = {&rule, context.auth};
  query.order = std::move(asked.order);
  query.limit = asked.limit + 1;
  query.offset = (asked.page - 1) * asked.limit;

  Answer answer;
  std::string& out = answer.body;
  out.reserve(kRowReserve * static_cast<size_t>(std::min<int64_t>(asked.limit, 32)));
  out += "{\"data\":[";
  int64_t rows = 0;
  const auto listed = context.reader.List(query, [&](const store::Row& row) {
    if (++rows > asked.limit) return;
    if (rows > 1) out.push_back(',');
    AppendRow(out, model_, asked.columns, row);
  });
  if (!listed) return StoreFailed(listed.error());
  if (rows == 0 && !early && IsClosed(rule, context.auth)) return Closed(context.auth);
  out.push_back(']');

  const bool has_more = rows > asked.limit;
  out += ",\"page\":";
  JsonWriter page(out);
  page.BeginObject();
  page.Key("limit"), page.Value(asked.limit);
  page.Key("page"), page.Value(asked.page);
  page.Key("hasMore"), page.Value(has_more);
  if (asked.total) {
    const auto total = context.reader.Count(query);
    if (!total) return StoreFailed(total.error());
    page.Key("total"), page.Value(*total);
  }
  page.EndObject();
  out.push_back('}');
  answer.link = PageLinks(model_, input.query, asked.page, has_more);
  return answer;
}

Answer Resource::Get(const Context& context, std::string_view id, const ReadInput& input) const {
  const expr::Rule& rule = model_.spec().access.read;
  if (rule.row_free() && IsClosed(rule, context.auth)) return Closed(context.auth);
  std::vector<FieldError> errors;
  const bool whole = input.query.empty();
  const std::vector<int> columns = whole ? std::vector<int>() : ReadFieldsQuery(model_, input.query, errors);
  if (!errors.empty()) return BadQuery(std::move(errors));

  std::optional<store::Row> row;
  if (CanBeId(id)) {
    // Judged here rather than in the statement: one statement serves every rule and everybody.
    auto got = context.reader.Get(model_.table(), id, store::Guard{});
    if (!got) return StoreFailed(got.error());
    row = std::move(*got);
  }
  if (row) {
    const RowView view(model_, *row);
    if (!expr::Allows(rule, context.auth, &view)) row.reset();
  }
  if (!row) return IsClosed(rule, context.auth) ? Closed(context.auth) : NotFound();

  Answer answer;
  const int64_t version = VersionOf(model_, *row);
  if (!input.if_match.empty()) {  // judged before If-None-Match and Range (RFC 9110 section 13.2.2)
    const auto preconditions = ReadPreconditions(input.if_match, {});
    if (!preconditions) return Refuse(400, preconditions.error().message);
    if (!preconditions->Hold(version)) return Refuse(412, preconditions->WhyNot(version));
  }
  answer.etag = EntityTag(model_, version, columns);
  if (!input.if_none_match.empty() && NoneMatchHits(input.if_none_match, answer.etag)) {
    answer.status = 304;
    return answer;
  }
  answer.body.reserve(kRowReserve);
  if (whole) {
    AppendWholeRow(answer.body, model_, *row);
  } else {
    store::Row chosen;
    for (const int column : columns) chosen.push_back(std::move((*row)[static_cast<size_t>(column)]));
    AppendRow(answer.body, model_, columns, chosen);
  }
  return answer;
}

void Resource::Create(const Context& context, const WriteInput& input, Done done) const {
  const expr::Rule& rule = model_.spec().access.create;
  Answer refusal;
  if (!MayBegin(rule, context, nullptr, input, refusal)) return done(std::move(refusal));
  const auto preconditions = ReadPreconditions(input.if_match, input.if_none_match);
  if (!preconditions) return done(Refuse(400, preconditions.error().message));
  if (preconditions->match.present && !preconditions->match.any) {
    return done(Refuse(412, "a collection has no ETag, so If-Match cannot name it"));
  }
  if (preconditions->none_match.any) {
    return done(Refuse(412, "the collection exists, and If-None-Match: * asks that it does not"));
  }
  const auto body = ReadJsonObject(input.body);
  if (!body) return done(Refuse(400, body.error().message));
  Findings findings;
  store::Write write;
  write.row = NewRow(model_, *body, context.auth, {}, findings);
  if (!findings.ok()) return done(findings.Take());
  detail::StampNew(model_, write.row, context.now);
  if (model_.accounts()) {
    for (const spec::Role& role : model_.app().auth.roles) {
      if (role.signup) write.row[static_cast<size_t>(model_.role())] = role.name;
    }
  }
  const RowView view(model_, write.row);
  if (!rule.row_free() && !expr::Allows(rule, context.auth, &view)) {
    return done(IsNull(context.auth.id)
                    ? SignInFirst()
                    : Refuse(403, "a row with these values may not be created with the role you have"));
  }
  write.kind = store::Write::Kind::kInsert;
  write.table = &model_.table();
  context.store.Submit(std::move(write), Finish(model_, std::move(done), detail::ShowCreated));
}

void Resource::Replace(const Context& context, std::string_view id, const WriteInput& input, Done done) const {
  Update(context, id, input, Change::kReplace, std::move(done));
}

void Resource::Patch(const Context& context, std::string_view id, const WriteInput& input, Done done) const {
  Update(context, id, input, Change::kPatch, std::move(done));
}

void Resource::Update(const Context& context, std::string_view id, const WriteInput& input, Change change,
                      Done done) const {
  const expr::Rule& rule = model_.spec().access.update;
  Answer refusal;
  if (!MayBegin(rule, context, &id, input, refusal)) return done(std::move(refusal));
  const auto preconditions = ReadPreconditions(input.if_match, input.if_none_match);
  if (!preconditions) return done(Refuse(400, preconditions.error().message));
  const auto refuse_body = [&](Answer why) {
    done(BodyRefused(model_, rule, context, id, *preconditions, std::move(why)));
  };
  const auto body = ReadJsonObject(input.body);
  if (!body) return refuse_body(Refuse(400, body.error().message));
  std::vector<Assignment> changes, claims;
  Findings findings;
  (change == Change::kReplace ? ReadReplacement : ReadPatch)(model_, *body, changes, claims, findings);
  if (!findings.ok()) return refuse_body(findings.Take());

  Target target;
  if (claims.empty() && !changes.empty() && StoreCanJudge(model_, rule, *preconditions)) {
    const auto& versions = preconditions->match.versions;
    if (!versions.empty()) target.if_version = versions.front();
  } else {
    if (!ReadTarget(model_, rule, context, id, *preconditions, target, refusal)) return done(std::move(refusal));
    CheckClaims(model_, claims, *target.row, findings);
    if (!findings.ok()) return done(findings.Take());
    if (changes.empty()) return done(detail::ShowRow(model_, *target.row));
    if (NamesVersion(model_, claims)) target.if_version = VersionOf(model_, *target.row);
  }

  store::Write write;
  write.kind = store::Write::Kind::kUpdate;
  write.table = &model_.table();
  write.id = id;
  write.changes.reserve(changes.size() + 1);
  for (Assignment& assignment : changes) write.changes.emplace_back(assignment.column, std::move(assignment.value));
  write.changes.emplace_back(model_.updated_at(), FormatRfc3339(context.now));
  write.guard = {&rule, context.auth};
  write.if_version = target.if_version;
  context.store.Submit(std::move(write), Finish(model_, std::move(done), detail::ShowRow));
}

void Resource::Delete(const Context& context, std::string_view id, const WriteInput& input, Done done) const {
  const expr::Rule& rule = model_.spec().access.remove;
  Answer refusal;
  if (!MayBegin(rule, context, &id, input, refusal)) return done(std::move(refusal));
  const auto preconditions = ReadPreconditions(input.if_match, input.if_none_match);
  if (!preconditions) return done(Refuse(400, preconditions.error().message));
  Target target;
  if (StoreCanJudge(model_, rule, *preconditions)) {
    const auto& versions = preconditions->match.versions;
    if (!versions.empty()) target.if_version = versions.front();
  } else if (!ReadTarget(model_, rule, context, id, *preconditions, target, refusal)) {
    return done(std::move(refusal));
  }
  store::Write write;
  write.kind = store::Write::Kind::kDelete;
  write.table = &model_.table();
  write.id = id;
  write.guard = {&rule, context.auth};
  write.if_version = target.if_version;
  context.store.Submit(std::move(write), Finish(model_, std::move(done), ShowNothing));
}

}  // namespace flyball::resource
