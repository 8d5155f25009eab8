#include <algorithm>
#include <charconv>

#include "pkg/base/net_syntax.h"
#include "pkg/spec/detail/app_reader.h"

namespace flyball::spec {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr int64_t kKiB = 1024, kMiB = kKiB * 1024;
constexpr int64_t kMostBody = 64 * kMiB;
constexpr size_t kMostOrigins = 50, kMostProxies = 100;

// "64KiB", "1MiB"; 0 for anything else and for what is out of range.
int64_t ParseBytes(std::string_view text) {
  int64_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<size_t>(read.ptr - text.data()));
  const int64_t scale = unit == "KiB" ? kKiB : unit == "MiB" ? kMiB : 0;
  if (read.ec != std::errc() || scale == 0 || count < 1 || count > kMostBody / scale) return 0;
  return count * scale;
}

}  // namespace

std::vector<const Node*> ReadTexts(Reading& reading, const Node& node, const std::string& path,
                                   std::string_view example, size_t most) {
  std::vector<const Node*> texts;
  const std::vector<Node>* items = reading.List(node, path, example);
  if (items == nullptr) return texts;
  if (items->empty()) reading.Report(node, path + " is empty", "write " + std::string(example) + ", or leave it out");
  if (items->size() > most) {
    reading.Report(node, path + " has more than " + std::to_string(most) + " entries");
    return texts;
  }
  for (const Node& item : *items) {
    if (!reading.Text(item, "an entry of " + path)) continue;
    const bool twice =
        std::any_of(texts.begin(), texts.end(), [&](const Node* seen) { return seen->text == item.text; });
    if (twice) {
      reading.Report(item, path + " names " + Quoted({item.text}) + " twice");
    } else {
      texts.push_back(&item);
    }
  }
  return texts;
}

void ReadMaxBody(Reading& reading, Mapping& mapping, std::string_view key, int64_t& out) {
  const Node* node = mapping.Find(key);
  if (node == nullptr) return;
  const int64_t bytes = node->scalar() ? ParseBytes(node->text) : 0;
  if (bytes != 0) {
    out = bytes;
  } else {
    reading.Mistyped(*node, mapping.Path(key), "a size from 1KiB to 64MiB", "write it like 64KiB or 1MiB");
  }
}

void ReadCors(AppDraft& draft, const Node& node) {
  Mapping cors(draft.reading, node, "spec.cors");
  if (!cors.valid()) return;
  Cors& out = draft.app.cors;
  cors.Bool("credentials", out.credentials);
  cors.Duration("maxAge", milliseconds(0), hours(24), out.max_age);
  constexpr std::string_view kExample = "origins: [https://app.example.org]";
  const Node* origins = cors.Require("origins", kExample);
  if (origins != nullptr) {
    for (const Node* origin : ReadTexts(draft.reading, *origins, cors.Path("origins"), kExample, kMostOrigins)) {
      if (origin->text != "*" && !IsWebOrigin(origin->text)) {
        draft.reading.Mistyped(*origin, "an entry of " + cors.Path("origins"), "an origin as browsers send it",
                               "write it like https://app.example.org: lower case, no path, no default port");
        continue;
      }
      out.origins.push_back(origin->text);
    }
    const bool any = std::find(out.origins.begin(), out.origins.end(), "*") != out.origins.end();
    if (any && out.origins.size() > 1)
      draft.reading.Report(*origins, cors.Path("origins") + " names '*' beside others, which it stands for already");
    if (any && out.credentials)
      draft.reading.Report(cors.KeyNode("credentials"), "spec.cors.credentials and the origin '*' exclude each other",
                           "name the origins that may");
  }
  cors.NotBuilt({"methods", "headers", "exposeHeaders"});
  cors.Finish();
}

void ReadHttp(AppDraft& draft, const Node& node) {
  Mapping http(draft.reading, node, "spec.http");
  ReadMaxBody(draft.reading, http, "maxBody", draft.app.max_body_bytes);
  http.Finish();
}

void ReadTrustedProxies(AppDraft& draft, const Node& node, const std::string& path) {
  for (const Node* proxy : ReadTexts(draft.reading, node, path, "trustedProxies: [10.0.0.0/8]", kMostProxies)) {
    if (const auto network = ParseIpNetwork(proxy->text); !network) {
      draft.reading.Report(*proxy, path + ": " + network.error().message);
      continue;
    }
    draft.app.trusted_proxies.push_back(proxy->text);
  }
}

}  // namespace flyball::spec
