// What the client is told of a write's outcome.
#pragma once

#include "pkg/base/clock.h"
#include "pkg/expr/expr.h"
#include "pkg/resource/answer.h"
#include "pkg/resource/model.h"

namespace flyball::resource::detail {

// An outcome other than kDone: 404, 409, 412, 422.
Answer NotWritten(const Model& model, const store::Written& written);

// 200 with the whole row and its ETag.
Answer ShowRow(const Model& model, const store::Row& row);
// 201 with Location too.
Answer ShowCreated(const Model& model, const store::Row& row);

// A row as rules see it.
class RowView final : public expr::Row {
 public:
  // Borrows both.
  RowView(const Model& model, const store::Row& row) : model_(model), row_(row) {}
  Value Field(std::string_view name) const override;

 private:
  const Model& model_;
  const store::Row& row_;
};

// Fills in what the server sets on a new row: id, createdAt, updatedAt, version 1.
void StampNew(const Model& model, store::Row& row, WallTime now);

}  // namespace flyball::resource::detail
