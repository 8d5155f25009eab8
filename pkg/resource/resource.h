// What can be done with one resource of an app.
//
// Who may: a rule that no row can satisfy for the one who asks closes the action - 401 for anonymous, 403 for a role.
// A row the read rule hides answers 404, word for word as one that does not exist; one that can be read but not changed
// answers 403. Order of judgement: closed action, query and the syntax of conditions (400), JSON (400), validation
// (422, 403), row (404, 403), preconditions (412), the store's constraints (409, 422); but a precondition that does not
// hold is said before anything about the body (RFC 9110 section 13.2.1).
#pragma once

#include <span>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/expr/expr.h"
#include "pkg/resource/answer.h"
#include "pkg/resource/list_query.h"
#include "pkg/resource/model.h"
#include "pkg/store/store.h"

namespace flyball::resource {

// With what an operation works; borrowed for the call only, but for the store.
struct Context {
  const expr::Auth& auth;
  store::Reader& reader;
  store::Store& store;  // must outlive the completion of what was submitted
  WallTime now;
};

struct ReadInput {
  std::span<const QueryPair> query;
  std::string_view if_none_match = {};  // header values; empty = absent
  std::string_view if_match = {};
};

struct WriteInput {
  std::string_view body;
  std::span<const QueryPair> query;
  std::string_view if_match;  // header values; empty = absent
  std::string_view if_none_match;
};

// Immutable and thread-safe; must outlive the completion of its writes. Reads answer at once. Writes read the row where
// they must, submit, and answer from the store's writer thread; refusals answer before the call returns.
//
// PUT and PATCH without If-Match set columns under the update rule in one statement and need no version: what one
// client changes never undoes what another changed beside it. A body that names `version` or `updatedAt` as it was read
// is taken at its word, as If-Match. PUT does not create, so with If-None-Match: * it answers 412 or 404. A POST is
// judged by its target, the collection: it exists and has no ETag.
class Resource {
 public:
  // Borrows both, which must outlive it.
  Resource(const spec::App& app, const spec::Resource& resource) : model_(app, resource) {}

  const Model& model() const { return model_; }

  // 200 {"data":[...],"page":{"limit":20,"page":1,"hasMore":false,"total":7}} with Link; total when asked for.
  Answer List(const Context& context, const ReadInput& input) const;
  // 200 with ETag, 304, 404.
  Answer Get(const Context& context, std::string_view id, const ReadInput& input) const;

  // 201 with Location and ETag.
  void Create(const Context& context, const WriteInput& input, Done done) const;
  // 200 with ETag.
  void Replace(const Context& context, std::string_view id, const WriteInput& input, Done done) const;
  void Patch(const Context& context, std::string_view id, const WriteInput& input, Done done) const;
  // 204. The body is not looked at.
  void Delete(const Context& context, std::string_view id, const WriteInput& input, Done done) const;

 private:
  enum class Change { kReplace, kPatch };
  void Update(const Context& context, std::string_view id, const WriteInput& input, Change change, Done done) const;

  Model model_;
};

}  // namespace flyball::resource
