// Any bytes as a rule: problems or a rule, and a rule evaluates and becomes SQL that agrees with itself.
#include <cstddef>
#include <cstdint>

#include "pkg/base/check.h"
#include "pkg/expr/expr.h"

namespace {

class EmptyRow final : public flyball::expr::Row {
 public:
  flyball::Value Field(std::string_view) const override { return {}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace flyball::expr;
  static const Schema kSchema = {{"id", Type::kString},
                                 {"title", Type::kString},
                                 {"createdBy", Type::kString},
                                 {"done", Type::kBool},
                                 {"points", Type::kInt},
                                 {"score", Type::kDouble},
                                 {"due", Type::kTimestamp},
                                 {"status", Type::kString, {"pending", "completed"}},
                                 {"auth.role", Type::kString, {"user", "admin"}}};
  const Compiled compiled = Compile({reinterpret_cast<const char*>(bytes), size}, kSchema, Type::kBool);
  if (!compiled.ok()) return 0;
  const EmptyRow row;
  for (const Auth& auth : {Auth{}, Auth{std::string("ada"), std::string("user")}}) {
    const bool allowed = Allows(compiled.rule, auth, &row);
    for (const Dialect dialect : {Dialect::kSqlite, Dialect::kPostgres}) {
      const Sql sql = ToSql(compiled.rule, auth, dialect);
      flyball::Check(!sql.text.empty(), "a condition is never empty");
      flyball::Check(!sql.always || allowed, "what is always true allows every row");
      flyball::Check(!sql.never || !allowed, "what is never true allows no row");
    }
  }
  return 0;
}
