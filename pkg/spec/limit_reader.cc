#include <algorithm>
#include <charconv>

#include "pkg/base/time_format.h"
#include "pkg/spec/detail/app_reader.h"

namespace flyball::spec {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int64_t kMostRequests = 1'000'000'000;
constexpr milliseconds kLeastWindow = seconds(1), kMostWindow = hours(24 * 30);

class LimitReader {
 public:
  LimitReader(AppDraft& draft, const Node& key, const Node& value, const std::string& path)
      : draft_(draft), reading_(draft.reading), mapping_(draft.reading, value, path) {
    limit_.name = key.text;
  }

  void Read() {
    if (!mapping_.valid()) return;
    ReadBy();
    if (const Node* algorithm = mapping_.Find("algorithm"))
      reading_.Choice(*algorithm, mapping_.Path("algorithm"), {"token-bucket"},
                      {"sliding-window", "fixed-window", "concurrency", "leaky-bucket"});
    ReadAmount();
    int burst = 0;
    mapping_.Int("burst", 1, kMostRequests, burst);
    limit_.burst = burst;
    mapping_.Bool("adaptive", limit_.adaptive);
    ReadApply();
    if (const Node* down = mapping_.Find("whenStoreDown")) {
      using Down = Limit::WhenStoreDown;
      static constexpr Down kChoices[] = {Down::kLocal, Down::kOpen, Down::kClosed};
      if (const auto choice = reading_.Choice(*down, mapping_.Path("whenStoreDown"), {"local", "open", "closed"}))
        limit_.when_store_down = kChoices[*choice];
    }
    mapping_.NotBuilt({"trust", "cost", "key", "concurrency", "exempt"});
    mapping_.Finish();
    draft_.app.limits.push_back(std::move(limit_));
  }

 private:
  void ReadBy() {
    const Node* by = mapping_.Require("by", "by: principal, or by: ip");
    if (by == nullptr) return;
    if (by->kind == Node::Kind::kSequence) {
      reading_.Report(*by, NotBuilt(mapping_.Path("by") + " as a list"), "write one, as in by: ip");
      return;
    }
    static constexpr Limit::By kChoices[] = {Limit::By::kPrincipal, Limit::By::kIp, Limit::By::kAccount};
    const auto choice = reading_.Choice(*by, mapping_.Path("by"), {"principal", "ip", "account"},
                                        {"role", "apiKey", "endpoint", "tenant"});
    if (!choice) return;
    limit_.by = kChoices[*choice];
    if (limit_.by == Limit::By::kAccount && draft_.app.auth.accounts.empty())
      reading_.Report(*by, mapping_.Path("by") + " cannot be 'account' in an app without spec.auth", "write by: ip");
  }

  void ReadAmount() {
    const Node* rate = mapping_.Find("rate");
    const Node* window = mapping_.Find("window");
    const Node* quota = mapping_.Find("quota");
    if (rate != nullptr) {
      if (window != nullptr || quota != nullptr)
        reading_.Report(mapping_.KeyNode("rate"), mapping_.path() + " has both a rate and a quota",
                        "write rate: 5/1m, or window and quota");
      return ReadRate(*rate);
    }
    mapping_.Duration("window", kLeastWindow, kMostWindow, limit_.window);
    if (quota != nullptr) ReadQuota(*quota);
    if (quota == nullptr || window == nullptr)
      reading_.Report(mapping_.node(), mapping_.path() + " does not say how much",
                      "write rate: 5/1m, or window: 15m and quota: {anonymous: 100}");
  }

  // "5/1m": the same for everybody.
  void ReadRate(const Node& node) {
    const std::string path = mapping_.Path("rate");
    const std::string_view text = node.text;
    const size_t slash = std::min(text.find('/'), text.size());
    int64_t count = 0;
    const auto read = std::from_chars(text.data(), text.data() + slash, count);
    const bool counted = slash < text.size() && read.ec == std::errc() && read.ptr == text.data() + slash;
    const auto window = ParseDuration(counted ? text.substr(slash + 1) : "");
    if (!counted || count < 1 || count > kMostRequests || !window || *window < kLeastWindow || *window > kMostWindow) {
      reading_.Mistyped(node, path, "requests by a duration from 1s to 30d", "write it like 5/1m");
      return;
    }
    limit_.window = *window;
    limit_.quota["anonymous"] = count;
    for (const Role& role : draft_.app.auth.roles) limit_.quota[role.name] = count;
  }

