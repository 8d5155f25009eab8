#include "pkg/resource/validate.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pkg/base/nearest.h"
#include "pkg/base/time_format.h"
#include "pkg/base/utf8.h"
#include "pkg/spec/format.h"

namespace flyball::resource {
namespace {

using Kind = Model::Kind;

constexpr char kExactRange[] = "must be a whole number from -9007199254740991 to 9007199254740991";

// "a string", ... as the field's type wants it on the wire.
std::string_view Wanted(spec::FieldType type) {
  switch (type) {
    case spec::FieldType::kInteger:
      return "a whole number";
    case spec::FieldType::kNumber:
      return "a number";
    case spec::FieldType::kBoolean:
      return "true or false";
    case spec::FieldType::kDateTime:
      return "a string such as '2026-02-28T09:30:00Z'";
    case spec::FieldType::kDate:
      return "a string such as '2026-02-28'";
    case spec::FieldType::kString:
      break;
  }
  return "a string";
}

// Names for programs of what spec::WhyRefused says for people.
std::string_view RefusalCode(const spec::Field& field, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (!field.enum_values.empty()) return "not-in-enum";
    const auto length = static_cast<int64_t>(CountCodePoints(*text));
    if (field.min_length && length < *field.min_length) return "too-short";
    if (field.max_length && length > *field.max_length) return "too-long";
    return text->find('\0') != std::string::npos ? "nul" : "format";
  }
  const auto* integer = std::get_if<int64_t>(&value);
  const double number = integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value);
  const bool small =
      (field.minimum && number < *field.minimum) || (field.exclusive_minimum && number <= *field.exclusive_minimum);
  return small ? "too-small" : "too-large";
}

enum class Typed { kGood, kWrongType, kOutOfRange };

bool IsExact(int64_t number) { return number >= -kMaxExactInteger && number <= kMaxExactInteger; }

Typed ToInteger(const JsonValue& json, Value& value) {
  if (std::holds_alternative<uint64_t>(json)) return Typed::kOutOfRange;
  if (const auto* integer = std::get_if<int64_t>(&json)) {
    value = *integer;
    return IsExact(*integer) ? Typed::kGood : Typed::kOutOfRange;
  }
  const auto* number = std::get_if<double>(&json);
  if (number == nullptr || std::trunc(*number) != *number) return Typed::kWrongType;
  if (std::abs(*number) > static_cast<double>(kMaxExactInteger)) return Typed::kOutOfRange;
  value = static_cast<int64_t>(*number);
  return Typed::kGood;
}

Typed ToNumber(const JsonValue& json, Value& value) {
  if (std::holds_alternative<uint64_t>(json)) return Typed::kOutOfRange;
  if (const auto* integer = std::get_if<int64_t>(&json)) {
    value = static_cast<double>(*integer);
    return IsExact(*integer) ? Typed::kGood : Typed::kOutOfRange;
  }
  const auto* number = std::get_if<double>(&json);
  if (number == nullptr) return Typed::kWrongType;
  value = *number == 0 ? 0.0 : *number;
  return Typed::kGood;
}

Typed ToTyped(const spec::Field& field, const JsonValue& json, Value& value) {
  if (field.type == spec::FieldType::kInteger) return ToInteger(json, value);
  if (field.type == spec::FieldType::kNumber) return ToNumber(json, value);
  if (field.type == spec::FieldType::kBoolean) {
    const auto* truth = std::get_if<bool>(&json);
    if (truth == nullptr) return Typed::kWrongType;
    value = *truth;
    return Typed::kGood;
  }
  const auto* text = std::get_if<std::string_view>(&json);
  if (text == nullptr) return Typed::kWrongType;
  value = std::string(*text);
  return Typed::kGood;
}

