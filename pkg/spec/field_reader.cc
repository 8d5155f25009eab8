#include <algorithm>
#include <limits>
#include <set>

#include "pkg/base/time_format.h"
#include "pkg/spec/detail/app_reader.h"
#include "pkg/spec/format.h"

namespace flyball::spec {
namespace {

constexpr int64_t kMostExact = (int64_t{1} << 53) - 1;  // integers that every JSON reader keeps exact (RFC 8259)
constexpr double kAnyNumber = std::numeric_limits<double>::max();

bool IsFieldName(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && name.size() <= 63 && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

bool SameButForCase(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool HoldsWord(std::string_view text, std::string_view word) {
  auto part = [](char c) { return IsFieldName(std::string("x") + c); };
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !part(text[at - 1])) && (end == text.size() || !part(text[end]))) return true;
  }
  return false;
}

// Why a field may not have this name; empty when it may.
std::string WhyReserved(std::string_view name) {
  for (const std::string_view implicit : kImplicitColumns)
    if (SameButForCase(name, implicit)) return "every resource has " + std::string(implicit) + " already";
  static constexpr std::string_view kRuleWords[] = {"auth", "true", "false",  "null", "in",  "and", "or",
                                                    "not",  "now",  "params", "old",  "new", "has", "size"};
  for (const std::string_view word : kRuleWords)
    if (name == word) return "it is a word of the rule language";
  static constexpr std::string_view kParameters[] = {"limit",  "page",   "cursor", "sort", "fields",
                                                     "expand", "filter", "q",      "total"};
  for (const std::string_view parameter : kParameters)
    if (name == parameter) return "it is a query parameter of every list";
  return "";
}

// One field while it is read.
class FieldReader {
 public:
  FieldReader(AppDraft& draft, const std::string& path, const Node& value)
      : draft_(draft), reading_(draft.reading), mapping_(draft.reading, value, path) {}

  std::optional<Field> Read(const std::string& name) {
    field_.name = name;
    if (!mapping_.valid()) return std::nullopt;
    const bool typed = ReadType();
    ReadLengths();
    ReadRange();
    mapping_.Bool("unique", field_.unique);
    mapping_.Bool("immutable", field_.immutable);
    mapping_.Bool("hidden", field_.hidden);
    ReadRef();
    ReadDefault(typed);
    mapping_.NotBuilt({"const",         "multipleOf",   "pattern",     "items",    "minItems",
                       "maxItems",      "uniqueItems",  "properties",  "required", "additionalProperties",
                       "writeOnly",     "readOnly",     "decimal",     "scale",    "access",
                       "nullable",      "title",        "description", "examples", "deprecated",
                       "minProperties", "maxProperties"});
    mapping_.Finish();
    if (!typed) draft_.broken.push_back(field_.name);
    return field_;
  }

 private:
  bool ReadType() {
    const Node* type = mapping_.Find("type");
    const Node* members = mapping_.Find("enum");
    const Node* format = mapping_.Find("format");
    bool good = true;
    if (type != nullptr) {
      good = ReadTypeName(*type);
    } else if (members == nullptr && mapping_.Find("ref") == nullptr) {
      reading_.Report(mapping_.node(), mapping_.Path("type") + " is missing",
                      "write type: string, integer, number or boolean");
      good = false;
    }
    if (members != nullptr) good = ReadEnum(*members) && good;
    if (format != nullptr) good = ReadFormat(*format) && good;
    return good;
  }

  bool ReadTypeName(const Node& node) {
    const std::string path = mapping_.Path("type");
    if (node.kind == Node::Kind::kSequence) {
      reading_.Report(node, NotBuilt(path + " as a list"), "name one type; a field that is not required may be null");
      return false;
    }
    static constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
        {"int", "write integer"},
        {"int64", "write integer"},
        {"long", "write integer"},
        {"float", "write number"},
        {"double", "write number"},
        {"bool", "write boolean"},
        {"str", "write string"},
        {"text", "write string"},
        {"varchar", "write string"},
        {"date-time", "write {type: string, format: date-time}"},
        {"datetime", "write {type: string, format: date-time}"},
        {"timestamp", "write {type: string, format: date-time}"},
        {"date", "write {type: string, format: date}"},
        {"email", "write {type: string, format: email}"},
        {"uuid", "write {type: string, format: uuid}"},
        {"uri", "write {type: string, format: uri}"},
        {"enum", "write enum: [a, b]"}};
    for (const auto& [word, right] : kElsewhere) {
      if (node.kind != Node::Kind::kText || node.text != word) continue;
      reading_.Report(node, path + " cannot be '" + node.text + "'", std::string(right));
      return false;
    }
    const auto choice =
        reading_.Choice(node, path, {"string", "integer", "number", "boolean"}, {"decimal", "array", "object", "null"});
    if (!choice) return false;
    static constexpr FieldType kTypes[] = {FieldType::kString, FieldType::kInteger, FieldType::kNumber,
                                           FieldType::kBoolean};
    field_.type = kTypes[*choice];
    return true;
  }

