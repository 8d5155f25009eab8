#include "pkg/kube/resource_path.h"

namespace flyball::kube {
namespace {

void AppendPart(std::string& out, std::string_view part) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out.push_back('/');
  for (const char c : part) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || c == ':';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
}

bool IsPart(std::string_view part) {
  return part != "." && part != ".." && part.find_first_of("/%") == std::string_view::npos;
}

}  // namespace

ResourcePath ResourcePath::In(std::string_view other_name_space) const {
  ResourcePath path = *this;
  path.name_space = other_name_space;
  return path;
}

ResourcePath ResourcePath::Named(std::string_view other_name) const {
  ResourcePath path = *this;
  path.name = other_name;
  return path;
}

ResourcePath ResourcePath::Sub(std::string_view other_subresource) const {
  ResourcePath path = *this;
  path.subresource = other_subresource;
  return path;
}

std::string ResourcePath::ApiVersion() const { return group.empty() ? version : group + "/" + version; }

std::string ResourcePath::ToString() const {
  std::string out = group.empty() ? "/api" : "/apis";
  if (!group.empty()) AppendPart(out, group);
  AppendPart(out, version);
  if (!name_space.empty()) {
    out += "/namespaces";
    AppendPart(out, name_space);
  }
  AppendPart(out, plural);
  if (!name.empty()) AppendPart(out, name);
  if (!subresource.empty()) AppendPart(out, subresource);
  return out;
}

std::string ResourcePath::ForPeople() const {
  std::string out = plural;
  if (!group.empty()) out += "." + group;
  if (!name_space.empty() || !name.empty()) out += " ";
  if (!name_space.empty()) out += name_space + "/";
  out += name.empty() && !name_space.empty() ? "*" : name;
  if (!subresource.empty()) out += "/" + subresource;
  return out;
}

Result<void> CheckPath(const ResourcePath& path) {
  if (path.version.empty()) return Fail(ErrorCode::kInvalid, "resource path: the version is empty; expected \"v1\"");
  if (path.plural.empty())
    return Fail(ErrorCode::kInvalid, "resource path: the resource is empty; expected a plural like \"deployments\"");
  if (path.name.empty() && !path.subresource.empty())
    return Fail(ErrorCode::kInvalid, "resource path " + path.ToString() + ": a subresource needs an object's name");
  for (const std::string* part :
       {&path.group, &path.version, &path.plural, &path.name_space, &path.name, &path.subresource}) {
    if (!IsPart(*part)) return Fail(ErrorCode::kInvalid, "resource path: \"" + *part + "\" cannot be a part of a path");
  }
  return {};
}

}  // namespace flyball::kube