// Null, default or neither, for a field that is absent or removed. False when it must be there.
bool Absent(const spec::Field& field, Value& value) {
  if (field.default_value) {
    value = *field.default_value;
    const auto* integer = std::get_if<int64_t>(&value);
    if (integer != nullptr && field.type == spec::FieldType::kNumber) value = static_cast<double>(*integer);
    return true;
  }
  value = Value();
  return field.nullable;
}

void Unknown(const Model& model, std::string_view name, Findings& findings) {
  std::vector<std::string_view> names;
  for (const Model::Column& column : model.columns()) {
    if (column.kind == Kind::kField) names.push_back(column.field->name);
  }
  const std::string_view near = Nearest(name, names);
  std::string message = "there is no field '" + Excerpt(name) + "'";
  if (!near.empty()) message += "; did you mean '" + std::string(near) + "'?";
  findings.Wrong(Pointer(name), "unknown", std::move(message));
}

void SetByServer(std::string_view name, Findings& findings) {
  findings.Forbidden(Pointer(name), "read-only", "is set by the server; leave it out");
}

bool MayNotChange(const spec::Field& field) { return field.immutable || field.initial.has_value(); }

// What the body says about one member of an update: a change, a claim or a finding.
class UpdateReader {
 public:
  UpdateReader(const Model& model, bool patch, std::vector<Assignment>& changes, std::vector<Assignment>& claims,
               Findings& findings)
      : model_(model),
        patch_(patch),
        changes_(changes),
        claims_(claims),
        findings_(findings),
        named_(model.columns().size(), false) {}

  void Read(const JsonMember& member) {
    const int index = model_.Find(member.name);
    if (index < 0) return Unknown(model_, member.name, findings_);
    const Model::Column& column = model_.columns()[static_cast<size_t>(index)];
    named_[static_cast<size_t>(index)] = true;
    switch (column.kind) {
      case Kind::kPasswordHash:
        return Unknown(model_, member.name, findings_);
      case Kind::kRole:
        return SetByServer(member.name, findings_);
      case Kind::kField:
        return ReadField(index, column, member);
      case Kind::kId:
      case Kind::kCreatedAt:
      case Kind::kUpdatedAt:
      case Kind::kVersion:
        return ReadImplicit(index, column, member);
    }
  }

  bool named(int column) const { return named_[static_cast<size_t>(column)]; }

 private:
  void ReadField(int index, const Model::Column& column, const JsonMember& member) {
    const spec::Field& field = *column.field;
    Value value;
    const bool removed = patch_ && std::holds_alternative<std::monostate>(member.value) && !MayNotChange(field);
    if (removed) {
      if (!Absent(field, value)) {
        return findings_.Wrong(Pointer(field.name), "required", "is required and cannot be removed");
      }
    } else if (!ReadValue(column, member.value, value, findings_)) {
      return;
    }
    (MayNotChange(field) ? claims_ : changes_).push_back({index, std::move(value)});
  }

  void ReadImplicit(int index, const Model::Column& column, const JsonMember& member) {
    if (column.kind == Kind::kVersion) {
      const auto* version = std::get_if<int64_t>(&member.value);
      if (version == nullptr) return SetByServer(member.name, findings_);
      claims_.emplace_back().column = index;
      claims_.back().value = *version;
      return;
    }
    const auto* text = std::get_if<std::string_view>(&member.value);
    if (text == nullptr) return SetByServer(member.name, findings_);
    claims_.push_back({index, std::string(*text)});
  }

  const Model& model_;
  const bool patch_;
  std::vector<Assignment>& changes_;
  std::vector<Assignment>& claims_;
  Findings& findings_;
  std::vector<bool> named_;
};

Result<Value> ParseNumber(std::string_view text, bool whole) {
  const char* const end = text.data() + text.size();
  if (whole) {
    int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) return Fail(ErrorCode::kInvalid, "expected a whole number");
    return number;
  }
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number)) {
    return Fail(ErrorCode::kInvalid, "expected a number");
  }
  return number == 0 ? 0.0 : number;
}