  bool ReadEnum(const Node& node) {
    const std::string path = mapping_.Path("enum");
    if (!Applies("enum", field_.type == FieldType::kString, "type: string")) return false;
    const std::vector<Node>* members = reading_.List(node, path, "enum: [low, high]");
    if (members == nullptr) return false;
    const bool good_size = !members->empty() && members->size() <= 200;
    if (!good_size) {
      reading_.Report(node, path + (members->empty() ? " is empty" : " has more than 200 members"),
                      "name 1 to 200 texts");
      return false;
    }
    bool good = true;
    std::set<std::string> seen;
    for (const Node& member : *members) {
      const auto text = reading_.Text(member, "a member of " + path);
      good = good && text.has_value();
      if (!text) continue;
      if (!seen.insert(*text).second) reading_.Report(member, path + " holds '" + *text + "' twice");
      field_.enum_values.push_back(*text);
    }
    return good;
  }

  bool ReadFormat(const Node& node) {
    if (!Applies("format", field_.type == FieldType::kString, "type: string")) return false;
    if (!field_.enum_values.empty()) return Applies("format", false, "a field without enum");
    const auto choice = reading_.Choice(
        node, mapping_.Path("format"), {"date-time", "date", "email", "uuid", "uri"},
        {"time", "duration", "hostname", "ipv4", "ipv6", "uri-reference", "regex", "json-pointer", "idn-email"});
    if (!choice) return false;
    if (*choice == 0) field_.type = FieldType::kDateTime;
    if (*choice == 1) field_.type = FieldType::kDate;
    static constexpr enum Format kFormats[] = {Format::kNone, Format::kNone, Format::kEmail, Format::kUuid,
                                               Format::kUri};
    field_.format = kFormats[*choice];
    return true;
  }

  // Reports a key that says nothing about such a field.
  bool Applies(std::string_view key, bool applies, std::string_view to) {
    if (!applies)
      reading_.Report(mapping_.KeyNode(key), mapping_.Path(key) + " has no meaning here",
                      "it goes with " + std::string(to));
    return applies;
  }

  void ReadLengths() {
    const bool text = field_.type == FieldType::kString && field_.enum_values.empty();
    for (const std::string_view key : {"minLength", "maxLength"}) {
      const Node* node = mapping_.Find(key);
      if (node == nullptr || !Applies(key, text, "type: string")) continue;
      const auto length = reading_.Int(*node, mapping_.Path(key), 0, 1'000'000);
      (key == "minLength" ? field_.min_length : field_.max_length) = length;
    }
    if (field_.min_length && field_.max_length && *field_.min_length > *field_.max_length)
      reading_.Report(mapping_.KeyNode("maxLength"), mapping_.Path("maxLength") + " is less than minLength");
  }

  void ReadRange() {
    const bool number = field_.type == FieldType::kInteger || field_.type == FieldType::kNumber;
    struct Bound {
      std::string_view key;
      std::optional<double>* out;
    };
    for (const auto& [key, out] :
         {Bound{"minimum", &field_.minimum}, Bound{"maximum", &field_.maximum},
          Bound{"exclusiveMinimum", &field_.exclusive_minimum}, Bound{"exclusiveMaximum", &field_.exclusive_maximum}}) {
      const Node* node = mapping_.Find(key);
      if (node == nullptr || !Applies(key, number, "type: integer or number")) continue;
      *out = reading_.Number(*node, mapping_.Path(key), -kAnyNumber, kAnyNumber);
    }
    const double least = std::max(field_.minimum.value_or(-kAnyNumber), field_.exclusive_minimum.value_or(-kAnyNumber));
    const double most = std::min(field_.maximum.value_or(kAnyNumber), field_.exclusive_maximum.value_or(kAnyNumber));
    const bool open = least == most && (field_.exclusive_minimum == least || field_.exclusive_maximum == most);
    if (least > most || open)
      reading_.Report(mapping_.node(), mapping_.path() + " allows no number at all", "mend its minimum or maximum");
  }

