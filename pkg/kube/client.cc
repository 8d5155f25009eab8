#include "pkg/kube/client.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "pkg/base/clock.h"
#include "pkg/kube/detail/json.h"
#include "pkg/kube/detail/read_object.h"
#include "pkg/kube/detail/transport.h"

namespace flyball::kube {
namespace {

using detail::HttpAnswer;
using detail::HttpRequest;
using detail::IntegerAt;
using detail::Json;
using detail::StringAt;
using std::chrono::milliseconds;

std::string Encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

class Query {
 public:
  Query& Add(std::string_view key, std::string_view value) {
    if (value.empty()) return *this;
    text_ += text_.empty() ? "?" : "&";
    text_.append(key).append("=").append(Encoded(value));
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Asked Ask(const char* verb, const ResourcePath& path) {
  return {.verb = verb,
          .group = path.group,
          .resource = path.subresource.empty() ? path.plural : path.plural + "/" + path.subresource,
          .name_space = path.name_space,
          .what = std::string(verb) + " " + path.ForPeople()};
}

tl::unexpected<ApiError> Refuse(Failure failure, std::string message) {
  return tl::unexpected(ApiError{.failure = failure, .message = std::move(message)});
}

// The items of one page, each with the list's apiVersion and kind, which the server leaves out of them.
bool ReadItems(const Json& page, ObjectList& into) {
  const Json* items = detail::Find(page, {"items"});
  if (items == nullptr || items->is_null()) return true;
  if (!items->is_array()) return false;
  std::string kind = StringAt(page, {"kind"});
  if (kind.ends_with("List")) kind.resize(kind.size() - 4);
  for (Json item : *items) {
    auto object = detail::ObjectOf(item);
    if (!object) return false;
    if (!item.contains("apiVersion")) item["apiVersion"] = StringAt(page, {"apiVersion"});
    if (!item.contains("kind")) item["kind"] = kind;
    object->json = detail::Dump(item);
    into.items.push_back(std::make_shared<const Object>(std::move(*object)));
  }
  return true;
}

const char* ContentType(PatchType type) {
  switch (type) {
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";  // JSON is YAML; the JSON-only type is not served by every version
  }
  return "";
}

}  // namespace

struct Client::Impl {
  Impl(Config c, ClientOptions o)
      : config(std::move(c)), options(std::move(o)), credentials(config), transport(config, options) {}

  const Config config;
  const ClientOptions options;
  detail::Credentials credentials;
  detail::Transport transport;
  std::mutex kinds_mutex;
  std::map<std::string, std::pair<SteadyTime, ResourceKind>> kinds;  // guarded by kinds_mutex; by "apiVersion kind"