Result<Value> ParseTime(std::string_view text) {
  auto time = NormalizeRfc3339(text);
  if (time) return Value(std::move(*time));
  std::string message = time.error().message;
  if (text.find(' ') != std::string_view::npos) message += " (in a query '+' means a space: write %2B)";
  return Fail(ErrorCode::kInvalid, std::move(message));
}

Result<Value> ParseFieldText(const spec::Field& field, std::string_view text) {
  switch (field.type) {
    case spec::FieldType::kInteger:
      return ParseNumber(text, true);
    case spec::FieldType::kNumber:
      return ParseNumber(text, false);
    case spec::FieldType::kBoolean:
      if (text == "true" || text == "false") return Value(text == "true");
      return Fail(ErrorCode::kInvalid, "expected true or false");
    case spec::FieldType::kDateTime:
      return ParseTime(text);
    case spec::FieldType::kDate:
      if (auto date = CheckDate(text); !date) return Fail(date.error());
      return Value(std::string(text));
    case spec::FieldType::kString:
      break;
  }
  Value value = std::string(text);
  if (!field.enum_values.empty()) {
    if (std::string why = spec::WhyRefused(field, value); !why.empty()) return Fail(ErrorCode::kInvalid, why);
  }
  return value;
}

}  // namespace

void Findings::Add(std::string pointer, std::string code, std::string message) {
  if (errors_.size() < kMaxErrors) {
    errors_.push_back({std::move(pointer), std::move(code), std::move(message)});
  } else {
    ++more_;
  }
}

void Findings::Wrong(std::string pointer, std::string code, std::string message) {
  status_ = 422;
  Add(std::move(pointer), std::move(code), std::move(message));
}

void Findings::Forbidden(std::string pointer, std::string code, std::string message) {
  if (status_ == 200) status_ = 403;
  Add(std::move(pointer), std::move(code), std::move(message));
}

Answer Findings::Take() {
  std::string detail = status_ == 403 ? "the body sets what this request may not set" : "the body does not fit";
  if (more_ > 0) detail += "; " + std::to_string(more_) + " more errors are not shown";
  Answer answer = Refuse(status_, std::move(detail), std::move(errors_));
  *this = Findings();
  return answer;
}

std::string Pointer(std::string_view name) {
  std::string pointer = "/";
  for (const char c : Excerpt(name)) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer.push_back(c);
    }
  }
  return pointer;
}

bool ReadValue(const Model::Column& column, const JsonValue& json, Value& value, Findings& findings) {
  const spec::Field& field = *column.field;
  const auto wrong = [&](std::string_view code, std::string message) {
    findings.Wrong(Pointer(field.name), std::string(code), std::move(message));
    return false;
  };
  if (std::holds_alternative<std::monostate>(json)) {
    value = Value();
    return field.nullable || wrong("null", "must be " + std::string(Wanted(field.type)) + ", not null");
  }
  switch (ToTyped(field, json, value)) {
    case Typed::kWrongType:
      if (field.type == spec::FieldType::kInteger && std::holds_alternative<double>(json)) {
        return wrong("type", "must be a whole number, without a fraction");
      }
      return wrong("type", "must be " + std::string(Wanted(field.type)) + ", not " + std::string(Describe(json)));
    case Typed::kOutOfRange:
      return wrong("out-of-range", kExactRange);
    case Typed::kGood:
      break;
  }
  auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && text->find('\0') != std::string::npos) return wrong("nul", "must not hold U+0000");
  if (field.type == spec::FieldType::kDateTime) {
    auto time = NormalizeRfc3339(*text);
    if (!time) return wrong("format", time.error().message);
    *text = std::move(*time);
    return true;
  }
  if (column.lower_case) *text = LowerCase(*text);
  std::string why = spec::WhyRefused(field, value);
  return why.empty() || wrong(RefusalCode(field, value), std::move(why));
}

