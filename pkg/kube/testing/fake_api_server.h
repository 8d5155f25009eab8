// An API server for what a real one cannot be asked for: it stores objects as the real one does as far as clients can
// tell (resourceVersions, uids, preconditions, pages, watches), and breaks where a test says so. HTTP/1.1 on loopback,
// one thread a connection.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pkg/base/unique_fd.h"
#include "pkg/kube/config.h"
#include "pkg/kube/resource_path.h"

namespace flyball::kube::testing {

using nlohmann::json;

struct FakeRequest {
  std::string method{}, path{}, body{};
  std::map<std::string, std::string> query{}, headers{};  // names of headers in lower case

  std::string Query(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? "" : found->second;
  }
  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct FakeAnswer {
  int status = 200;
  std::string body{};
  std::string headers{};  // whole lines
  bool never = false;     // the connection stays open and silent
  bool cut = false;       // half of it, then the connection ends
};

// What happens to the event that is about to be sent.
enum class WatchFault {
  kNone,
  kTwice,     // it is sent two times
  kOldAgain,  // some older event of the log is sent again before it
  kSwapped,   // it and the next one, when there is one, change places
  kBookmark,  // a bookmark follows it
  kGone,      // instead: ERROR 410, end; everything so far is compacted
  kError,     // instead: ERROR 500, end
  kGarbage,   // instead: a line that is no event
  kCutLine,   // half of its line, then the connection ends
  kCutEnd,    // half of its line, then an orderly end of the stream
  kDrop,      // instead: the connection ends
  kEnd,       // instead: the orderly end of the stream
  kSilent,    // instead: nothing, ever, on an open connection
};

json StatusObject(int code, std::string_view reason, std::string_view message);

class FakeApiServer {
 public:
  FakeApiServer();
  ~FakeApiServer();  // ends every connection, joins

  std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  Config ClientConfig() const { return {.server = Url(), .source = "the fake server"}; }

  // Asked first; an answer stands for the server's own. On the connection's thread, one at a time.
  void OnRequest(std::function<std::optional<FakeAnswer>(const FakeRequest&)> hook);
  // Asked for each event of each watch.
  void OnWatchEvent(std::function<WatchFault()> hook);

  // As another client would. Put creates or updates; both return the new resourceVersion (0: nothing to remove).
  uint64_t Put(const ResourcePath& path, json object);
  uint64_t Remove(const ResourcePath& path);
  std::optional<json> Get(const ResourcePath& path) const;
  // "namespace/name" -> "uid@resourceVersion" of all objects of the collection, whatever its namespace.
  std::map<std::string, std::string> State(const ResourcePath& collection) const;

  void Compact();           // resourceVersions so far are too old from now on
  void SendBookmarks();     // to all watches, after the events
  void EndWatches();        // in order, as after timeoutSeconds
  int connections() const;  // accepted so far
  int watches() const;      // open ones, the silent included
  uint64_t version() const;
  std::vector<FakeRequest> requests() const;  // so far

 private:
  using Group = std::string;  // path of the collection without namespace
  struct Logged {
    uint64_t version;
    std::string type;
    json object;
  };
  struct Address {
    Group group{};
    std::string name_space{}, name{}, subresource{};
  };
  struct Connection {
    int fd;
    std::thread thread;
  };

  static Address Locate(const std::string& path);
  void AcceptLoop();
  void Serve(int fd);
  FakeAnswer Answer(const FakeRequest& request);
  FakeAnswer List(const FakeRequest& request, const Address& at);
  FakeAnswer Write(const FakeRequest& request, const Address& at);
  FakeAnswer Patch(const FakeRequest& request, const Address& at);
  FakeAnswer Delete(const FakeRequest& request, const Address& at);
  FakeAnswer ScaleOf(const FakeRequest& request, const Address& at);
  FakeAnswer Store(const Address& at, json object, std::string_view type, int status);
  void Watch(int fd, const FakeRequest& request, const Address& at);
  bool SendEvent(int fd, const Address& at, size_t& next);  // false ends the stream, without a last chunk
  json Stored(const Address& at) const;
  WatchFault NextFault();

  UniqueFd listener_;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;  // all below
  std::condition_variable changed_;
  std::list<Connection> connections_;
  bool ending_ = false;
  std::function<std::optional<FakeAnswer>(const FakeRequest&)> on_request_;
  std::function<WatchFault()> on_watch_event_;
  std::map<Group, std::map<std::string, json>> objects_;  // by "namespace/name"
  std::map<Group, std::vector<Logged>> log_;
  std::vector<FakeRequest> requests_;
  uint64_t version_ = 1000, compacted_ = 0, uids_ = 0, bookmarks_ = 0, ends_ = 0;
  int watches_ = 0;
};

}  // namespace flyball::kube::testing
