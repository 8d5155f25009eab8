#include "pkg/http/router.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "pkg/http/detail/characters.h"

namespace flyball::http {
namespace {

constexpr size_t kMaxSegments = 32;
constexpr size_t kMethods = static_cast<size_t>(Method::kOther);

struct Route {
  uint32_t endpoint = Request::kNoEndpoint;
  RouteOptions options;
  std::vector<std::string> param_names;
};

// What a whole path leads to.
struct Leaf {
  std::array<std::optional<Route>, kMethods> routes;
  std::string allow;

  bool exists() const { return !allow.empty(); }
};

// One place in the tree: the segments up to here are matched. Indices are into Tree::nodes.
struct Node {
  struct Literal {
    std::string segment;
    uint32_t node;
  };
  std::vector<Literal> literals;
  uint32_t parameter = 0;  // 0: none (the root is nobody's child)
  Leaf here;
  Leaf tail;  // "{name...}" from here
};

std::string_view FirstSegment(std::string_view path) { return path.substr(0, path.find('/')); }

// The path behind its first segment and the '/' that ends it; nullopt when that segment is the last.
std::optional<std::string_view> AfterFirstSegment(std::string_view path) {
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return path.substr(slash + 1);
}

const Node::Literal* FindLiteral(const Node& node, std::string_view segment) {
  for (size_t low = 0, high = node.literals.size(); low < high;) {
    const size_t middle = low + (high - low) / 2;
    const int order = segment.compare(node.literals[middle].segment);
    if (order == 0) return &node.literals[middle];
    (order < 0 ? high : low) = order < 0 ? middle : middle + 1;
  }
  return nullptr;
}

void UpdateAllow(Leaf& leaf) {
  const auto has = [&](Method method) { return leaf.routes[static_cast<size_t>(method)].has_value(); };
  leaf.allow.clear();
  for (size_t i = 0; i < kMethods; ++i) {
    const Method method = static_cast<Method>(i);
    const bool implied = method == Method::kOptions || (method == Method::kHead && has(Method::kGet));
    if (has(method) || implied) leaf.allow.append(leaf.allow.empty() ? "" : ", ").append(Name(method));
  }
}

const std::optional<Route>& RouteFor(const Leaf& leaf, Method method) {
  const auto& exact = leaf.routes[static_cast<size_t>(method)];
  if (!exact && method == Method::kHead) return leaf.routes[static_cast<size_t>(Method::kGet)];
  return exact;
}

bool IsParameterName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
  });
}

tl::unexpected<Error> BadPattern(std::string_view pattern, std::string_view why) {
  return Fail(ErrorCode::kInvalid,
              "route \"" + std::string(pattern) + "\": " + std::string(why) + "; expected the form /tasks/{id}/notes");
}

}  // namespace

struct Router::Tree {
  std::vector<Node> nodes{1};

  uint32_t LiteralChild(uint32_t parent, std::string_view segment);
  uint32_t ParameterChild(uint32_t parent);
  bool Walk(uint32_t at, std::string_view path, Method method, Match& match) const;
  bool Arrive(const Leaf& leaf, Method method, Match& match) const;
};