Result<Value> ParseText(const Model::Column& column, std::string_view text) {
  switch (column.kind) {
    case Kind::kVersion:
      return ParseNumber(text, true);
    case Kind::kCreatedAt:
    case Kind::kUpdatedAt:
      return ParseTime(text);
    case Kind::kField:
      break;
    default:
      return Value(std::string(text));
  }
  const spec::Field& field = *column.field;
  const bool any_text = field.type == spec::FieldType::kString && field.enum_values.empty() && field.ref.empty();
  Value null;
  if (field.nullable && !any_text && text == "null") return null;
  if (column.lower_case) return Value(LowerCase(text));
  return ParseFieldText(field, text);
}

store::Row NewRow(const Model& model, std::span<const JsonMember> body, const expr::Auth& auth,
                  std::span<const std::string_view> accepted, Findings& findings) {
  store::Row row(model.columns().size());
  std::vector<bool> named(row.size(), false);
  for (const JsonMember& member : body) {
    const int index = model.Find(member.name);
    const auto kind = index < 0 ? Kind::kPasswordHash : model.columns()[static_cast<size_t>(index)].kind;
    if (kind == Kind::kPasswordHash) {
      if (std::find(accepted.begin(), accepted.end(), member.name) == accepted.end()) {
        Unknown(model, member.name, findings);
      }
      continue;
    }
    const Model::Column& column = model.columns()[static_cast<size_t>(index)];
    named[static_cast<size_t>(index)] = true;
    if (kind != Kind::kField || column.field->initial) {
      SetByServer(member.name, findings);
    } else {
      ReadValue(column, member.value, row[static_cast<size_t>(index)], findings);
    }
  }
  for (size_t i = 0; i < row.size(); ++i) {
    const spec::Field* field = model.columns()[i].field;
    if (field == nullptr || named[i]) continue;
    if (field->initial) {
      row[i] = expr::Evaluate(*field->initial, auth, nullptr);
      if (IsNull(row[i]) && !field->nullable) {
        findings.Wrong(Pointer(field->name), "required",
                       "is set from the rule '" + field->initial->text() + "', which gives nothing for this request");
      }
    } else if (!Absent(*field, row[i])) {
      findings.Wrong(Pointer(field->name), "required", "is required");
    }
  }
  return row;
}

void ReadReplacement(const Model& model, std::span<const JsonMember> body, std::vector<Assignment>& changes,
                     std::vector<Assignment>& claims, Findings& findings) {
  UpdateReader reader(model, false, changes, claims, findings);
  for (const JsonMember& member : body) reader.Read(member);
  for (size_t i = 0; i < model.columns().size(); ++i) {
    const spec::Field* field = model.columns()[i].field;
    if (field == nullptr || field->hidden || MayNotChange(*field) || reader.named(static_cast<int>(i))) continue;
    Value value;
    if (Absent(*field, value)) {
      changes.push_back({static_cast<int>(i), std::move(value)});
    } else {
      findings.Wrong(Pointer(field->name), "required", "is required");
    }
  }
}

void ReadPatch(const Model& model, std::span<const JsonMember> body, std::vector<Assignment>& changes,
               std::vector<Assignment>& claims, Findings& findings) {
  UpdateReader reader(model, true, changes, claims, findings);
  for (const JsonMember& member : body) reader.Read(member);
}

void CheckClaims(const Model& model, const std::vector<Assignment>& claims, const store::Row& row, Findings& findings) {
  for (const Assignment& claim : claims) {
    const size_t column = static_cast<size_t>(claim.column);
    if (row[column] == claim.value) continue;
    const bool field = model.columns()[column].kind == Kind::kField;
    findings.Forbidden(Pointer(model.table().columns[column].name), field ? "immutable" : "read-only",
                       field ? "cannot be changed once the row exists; leave it out, or send it as it is"
                             : "is set by the server; leave it out, or send it as it is now");
  }
}

}  // namespace flyball::resource
