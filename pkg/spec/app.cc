#include "pkg/spec/app.h"

namespace flyball::spec {
namespace {

expr::Type RuleType(FieldType type) {
  switch (type) {
    case FieldType::kInteger:
      return expr::Type::kInt;
    case FieldType::kNumber:
      return expr::Type::kDouble;
    case FieldType::kBoolean:
      return expr::Type::kBool;
    case FieldType::kDateTime:
      return expr::Type::kTimestamp;
    case FieldType::kString:
    case FieldType::kDate:
      break;
  }
  return expr::Type::kString;
}

}  // namespace

const Field* Resource::Find(std::string_view field) const {
  for (const Field& candidate : fields)
    if (candidate.name == field) return &candidate;
  return nullptr;
}

const Resource* App::Find(std::string_view resource) const {
  for (const Resource& candidate : resources)
    if (candidate.name == resource) return &candidate;
  return nullptr;
}

expr::Schema RuleSchema(const Resource& resource) {
  expr::Schema schema;
  for (const Field& field : resource.fields) schema.push_back({field.name, RuleType(field.type), field.enum_values});
  schema.push_back({"id", expr::Type::kString});
  schema.push_back({"createdAt", expr::Type::kTimestamp});
  schema.push_back({"updatedAt", expr::Type::kTimestamp});
  schema.push_back({"version", expr::Type::kInt});
  return schema;
}

std::string_view Name(Criticality criticality) {
  switch (criticality) {
    case Criticality::kCritical:
      return "critical";
    case Criticality::kNormal:
      return "normal";
    case Criticality::kSheddable:
      return "sheddable";
  }
  return "?";
}

}  // namespace flyball::spec