Router::Router() : tree_(std::make_unique<Tree>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

uint32_t Router::Tree::LiteralChild(uint32_t parent, std::string_view segment) {
  auto& literals = nodes[parent].literals;
  const auto at = std::lower_bound(literals.begin(), literals.end(), segment,
                                   [](const Node::Literal& a, std::string_view b) { return a.segment < b; });
  if (at != literals.end() && at->segment == segment) return at->node;
  const auto child = static_cast<uint32_t>(nodes.size());
  literals.insert(at, {std::string(segment), child});
  nodes.emplace_back();
  return child;
}

uint32_t Router::Tree::ParameterChild(uint32_t parent) {
  if (nodes[parent].parameter == 0) {
    nodes[parent].parameter = static_cast<uint32_t>(nodes.size());
    nodes.emplace_back();
  }
  return nodes[parent].parameter;
}

Result<void> Router::Add(Method method, std::string_view pattern, uint32_t endpoint, RouteOptions options) {
  if (method == Method::kOther) return BadPattern(pattern, "it needs a method that HTTP knows");
  if (pattern.empty() || pattern[0] != '/') return BadPattern(pattern, "it does not begin with '/'");
  Route route{endpoint, options, {}};
  uint32_t at = 0;
  bool tail = false;
  size_t segments = 0;
  for (std::optional<std::string_view> rest = pattern.substr(1); rest; rest = AfterFirstSegment(*rest)) {
    std::string_view segment = FirstSegment(*rest);
    if (tail) return BadPattern(pattern, "something stands behind the tail parameter");
    if (++segments > kMaxSegments) return BadPattern(pattern, "it has more than 32 segments");
    if (segment.empty() || segment.front() != '{') {
      if (segment.find_first_of("{}") != std::string_view::npos) {
        return BadPattern(pattern, "a parameter is a whole segment");
      }
      at = tree_->LiteralChild(at, segment);
      continue;
    }
    if (segment.back() != '}') return BadPattern(pattern, "a parameter is a whole segment");
    segment = segment.substr(1, segment.size() - 2);
    tail = segment.ends_with("...");
    if (tail) segment.remove_suffix(3);
    if (!IsParameterName(segment)) return BadPattern(pattern, "the name of a parameter is letters, digits, '_' or '-'");
    if (std::count(route.param_names.begin(), route.param_names.end(), segment) > 0) {
      return BadPattern(pattern, "two parameters have the same name");
    }
    route.param_names.emplace_back(segment);
    if (route.param_names.size() > Request::kMaxPathParams) return BadPattern(pattern, "more than 8 parameters");
    if (!tail) at = tree_->ParameterChild(at);
  }
  Leaf& leaf = tail ? tree_->nodes[at].tail : tree_->nodes[at].here;
  auto& slot = leaf.routes[static_cast<size_t>(method)];
  if (slot) {
    return Fail(ErrorCode::kConflict,
                "route " + std::string(Name(method)) + " \"" + std::string(pattern) + "\" exists already");
  }
  slot = std::move(route);
  UpdateAllow(leaf);
  return {};
}

bool Router::Tree::Arrive(const Leaf& leaf, Method method, Match& match) const {
  if (!leaf.exists()) return false;
  if (match.allow.empty()) match.allow = leaf.allow;  // the most specific path counts
  match.kind = Match::Kind::kMethodNotAllowed;
  if (method == Method::kOther) return false;
  const auto& route = RouteFor(leaf, method);
  if (!route) return false;
  match.kind = Match::Kind::kFound;
  match.allow = leaf.allow;
  match.endpoint = route->endpoint;
  match.options = route->options;
  match.param_names = route->param_names;
  return true;
}

// Depth is bounded by the tree's (32 segments); at each node at most three ways are tried.
bool Router::Tree::Walk(uint32_t at, std::string_view path, Method method, Match& match) const {
  const Node& node = nodes[at];
  const size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  const auto descend = [&](uint32_t child) {
    if (slash == std::string_view::npos) return Arrive(nodes[child].here, method, match);
    return Walk(child, path.substr(slash + 1), method, match);
  };
  if (const Node::Literal* literal = FindLiteral(node, segment); literal != nullptr && descend(literal->node)) {
    return true;
  }
  const uint32_t params = match.param_count;
  if (node.parameter != 0 && !segment.empty()) {
    match.param_values[match.param_count++] = segment;
    if (descend(node.parameter)) return true;
    match.param_count = params;
  }
  if (node.tail.exists() && !path.empty()) {
    match.param_values[match.param_count++] = path;
    if (Arrive(node.tail, method, match)) return true;
    match.param_count = params;
  }
  return false;
}

Router::Match Router::Find(Method method, std::string_view path) const {
  Match match;
  if (path.empty() || path[0] != '/') return match;
  if (!tree_->Walk(0, path.substr(1), method, match)) match.param_count = 0;
  return match;
}

}  // namespace flyball::http