  SteadyTime DeadlineOf(const CallOptions& call) const {
    return RealClock().Now() + call.timeout.value_or(options.timeout);
  }
  Answer<std::string> Call(const HttpRequest& request, const Asked& asked, SteadyTime deadline, std::stop_token stop);
  Answer<std::string> Call(const HttpRequest& request, const Asked& asked, const CallOptions& call) {
    return Call(request, asked, DeadlineOf(call), call.stop);
  }
  std::optional<milliseconds> RetryWait(const HttpAnswer& answer, const ApiError& error) const;
  Answer<ObjectList> ListOnce(const ResourcePath& collection, const ListOptions& list, SteadyTime deadline,
                              std::stop_token stop);
};

namespace {

// False when `stop` came first.
bool Sleep(milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any waiting;
  std::unique_lock lock(mutex);
  waiting.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

// How long to wait before the request is sent again; none: it is not.
std::optional<milliseconds> Client::Impl::RetryWait(const HttpAnswer& answer, const ApiError& error) const {
  const milliseconds asked = std::max(answer.retry_after, error.retry_after);
  const bool later = answer.status == 429 || (answer.status >= 500 && answer.retry_after > milliseconds(0));
  if (!later) return std::nullopt;
  return std::clamp(asked, milliseconds(100), std::max(milliseconds(100), options.longest_retry_after));
}

Answer<std::string> Client::Impl::Call(const HttpRequest& request, const Asked& asked, SteadyTime deadline,
                                       std::stop_token stop) {
  bool doubted = false;  // a 401 came
  for (int attempt = 0;; ++attempt) {
    const auto shown = credentials.Show(RealClock().Now(), RealClock().WallNow());
    if (!shown) return Refuse(Failure::kUnauthorized, asked.what + ": " + shown.error().message);
    auto answer = transport.Send(request, *shown, deadline, stop);
    if (!answer) {
      answer.error().message = asked.what + ": " + answer.error().message;
      return tl::unexpected(answer.error());
    }
    if (answer->status < 300) return std::move(answer->body);
    ApiError error = ReadStatus(answer->status, answer->body, asked);
    error.retry_after =
        std::min<milliseconds>(std::max(error.retry_after, answer->retry_after), std::chrono::minutes(1));
    if (answer->status == 401) {
      credentials.Refused(*shown);
      if (std::exchange(doubted, true)) return tl::unexpected(error);
      continue;
    }
    const auto wait = RetryWait(*answer, error);
    if (!wait || attempt >= options.retries || RealClock().Now() + *wait >= deadline) return tl::unexpected(error);
    if (!Sleep(*wait, stop)) return Refuse(Failure::kStopped, asked.what + ": asked to stop");
  }
}

Answer<ObjectList> Client::Impl::ListOnce(const ResourcePath& collection, const ListOptions& list, SteadyTime deadline,
                                          std::stop_token stop) {
  ObjectList all;
  std::string next;
  do {
    Query query;
    query.Add("labelSelector", list.label_selector).Add("fieldSelector", list.field_selector);
    if (list.page_size > 0) query.Add("limit", std::to_string(list.page_size));
    query.Add("continue", next);
    const Asked asked = Ask("list", collection);
    auto body = Call({.target = collection.ToString() + query.text()}, asked, deadline, stop);
    if (!body) return tl::unexpected(body.error());
    const auto page = detail::ParseJson(*body);
    if (!page || !ReadItems(*page, all)) return Refuse(Failure::kCorrupt, asked.what + ": the answer is no list");
    all.resource_version = StringAt(*page, {"metadata", "resourceVersion"});
    next = StringAt(*page, {"metadata", "continue"});
  } while (!next.empty());
  return all;
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;
const Config& Client::config() const { return impl_->config; }

Result<std::unique_ptr<Client>> Client::Open(Config config, ClientOptions options) {
  while (config.server.ends_with("/")) config.server.pop_back();
  if (!config.server.starts_with("https://") && !config.server.starts_with("http://"))
    return Fail(ErrorCode::kInvalid, "server \"" + config.server + "\": expected https://HOST[:PORT]");
  auto impl = std::make_unique<Impl>(std::move(config), std::move(options));
  if (!impl->config.exec) {
    auto shown = impl->credentials.Show(RealClock().Now(), RealClock().WallNow());
    if (!shown) return Fail(shown.error());
  }
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Answer<std::string> Client::Get(const ResourcePath& path, CallOptions call) {
  if (auto good = CheckPath(path); !good) return Refuse(Failure::kInvalid, good.error().message);
  return impl_->Call({.target = path.ToString()}, Ask("get", path), call);
}

Answer<std::string> Client::GetRaw(const std::string& path, CallOptions call) {
  if (!path.starts_with("/")) return Refuse(Failure::kInvalid, "path \"" + path + "\": expected a slash in front");
  return impl_->Call({.target = path}, {.verb = "get", .what = "get " + path}, call);
}

Answer<ObjectList> Client::List(const ResourcePath& collection, const ListOptions& list, CallOptions call) {
  if (auto good = CheckPath(collection); !good) return Refuse(Failure::kInvalid, good.error().message);
  const SteadyTime deadline = impl_->DeadlineOf(call);
  auto all = impl_->ListOnce(collection, list, deadline, call.stop);
  if (all || all.error().failure != Failure::kGone) return all;
  ListOptions whole = list;  // in one page, which cannot expire meanwhile
  whole.page_size = 0;
  return impl_->ListOnce(collection, whole, deadline, call.stop);
}

Answer<std::string> Client::Create(const ResourcePath& path, const std::string& object, CallOptions call) {
  if (auto good = CheckPath(path); !good) return Refuse(Failure::kInvalid, good.error().message);
  const bool below = !path.subresource.empty();
  return impl_->Call({.method = "POST",
                      .target = (below ? path : path.Collection()).ToString(),
                      .content_type = "application/json",
                      .body = object},
                     Ask("create", path), call);
}

Answer<std::string> Client::Update(const ResourcePath& path, const std::string& object, CallOptions call) {
  if (auto good = CheckPath(path); !good) return Refuse(Failure::kInvalid, good.error().message);
  const auto json = detail::ParseJson(object);
  if (!json || StringAt(*json, {"metadata", "resourceVersion"}).empty())
    return Refuse(Failure::kInvalid, "update " + path.ForPeople() +
                                         ": metadata.resourceVersion is missing; expected the one that was read");
  return impl_->Call({.method = "PUT", .target = path.ToString(), .content_type = "application/json", .body = object},
                     Ask("update", path), call);
}

Answer<std::string> Client::Patch(const ResourcePath& path, const std::string& patch, const PatchOptions& options,
                                  CallOptions call) {
  if (auto good = CheckPath(path); !good) return Refuse(Failure::kInvalid, good.error().message);
  Query query;
  query.Add("fieldManager", options.field_manager);
  if (options.type == PatchType::kApply && options.force) query.Add("force", "true");
  return impl_->Call({.method = "PATCH",
                      .target = path.ToString() + query.text(),
                      .content_type = ContentType(options.type),
                      .body = patch},
                     Ask("patch", path), call);
}

Answer<void> Client::Delete(const ResourcePath& path, const DeleteOptions& options, CallOptions call) {
  if (auto good = CheckPath(path); !good) return Refuse(Failure::kInvalid, good.error().message);
  if (path.name.empty()) return Refuse(Failure::kInvalid, "delete " + path.ForPeople() + ": expected an object's name");
  Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) body["preconditions"]["resourceVersion"] = options.resource_version;
  if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
  auto done = impl_->Call(
      {.method = "DELETE", .target = path.ToString(), .content_type = "application/json", .body = detail::Dump(body)},
      Ask("delete", path), call);
  if (!done) return tl::unexpected(done.error());
  return {};
}

namespace {

Answer<Scale> ReadScale(const Answer<std::string>& body, const ResourcePath& path) {
  if (!body) return tl::unexpected(body.error());
  const auto json = detail::ParseJson(*body);
  if (!json || StringAt(*json, {"kind"}) != "Scale")
    return Refuse(Failure::kCorrupt, path.ForPeople() + ": the answer is no Scale");
  return Scale{.replicas = IntegerAt(*json, {"spec", "replicas"}),
               .status_replicas = IntegerAt(*json, {"status", "replicas"}),
               .selector = StringAt(*json, {"status", "selector"}),
               .resource_version = StringAt(*json, {"metadata", "resourceVersion"}),
               .uid = StringAt(*json, {"metadata", "uid"})};
}

}  // namespace

Answer<Scale> Client::GetScale(const ResourcePath& path, CallOptions call) {
  const ResourcePath scale = path.Sub("scale");
  return ReadScale(Get(scale, std::move(call)), scale);
}

Answer<Scale> Client::SetScale(const ResourcePath& path, int64_t replicas, const std::string& resource_version,
                               CallOptions call) {
  const ResourcePath scale = path.Sub("scale");
  if (auto good = CheckPath(scale); !good) return Refuse(Failure::kInvalid, good.error().message);
  Json body = {{"apiVersion", "autoscaling/v1"},
               {"kind", "Scale"},
               {"metadata", {{"name", path.name}, {"namespace", path.name_space}}},
               {"spec", {{"replicas", replicas}}}};
  if (!resource_version.empty()) body["metadata"]["resourceVersion"] = resource_version;
  return ReadScale(
      impl_->Call(
          {.method = "PUT", .target = scale.ToString(), .content_type = "application/json", .body = detail::Dump(body)},
          Ask("update", scale), call),
      scale);
}

Answer<ResourceKind> Client::Resolve(const std::string& api_version, const std::string& kind, CallOptions call) {
  const std::string key = api_version + " " + kind;
  const SteadyTime now = RealClock().Now();
  {
    std::lock_guard lock(impl_->kinds_mutex);
    const auto known = impl_->kinds.find(key);
    if (known != impl_->kinds.end() && now - known->second.first < std::chrono::minutes(10))
      return known->second.second;
  }
  const size_t slash = api_version.find('/');
  ResourcePath path{.group = slash == std::string::npos ? "" : api_version.substr(0, slash),
                    .version = slash == std::string::npos ? api_version : api_version.substr(slash + 1),
                    .plural = "x"};
  if (auto good = CheckPath(path); !good) return Refuse(Failure::kInvalid, good.error().message);
  std::string target = path.ToString();
  target.resize(target.size() - 2);
  const std::string what = "discovery of " + api_version + " " + kind;
  auto body = impl_->Call({.target = target}, {.verb = "get", .what = what}, call);
  if (!body) return tl::unexpected(body.error());
  const auto json = detail::ParseJson(*body);
  const Json* resources = json ? detail::Find(*json, {"resources"}) : nullptr;
  if (resources == nullptr || !resources->is_array()) return Refuse(Failure::kCorrupt, what + ": no APIResourceList");
  ResourceKind found;
  for (const Json& resource : *resources) {
    const std::string name = StringAt(resource, {"name"});
    if (StringAt(resource, {"kind"}) != kind || name.find('/') != std::string::npos) continue;
    found.collection = path;
    found.collection.plural = name;
    const Json* namespaced = detail::Find(resource, {"namespaced"});
    found.namespaced = namespaced != nullptr && namespaced->is_boolean() && namespaced->get<bool>();
  }
  if (found.collection.plural.empty())
    return Refuse(Failure::kNotFound,
                  what + ": the server has no such kind; is its CustomResourceDefinition installed?");
  for (const Json& resource : *resources) {
    const std::string name = StringAt(resource, {"name"});
    if (name == found.collection.plural + "/scale") found.has_scale = true;
    if (name == found.collection.plural + "/status") found.has_status = true;
  }
  std::lock_guard lock(impl_->kinds_mutex);
  impl_->kinds[key] = {now, found};
  return found;
}

Answer<void> Client::Watch(const ResourcePath& collection, const WatchQuery& query, std::stop_token stop,
                           const std::function<bool(std::string_view line)>& on_line) {
  if (auto good = CheckPath(collection); !good) return Refuse(Failure::kInvalid, good.error().message);
  Query text;
  text.Add("watch", "1").Add("allowWatchBookmarks", "true").Add("resourceVersion", query.resource_version);
  text.Add("timeoutSeconds", std::to_string(query.timeout.count()));
  text.Add("labelSelector", query.label_selector).Add("fieldSelector", query.field_selector);
  const Asked asked = Ask("watch", collection);
  const HttpRequest request{.target = collection.ToString() + text.text()};
  std::string partial;
  bool too_long = false;
  const auto on_bytes = [&](std::string_view bytes) {
    for (size_t end; (end = bytes.find('\n')) != std::string_view::npos; bytes.remove_prefix(end + 1)) {
      partial.append(bytes.substr(0, end));
      too_long = partial.size() > query.max_line_bytes;
      if (too_long) return false;
      const bool go_on = partial.empty() || on_line(partial);
      partial.clear();
      if (!go_on || stop.stop_requested()) return false;
    }
    partial.append(bytes);
    too_long = partial.size() > query.max_line_bytes;
    return !too_long;
  };
  for (bool doubted = false;;) {
    const auto shown = impl_->credentials.Show(RealClock().Now(), RealClock().WallNow());
    if (!shown) return Refuse(Failure::kUnauthorized, asked.what + ": " + shown.error().message);
    auto answer = impl_->transport.Stream(request, *shown, query.idle, stop, on_bytes);
    if (too_long) return Refuse(Failure::kCorrupt, asked.what + ": a line is longer than is accepted");
    if (!answer) {
      answer.error().message = asked.what + ": " + answer.error().message;
      return tl::unexpected(answer.error());
    }
    if (answer->status == 401) impl_->credentials.Refused(*shown);
    if (answer->status == 401 && !std::exchange(doubted, true)) continue;
    if (stop.stop_requested()) return Refuse(Failure::kStopped, asked.what + ": asked to stop");
    if (answer->status < 300) return {};
    ApiError error = ReadStatus(answer->status, answer->body, asked);
    error.retry_after =
        std::min<milliseconds>(std::max(error.retry_after, answer->retry_after), std::chrono::minutes(1));
    return tl::unexpected(error);
  }
}

}  // namespace flyball::kube
