// Rows as JSON, written straight into a string.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "pkg/base/value.h"
#include "pkg/resource/model.h"

namespace flyball::resource {

// Appends {"id":...}. row[i] is the value of columns[i]; none of the columns is hidden.
void AppendRow(std::string& out, const Model& model, std::span<const int> columns, const store::Row& row);
// The same for a whole row of the table, showing what is visible.
void AppendWholeRow(std::string& out, const Model& model, const store::Row& row);

// "\"3\"" for version 3. With `columns` fewer than all visible ones the tag tells them apart: "\"3-9f0c11d2\"".
std::string EntityTag(const Model& model, int64_t version, std::span<const int> columns = {});

}  // namespace flyball::resource