  void ReadRef() {
    const Node* ref = mapping_.Find("ref");
    const Node* on_delete = mapping_.Find("onDelete");
    if (ref != nullptr) {
      const bool text =
          field_.type == FieldType::kString && field_.enum_values.empty() && field_.format == Format::kNone;
      if (Applies("ref", text, "a text without enum or format"))
        field_.ref = reading_.Text(*ref, mapping_.Path("ref")).value_or("");
    }
    if (on_delete == nullptr || !Applies("onDelete", ref != nullptr, "ref")) return;
    const auto choice = reading_.Choice(*on_delete, mapping_.Path("onDelete"), {"restrict", "cascade", "setNull"});
    static constexpr OnDelete kActions[] = {OnDelete::kRestrict, OnDelete::kCascade, OnDelete::kSetNull};
    if (choice) field_.on_delete = kActions[*choice];
  }

  void ReadDefault(bool typed) {
    const Node* literal = mapping_.Find("default");
    const Node* rule = mapping_.Find("initial");
    if (literal != nullptr && rule != nullptr)
      reading_.Report(mapping_.KeyNode("initial"), mapping_.path() + " has both default and initial",
                      "keep one of them");
    if (literal != nullptr && mapping_.Find("ref") != nullptr) {
      Applies("default", false, "a field without ref");
    } else if (literal != nullptr && typed) {
      field_.default_value = ReadValue(reading_, field_, *literal, mapping_.Path("default"));
    }
    if (rule == nullptr || !typed) return;
    Resource alone;
    alone.fields.push_back(field_);
    expr::Type wanted = expr::Type::kString;
    for (const expr::FieldType& column : RuleSchema(alone))
      if (column.name == field_.name) wanted = column.type;
    field_.initial = ReadRule(draft_, *rule, mapping_.Path("initial"), draft_.RuleSchemaFor(nullptr), wanted);
  }

  AppDraft& draft_;
  Reading& reading_;
  Mapping mapping_;
  Field field_;
};

// The value as the field's type writes it; reports when it is of another.
std::optional<Value> ReadTyped(Reading& reading, const Field& field, const Node& node, const std::string& path) {
  switch (field.type) {
    case FieldType::kInteger:
      if (const auto integer = reading.Int(node, path, -kMostExact, kMostExact)) return Value(*integer);
      return std::nullopt;
    case FieldType::kNumber:
      if (const auto number = reading.Number(node, path, -kAnyNumber, kAnyNumber)) return Value(*number);
      return std::nullopt;
    case FieldType::kBoolean:
      if (const auto truth = reading.Bool(node, path)) return Value(*truth);
      return std::nullopt;
    default:
      break;
  }
  if (node.kind == Node::Kind::kText && node.text.empty()) return Value(std::string());
  const auto text = reading.Text(node, path);
  if (!text) return std::nullopt;
  if (field.type == FieldType::kDateTime)
    if (const auto time = ParseRfc3339(*text)) return Value(FormatRfc3339(*time));
  return Value(*text);
}

}  // namespace

std::optional<Value> ReadValue(Reading& reading, const Field& field, const Node& node, const std::string& path) {
  const std::optional<Value> value = ReadTyped(reading, field, node, path);
  if (!value) return std::nullopt;
  const std::string refused = WhyRefused(field, *value);
  if (refused.empty()) return value;
  std::string suggestion;
  if (!field.enum_values.empty()) {
    suggestion = Suggest(node.text, {field.enum_values.begin(), field.enum_values.end()});
    if (!suggestion.starts_with("did")) suggestion.clear();
  }
  reading.Report(node, path + " " + refused + ", not " + Describe(node), suggestion);
  return std::nullopt;
}

std::optional<Field> ReadField(AppDraft& draft, const std::string& path, const Node& key, const Node& value) {
  if (!IsFieldName(key.text)) {
    draft.reading.Report(key, Quoted({key.text}) + " cannot name a field",
                         "a name is a letter, then up to 62 letters, digits or '_'");
    return std::nullopt;
  }
  if (const std::string why = WhyReserved(key.text); !why.empty()) {
    draft.reading.Report(key, "the field name '" + key.text + "' is reserved: " + why, "choose another name");
    return std::nullopt;
  }
  return FieldReader(draft, path, value).Read(key.text);
}

std::optional<expr::Rule> ReadRule(AppDraft& draft, const Node& node, const std::string& path,
                                   const expr::Schema& schema, expr::Type wanted) {
  if (node.kind != Node::Kind::kText && node.kind != Node::Kind::kBool) {
    draft.reading.Mistyped(node, path, "a rule such as auth.id != null");
    return std::nullopt;
  }
  expr::Compiled compiled = expr::Compile(node.text, schema, wanted);
  // A problem that follows from a field reported before says nothing new.
  for (const std::string& broken : draft.broken)
    if (HoldsWord(node.text, broken)) compiled.problems.clear();
  for (const expr::Problem& problem : compiled.problems)
    draft.reading.reporter().Report(SourceOffset(draft.reading.reporter().text(), node, problem.offset),
                                    path + ": " + problem.message);
  return std::move(compiled.rule);
}

}  // namespace flyball::spec