  // Every role is named, so that no role is unlimited by oversight.
  void ReadQuota(const Node& node) {
    Mapping quota(reading_, node, mapping_.Path("quota"));
    if (!quota.valid()) return;
    std::vector<std::string_view> roles = draft_.RoleNames();
    roles.insert(roles.begin(), "anonymous");
    quota.Each([&](const Node& key, const Node& value) {
      if (std::find(roles.begin(), roles.end(), key.text) == roles.end()) {
        reading_.Report(key, quota.path() + " names '" + key.text + "', which is no role", Suggest(key.text, roles));
        return;
      }
      if (const auto count = reading_.Int(value, quota.Path(key.text), 1, kMostRequests))
        limit_.quota[key.text] = *count;
    });
    std::vector<std::string_view> missing;
    for (const std::string_view role : roles)
      if (&quota.KeyNode(role) == &quota.node()) missing.push_back(role);
    if (!missing.empty())
      reading_.Report(node, quota.path() + " says nothing about " + Quoted(missing), "give every role a number");
  }

  void ReadApply() {
    const Node* node = mapping_.Find("apply");
    if (node == nullptr) return;
    const std::string path = mapping_.Path("apply");
    const std::vector<Node>* endpoints = reading_.List(*node, path, "apply: [auth.login]");
    if (endpoints == nullptr) return;
    if (endpoints->empty()) reading_.Report(*node, path + " is empty", "leave it out to mean every endpoint");
    for (const Node& endpoint : *endpoints) {
      const auto text = reading_.Text(endpoint, "a name in " + path);
      if (text && CheckEndpoint(endpoint, *text, path)) limit_.apply.push_back(*text);
    }
  }

  bool CheckEndpoint(const Node& node, const std::string& text, const std::string& path) {
    const size_t colon = text.find(':');
    static constexpr std::string_view kLater[] = {"auth.refresh", "auth.logout", "auth.logout-all", "auth.password",
                                                  "auth.forgot",  "auth.reset",  "auth.oidc"};
    if (colon != std::string::npos || std::find(std::begin(kLater), std::end(kLater), text) != std::end(kLater)) {
      reading_.Report(node, NotBuilt(path + ": " + text.substr(0, 64)),
                      colon != std::string::npos ? "write " + text.substr(0, std::min<size_t>(colon, 64)) : "");
      return false;
    }
    std::vector<std::string> known;
    if (!draft_.app.auth.accounts.empty()) known = {"auth.register", "auth.login", "auth.me"};
    for (const Resource& resource : draft_.app.resources)
      for (const std::string_view action : {"create", "list", "read", "update", "delete"})
        known.push_back(resource.name + "." + std::string(action));
    if (std::find(known.begin(), known.end(), text) != known.end()) return true;
    reading_.Report(node, path + " names the unknown endpoint " + Quoted({text}),
                    Suggest(text, {known.begin(), known.end()}));
    return false;
  }

  AppDraft& draft_;
  Reading& reading_;
  Mapping mapping_;
  Limit limit_;
};

}  // namespace

void ReadLimits(AppDraft& draft, const Node& node) {
  Mapping limits(draft.reading, node, "spec.limits");
  if (node.keys.size() > 100) {
    draft.reading.Report(node, "spec.limits has more than 100 entries");
    return;
  }
  limits.Each([&](const Node& key, const Node& value) {
    if (!IsDnsLabel(key.text)) {
      draft.reading.Report(key, Quoted({key.text}) + " cannot name a limit",
                           "a name is up to 63 lower-case letters, digits and '-'");
      return;
    }
    LimitReader(draft, key, value, limits.Path(key.text)).Read();
  });
}

}  // namespace flyball::spec
