#include "pkg/resource/detail/written.h"

#include "pkg/base/ids.h"
#include "pkg/base/time_format.h"
#include "pkg/resource/encode.h"
#include "pkg/resource/validate.h"

namespace flyball::resource::detail {
namespace {

constexpr size_t kBodyReserve = 512;

const Value& At(const store::Row& row, int column) { return row[static_cast<size_t>(column)]; }
Value& At(store::Row& row, int column) { return row[static_cast<size_t>(column)]; }

}  // namespace

Answer NotWritten(const Model& model, const store::Written& written) {
  using Outcome = store::Written::Outcome;
  switch (written.outcome) {
    case Outcome::kVersionMismatch:
      return Refuse(412, "the row has changed since it was read; read it again");
    case Outcome::kNotUnique:
      return Refuse(409, "another row of " + model.table().name + " has this " + written.column,
                    {{Pointer(written.column), "not-unique", "must be unique, and is taken"}});
    case Outcome::kBadReference: {
      const int column = model.table().Find(written.column);
      const std::string to =
          column < 0 ? "a row" : "the id of a row of " + model.table().columns[static_cast<size_t>(column)].references;
      return Refuse(422, "the body does not fit",
                    {{Pointer(written.column), "bad-reference", "must be " + to + " that exists"}});
    }
    case Outcome::kReferenced:
      return Refuse(409, "rows of " + written.table + " refer to this one; delete or change them first");
    case Outcome::kDone:
    case Outcome::kNotFound:
      break;
  }
  return NotFound();
}

Answer ShowRow(const Model& model, const store::Row& row) {
  Answer answer;
  answer.body.reserve(kBodyReserve);
  AppendWholeRow(answer.body, model, row);
  answer.etag = EntityTag(model, std::get<int64_t>(At(row, model.version())));
  return answer;
}

Answer ShowCreated(const Model& model, const store::Row& row) {
  Answer answer = ShowRow(model, row);
  answer.status = 201;
  answer.location = model.path() + "/" + std::get<std::string>(row[0]);
  return answer;
}

Value RowView::Field(std::string_view name) const {
  const int column = model_.Find(name);
  return column < 0 ? Value() : At(row_, column);
}

void StampNew(const Model& model, store::Row& row, WallTime now) {
  row[0] = NewUuidV7(now);
  At(row, model.created_at()) = FormatRfc3339(now);
  At(row, model.updated_at()) = At(row, model.created_at());
  At(row, model.version()) = int64_t{1};
}

}  // namespace flyball::resource::detail
