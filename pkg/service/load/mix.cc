#include "pkg/service/load/mix.h"

#include <algorithm>

#include "pkg/base/check.h"

namespace flyball::load {

Template::Template(std::string_view text) {
  struct Hole {
    std::string_view name;
    Part::Kind kind;
  };
  constexpr Hole kHoles[] = {
      {"{n}", Part::Kind::kN}, {"{principal}", Part::Kind::kPrincipal}, {"{id}", Part::Kind::kId}};
  while (!text.empty()) {
    const size_t brace = text.find('{');
    const std::string_view rest = brace == std::string_view::npos ? std::string_view() : text.substr(brace);
    const auto hole = std::find_if(std::begin(kHoles), std::end(kHoles),
                                   [&](const Hole& candidate) { return rest.starts_with(candidate.name); });
    const bool found = hole != std::end(kHoles);
    // Up to the hole, or past a brace that opens none.
    const size_t plain = found ? brace : std::min(text.size(), brace == std::string_view::npos ? brace : brace + 1);
    if (plain > 0) {
      if (parts_.empty() || parts_.back().kind != Part::Kind::kText) parts_.push_back({Part::Kind::kText, ""});
      parts_.back().text.append(text.substr(0, plain));
    }
    text.remove_prefix(plain);
    if (!found) continue;
    parts_.push_back({hole->kind, ""});
    needs_id_ |= hole->kind == Part::Kind::kId;
    text.remove_prefix(hole->name.size());
  }
}

void Template::AppendTo(std::string& out, const Holes& holes) const {
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Part::Kind::kText:
        out.append(part.text);
        break;
      case Part::Kind::kN:
        out.append(std::to_string(holes.n));
        break;
      case Part::Kind::kPrincipal:
        out.append(std::to_string(holes.principal));
        break;
      case Part::Kind::kId:
        out.append(holes.id);
    }
  }
}

Mix::Mix(std::vector<RequestKind> kinds) : kinds_(std::move(kinds)) {
  double sum = 0;
  for (const RequestKind& kind : kinds_) up_to_.push_back(sum += kind.weight);
  const auto needs_none = [](const RequestKind& kind) { return !kind.path.needs_id() && !kind.body.needs_id(); };
  auto stand_in = std::find_if(kinds_.begin(), kinds_.end(),
                               [&](const RequestKind& kind) { return needs_none(kind) && kind.method == "POST"; });
  if (stand_in == kinds_.end()) stand_in = std::find_if(kinds_.begin(), kinds_.end(), needs_none);
  Check(stand_in != kinds_.end(), "a mix has a request that needs no id");
  without_id_ = static_cast<size_t>(stand_in - kinds_.begin());
}

size_t Mix::Pick(Random& random) const {
  const double at = random.Uniform() * up_to_.back();
  const auto found = std::upper_bound(up_to_.begin(), up_to_.end(), at);
  return std::min(static_cast<size_t>(found - up_to_.begin()), kinds_.size() - 1);
}

}  // namespace flyball::load
