// The Kubernetes API over HTTP/2 (1.1 where it is not offered), on libcurl: JSON text in and out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/kube/api_error.h"
#include "pkg/kube/config.h"
#include "pkg/kube/object.h"
#include "pkg/kube/resource_path.h"

namespace flyball::kube {

struct ClientOptions {
  std::string user_agent = "flyball";
  std::chrono::milliseconds timeout{10'000};  // of one call with all its retries, when the call names none
  std::chrono::milliseconds connect_timeout{5'000};
  int retries = 5;                                        // after 429, or 5xx with Retry-After
  std::chrono::milliseconds longest_retry_after{30'000};  // a server that asks for more is asked again then
  size_t max_body_bytes = 64 << 20;
};

struct CallOptions {
  std::optional<std::chrono::milliseconds> timeout{};
  std::stop_token stop{};  // ends the call with kStopped
};

struct ListOptions {
  std::string label_selector{}, field_selector{};
  int page_size = 500;  // objects a request
};

enum class PatchType {
  kMerge,  // RFC 7386
  kJson,   // RFC 6902
  kApply,  // server-side apply: the body is the whole intent of `field_manager`, JSON; creates what is not there
};
struct PatchOptions {
  PatchType type = PatchType::kMerge;
  std::string field_manager = "flyball";
  bool force = false;  // kApply: take fields from other managers instead of kConflict
};

struct DeleteOptions {
  std::string uid{}, resource_version{};  // preconditions; kConflict when the object is another one by now
  std::string propagation{};              // "Background", "Foreground", "Orphan"; empty: the kind's default
};

// The /scale subresource (autoscaling/v1).
struct Scale {
  int64_t replicas = 0;         // wanted
  int64_t status_replicas = 0;  // seen by the workload's controller
  std::string selector{};       // of its pods
  std::string resource_version{};
  std::string uid{};
};

// What an apiVersion and kind are as a resource.
struct ResourceKind {
  ResourcePath collection{};  // without namespace
  bool namespaced = true;
  bool has_scale = false, has_status = false;
};

struct WatchQuery {
  std::string label_selector{}, field_selector{};
  std::string resource_version{};           // from just after this
  std::chrono::seconds timeout{300};        // the server ends the watch then
  std::chrono::milliseconds idle{150'000};  // with nothing received so long the connection counts as dead
  size_t max_line_bytes = 16 << 20;
};

// Any number of threads; each call uses a connection of its own from those kept alive. Calls block.
// All errors are ApiErrors; a 401 is tried once more with credentials read anew; a 429 waits as the server asks, within
// the call's time. Calls that write are sent again only when the server said that it had not begun.
class Client {
 public:
  // kInvalid when the configuration cannot be used (bad URL, unreadable certificate). Does not connect.
  static Result<std::unique_ptr<Client>> Open(Config config, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The object (or any path's JSON).
  Answer<std::string> Get(const ResourcePath& path, CallOptions call = {});
  // All pages. When the continue token has expired meanwhile the list is begun anew.
  Answer<ObjectList> List(const ResourcePath& collection, const ListOptions& list = {}, CallOptions call = {});
  // These return the object as it was stored. Update is refused with kConflict when the object's
  // metadata.resourceVersion (which it must carry) is not the newest. For status: path.Sub("status"). Create into a
  // collection, or to a subresource of an object (a service account's "token", a pod's "eviction").
  Answer<std::string> Create(const ResourcePath& path, const std::string& object, CallOptions call = {});
  Answer<std::string> Update(const ResourcePath& path, const std::string& object, CallOptions call = {});
  Answer<std::string> Patch(const ResourcePath& path, const std::string& patch, const PatchOptions& options,
                            CallOptions call = {});
  // kNotFound when there was none. Objects with finalizers go on existing for a while.
  Answer<void> Delete(const ResourcePath& path, const DeleteOptions& options = {}, CallOptions call = {});

  // `path` names the workload. Writing is refused with kConflict when `resource_version` (not empty) is not the newest.
  Answer<Scale> GetScale(const ResourcePath& path, CallOptions call = {});
  Answer<Scale> SetScale(const ResourcePath& path, int64_t replicas, const std::string& resource_version,
                         CallOptions call = {});

  // By the server's discovery; remembered for ten minutes. kNotFound when it serves no such kind.
  Answer<ResourceKind> Resolve(const std::string& api_version, const std::string& kind, CallOptions call = {});

  // GET of a path such as "/version" or "/readyz".
  Answer<std::string> GetRaw(const std::string& path, CallOptions call = {});

  // One watch request: `on_line` gets each complete line (one watch event, JSON) on this thread, as it arrives; false
  // ends it. Returns without an error when the server ended the stream or on_line did; else kTimeout (nothing came for
  // `idle`; its status is 200 when the server had begun to answer), kUnavailable (broken connection), kStopped, or the
  // error the server answered with. A line cut short by the end is not delivered. No retries.
  Answer<void> Watch(const ResourcePath& collection, const WatchQuery& query, std::stop_token stop,
                     const std::function<bool(std::string_view line)>& on_line);

  const Config& config() const;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::kube
