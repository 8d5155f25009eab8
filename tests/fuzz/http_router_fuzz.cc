// The router: lines of the input are patterns, the last one is a path. Matching must not crash, and what it finds must
// be what the pattern says.
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/check.h"
#include "pkg/http/router.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using flyball::Check;
  using flyball::http::Method;
  using flyball::http::Router;
  if (size > 2000) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Router router;
  std::vector<std::string> patterns;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos && patterns.size() < 20;) {
    const std::string pattern(text.substr(0, end));
    if (router.Add(Method::kGet, pattern, static_cast<uint32_t>(patterns.size()))) patterns.push_back(pattern);
    text.remove_prefix(end + 1);
  }
  const Router::Match match = router.Find(Method::kGet, text);
  if (match.kind != Router::Match::Kind::kFound) return 0;
  // Putting the parameters back into the pattern gives the path.
  std::string rebuilt;
  const std::string& pattern = patterns.at(match.endpoint);
  uint32_t param = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '{') {
      Check(param < match.param_count && !match.param_values[param].empty(), "every parameter has a value");
      rebuilt.append(match.param_values[param++]);
      i = pattern.find('}', i);
    } else {
      rebuilt.push_back(pattern[i]);
    }
  }
  Check(rebuilt == text && param == match.param_count, "the match is what the pattern says");
  return 0;
}
