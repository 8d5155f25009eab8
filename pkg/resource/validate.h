// From a body's members to the values of a row. Every problem is found at once.
//
// Values as they are stored: texts at most as long as declared (code points), without U+0000; date-times in UTC with
// milliseconds; unique e-mail addresses in lower case; whole numbers within +-(2^53 - 1), which every JSON reader
// keeps; -0 as 0.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/expr/expr.h"
#include "pkg/resource/answer.h"
#include "pkg/resource/json_body.h"
#include "pkg/resource/model.h"

namespace flyball::resource {

inline constexpr int64_t kMaxExactInteger = (int64_t{1} << 53) - 1;

// Collects what is wrong, all of it. Keeps kMaxErrors and counts the rest.
class Findings {
 public:
  // 422: the value is wrong.
  void Wrong(std::string pointer, std::string code, std::string message);
  // 403: the client may not set it.
  void Forbidden(std::string pointer, std::string code, std::string message);

  bool ok() const { return status_ == 200; }
  // 422 when any value is wrong, 403 when values were only forbidden; with all errors. Empties it.
  Answer Take();

 private:
  void Add(std::string pointer, std::string code, std::string message);

  int status_ = 200;
  size_t more_ = 0;
  std::vector<FieldError> errors_;
};

// "/" + name, escaped (RFC 6901 section 3); an absurdly long name is cut.
std::string Pointer(std::string_view name);

// One value against its field. On success `value` holds what is stored. Null is right only for a nullable field.
bool ReadValue(const Model::Column& column, const JsonValue& json, Value& value, Findings& findings);

// The same for a filter's or a seed's text: only the type is judged, not the bounds. kInvalid says what would be right.
Result<Value> ParseText(const Model::Column& column, std::string_view text);

// A body as assignments. `column` is unique in it.
struct Assignment {
  int column = 0;
  Value value;
};

// The whole new row for create: defaults, initial rules (evaluated with `auth`), required. `accepted` are names that
// are no fields but are somebody else's to read ("password"). id, createdAt, updatedAt, version, passwordHash and role
// are left null.
store::Row NewRow(const Model& model, std::span<const JsonMember> body, const expr::Auth& auth,
                  std::span<const std::string_view> accepted, Findings& findings);

// What PUT sets: every field, but those that were there and may not be changed or cannot be seen. What the client may
// not change (immutable, initial, implicit) is returned in `claims`: right only when equal to what the row holds.
void ReadReplacement(const Model& model, std::span<const JsonMember> body, std::vector<Assignment>& changes,
                     std::vector<Assignment>& claims, Findings& findings);

// The same for a merge patch (RFC 7396): null removes, that is, sets the default, or null where there is none.
void ReadPatch(const Model& model, std::span<const JsonMember> body, std::vector<Assignment>& changes,
               std::vector<Assignment>& claims, Findings& findings);

// Compares claims with the row; a difference is Forbidden.
void CheckClaims(const Model& model, const std::vector<Assignment>& claims, const store::Row& row, Findings& findings);

}  // namespace flyball::resource
