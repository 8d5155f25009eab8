#include "pkg/kube/testing/fake_api_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "pkg/base/check.h"

namespace flyball::kube::testing {
namespace {

std::string Key(const std::string& name_space, const std::string& name) {
  return name_space.empty() ? name : name_space + "/" + name;
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::vector<std::string> Split(std::string_view text, char by) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == by) {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

bool Send(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool SendChunk(int fd, std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
  return Send(fd, std::string(size).append(bytes).append("\r\n"));
}

std::string LineOf(std::string_view type, const json& object) {
  return json({{"type", type}, {"object", object}}).dump() + "\n";
}

void WaitUntilClosed(int fd) {
  char byte;
  while (recv(fd, &byte, 1, 0) > 0) {
  }
}

std::optional<FakeRequest> ReadRequest(int fd, std::string& buffer) {
  const auto more = [&] {
    char bytes[16384];
    const ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
    if (got > 0) buffer.append(bytes, static_cast<size_t>(got));
    return got > 0;
  };
  size_t end;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  FakeRequest request;
  const std::vector<std::string> lines = Split(std::string_view(buffer).substr(0, end), '\n');
  const std::vector<std::string> words = Split(lines[0], ' ');
  request.method = words.at(0);
  const std::string& target = words.at(1);
  const size_t mark = target.find('?');
  request.path = Decoded(target.substr(0, mark));
  if (mark != std::string::npos) {
    for (const std::string& pair : Split(std::string_view(target).substr(mark + 1), '&')) {
      const size_t equals = pair.find('=');
      request.query[pair.substr(0, equals)] = equals == std::string::npos ? "" : Decoded(pair.substr(equals + 1));
    }
  }
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(": ");
    if (colon == std::string::npos) continue;
    std::string name = lines[i].substr(0, colon), value = lines[i].substr(colon + 2);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (value.ends_with("\r")) value.pop_back();
    request.headers[name] = value;
  }
  const std::string length = request.Header("content-length");
  const size_t size = length.empty() ? 0 : std::stoul(length);
  while (buffer.size() < end + 4 + size) {
    if (!more()) return std::nullopt;
  }
  request.body = buffer.substr(end + 4, size);
  buffer.erase(0, end + 4 + size);
  return request;
}

FakeAnswer Refuse(int code, std::string_view reason, std::string_view message) {
  return {.status = code, .body = StatusObject(code, reason, message).dump()};
}

}  // namespace

json StatusObject(int code, std::string_view reason, std::string_view message) {
  return {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", json::object()},
          {"status", "Failure"}, {"message", message}, {"reason", reason},
          {"code", code}};
}

FakeApiServer::FakeApiServer() {
  listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Check(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
  socklen_t size = sizeof(address);
  Check(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  Check(listen(listener_.get(), 128) == 0, "listen");
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

FakeApiServer::~FakeApiServer() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    for (const Connection& connection : connections_) shutdown(connection.fd, SHUT_RDWR);
    changed_.notify_all();
  }
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (Connection& connection : connections_) {
    connection.thread.join();
    close(connection.fd);
  }
}

void FakeApiServer::AcceptLoop() {
  while (true) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    std::lock_guard lock(mutex_);
    if (fd < 0 || ending_) {
      if (fd >= 0) close(fd);
      return;
    }
    connections_.push_back({fd, {}});
    connections_.back().thread = std::thread([this, fd] {
      Serve(fd);
      shutdown(fd, SHUT_RDWR);
    });
  }
}

void FakeApiServer::OnRequest(std::function<std::optional<FakeAnswer>(const FakeRequest&)> hook) {
  std::lock_guard lock(mutex_);
  on_request_ = std::move(hook);
}

void FakeApiServer::OnWatchEvent(std::function<WatchFault()> hook) {
  std::lock_guard lock(mutex_);
  on_watch_event_ = std::move(hook);
}

// "/apis/apps/v1/namespaces/shop/deployments/api/scale"
FakeApiServer::Address FakeApiServer::Locate(const std::string& path) {
  std::vector<std::string> parts = Split(std::string_view(path).substr(1), '/');
  Address at;
  size_t i = parts.at(0) == "api" ? 2 : 3;
  if (parts.size() <= i) return at;
  for (size_t k = 0; k < i; ++k) at.group += "/" + parts[k];
  if (parts[i] == "namespaces" && parts.size() > i + 2) {
    at.name_space = parts[i + 1];
    i += 2;
  }
  at.group += "/" + parts[i];
  if (parts.size() > i + 1) at.name = parts[i + 1];
  if (parts.size() > i + 2) at.subresource = parts[i + 2];
  return at;
}

void FakeApiServer::Serve(int fd) {
  std::string buffer;
  while (auto request = ReadRequest(fd, buffer)) {
    std::optional<FakeAnswer> answer;
    {
      std::lock_guard lock(mutex_);
      if (ending_) return;
      requests_.push_back(*request);
      if (on_request_) answer = on_request_(*request);
    }
    if (!answer && !request->Query("watch").empty()) return Watch(fd, *request, Locate(request->path));
    if (!answer) {
      std::lock_guard lock(mutex_);
      answer = Answer(*request);
    }
    if (answer->never) return WaitUntilClosed(fd);
    std::string text =
        "HTTP/1.1 " + std::to_string(answer->status) +
        " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(answer->body.size()) + "\r\n" +
        answer->headers + "\r\n" + answer->body;
    if (answer->cut) text.resize(text.size() - answer->body.size() / 2);
    if (!Send(fd, text) || answer->cut) return;
  }
}

FakeAnswer FakeApiServer::Answer(const FakeRequest& request) {
  const Address at = Locate(request.path);
  if (at.subresource == "scale") return ScaleOf(request, at);
  if (request.method == "POST" || request.method == "PUT") return Write(request, at);
  if (request.method == "PATCH") return Patch(request, at);
  if (request.method == "DELETE") return Delete(request, at);
  if (at.name.empty()) return List(request, at);
  const json object = Stored(at);
  if (object.is_null()) return Refuse(404, "NotFound", "\"" + at.name + "\" not found");
  return {.body = object.dump()};
}

json FakeApiServer::Stored(const Address& at) const {
  const auto group = objects_.find(at.group);
  if (group == objects_.end()) return nullptr;
  const auto found = group->second.find(Key(at.name_space, at.name));
  return found == group->second.end() ? json() : found->second;
}

// Pages as etcd's: of the state at the first page, which is forgotten by Compact().
FakeAnswer FakeApiServer::List(const FakeRequest& request, const Address& at) {
  uint64_t listed_at = version_;
  std::string from;
  if (const std::string token = request.Query("continue"); !token.empty()) {
    const size_t colon = token.find(':');
    listed_at = std::stoull(token.substr(0, colon));
    from = token.substr(colon + 1);
    if (listed_at < compacted_)
      return Refuse(410, "Expired", "The provided continue parameter is too old to display a consistent list result");
  }
  const std::string limit_text = request.Query("limit");
  const size_t limit = limit_text.empty() ? 0 : std::stoul(limit_text);
  json items = json::array();
  std::string next;
  for (const auto& [key, object] : objects_[at.group]) {
    if (key <= from && !from.empty()) continue;
    if (!at.name_space.empty() && object["metadata"].value("namespace", "") != at.name_space) continue;
    if (limit > 0 && items.size() == limit) {
      next = std::to_string(listed_at) + ":" + from;
      break;
    }
    json item = object;
    item.erase("kind");
    item.erase("apiVersion");
    items.push_back(item);
    from = key;
  }
  json list = {{"kind", "ThingList"}, {"apiVersion", "v1"}, {"items", items}};
  list["metadata"]["resourceVersion"] = std::to_string(listed_at);
  if (!next.empty()) list["metadata"]["continue"] = next;
  return {.body = list.dump()};
}

FakeAnswer FakeApiServer::Store(const Address& at, json object, std::string_view type, int status) {
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  auto& group = objects_[at.group];
  if (type == "DELETED") {
    group.erase(Key(at.name_space, at.name));
  } else {
    group[Key(at.name_space, at.name)] = object;
  }
  log_[at.group].push_back({version_, std::string(type), object});
  changed_.notify_all();
  return {.status = status, .body = object.dump()};
}

FakeAnswer FakeApiServer::Write(const FakeRequest& request, const Address& collection_or_object) {
  json object = json::parse(request.body);
  Address at = collection_or_object;
  if (request.method == "POST") at.name = object["metadata"].value("name", "");
  if (!at.name_space.empty()) object["metadata"]["namespace"] = at.name_space;
  const json known = Stored(at);
  if (request.method == "POST") {
    if (!known.is_null()) return Refuse(409, "AlreadyExists", "\"" + at.name + "\" already exists");
    object["metadata"]["uid"] = "uid-" + std::to_string(++uids_);
    return Store(at, object, "ADDED", 201);
  }
  if (known.is_null()) return Refuse(404, "NotFound", "\"" + at.name + "\" not found");
  const std::string expected = object["metadata"].value("resourceVersion", "");
  if (!expected.empty() && expected != known["metadata"]["resourceVersion"])
    return Refuse(409, "Conflict", "the object has been modified; please apply your changes to the latest version");
  json stored = known;
  if (at.subresource == "status") {
    stored["status"] = object["status"];
  } else {
    const json status = known.value("status", json());
    stored = object;
    stored["metadata"]["uid"] = known["metadata"]["uid"];
    if (!status.is_null()) stored["status"] = status;
  }
  return Store(at, stored, "MODIFIED", 200);
}

FakeAnswer FakeApiServer::Patch(const FakeRequest& request, const Address& at) {
  json known = Stored(at);
  const json patch = json::parse(request.body);
  const bool apply = request.Header("content-type") == "application/apply-patch+yaml";
  if (known.is_null() && !apply) return Refuse(404, "NotFound", "\"" + at.name + "\" not found");
  const bool fresh = known.is_null();
  if (fresh) {
    known = json::object();
    known["metadata"] = {{"name", at.name}, {"namespace", at.name_space}, {"uid", "uid-" + std::to_string(++uids_)}};
  }
  const std::string expected = patch.value("metadata", json::object()).value("resourceVersion", "");
  if (!expected.empty() && !fresh && expected != known["metadata"]["resourceVersion"])
    return Refuse(409, "Conflict", "the object has been modified");
  json patched = known;
  patched.merge_patch(patch);
  return Store(at, patched, fresh ? "ADDED" : "MODIFIED", fresh ? 201 : 200);
}

FakeAnswer FakeApiServer::Delete(const FakeRequest& request, const Address& at) {
  const json known = Stored(at);
  if (known.is_null()) return Refuse(404, "NotFound", "\"" + at.name + "\" not found");
  const json options = request.body.empty() ? json::object() : json::parse(request.body);
  const json conditions = options.value("preconditions", json::object());
  for (const char* key : {"uid", "resourceVersion"}) {
    if (conditions.contains(key) && conditions[key] != known["metadata"][key])
      return Refuse(409, "Conflict", std::string("Precondition failed: ") + key);
  }
  return Store(at, known, "DELETED", 200);
}

FakeAnswer FakeApiServer::ScaleOf(const FakeRequest& request, const Address& at) {
  json known = Stored(at);
  if (known.is_null()) return Refuse(404, "NotFound", "\"" + at.name + "\" not found");
  if (request.method == "PUT") {
    const json scale = json::parse(request.body);
    const std::string expected = scale["metadata"].value("resourceVersion", "");
    if (!expected.empty() && expected != known["metadata"]["resourceVersion"])
      return Refuse(409, "Conflict", "the object has been modified");
    known["spec"]["replicas"] = scale["spec"]["replicas"];
    Store(at, known, "MODIFIED", 200);
    known = Stored(at);
  }
  json scale = {{"kind", "Scale"}, {"apiVersion", "autoscaling/v1"}, {"metadata", known["metadata"]}};
  scale["spec"]["replicas"] = known["spec"].value("replicas", 0);
  scale["status"] = {{"replicas", known.value("status", json::object()).value("replicas", 0)}, {"selector", "app=x"}};
  return {.body = scale.dump()};
}

WatchFault FakeApiServer::NextFault() { return on_watch_event_ ? on_watch_event_() : WatchFault::kNone; }

void FakeApiServer::Watch(int fd, const FakeRequest& request, const Address& at) {
  const std::string since_text = request.Query("resourceVersion");
  const uint64_t since = since_text.empty() ? 0 : std::stoull(since_text);
  std::unique_lock lock(mutex_);
  if (!Send(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")) return;
  if (since < compacted_) {
    SendChunk(fd, LineOf("ERROR", StatusObject(410, "Expired", "too old resource version: " + since_text)));
    Send(fd, "0\r\n\r\n");
    return;
  }
  ++watches_;
  size_t next = 0;
  const auto& log = log_[at.group];
  while (next < log.size() && log[next].version <= since) ++next;
  uint64_t bookmarks = bookmarks_;
  const uint64_t ends = ends_;
  while (true) {
    changed_.wait(lock, [&] { return ending_ || next < log.size() || bookmarks != bookmarks_ || ends != ends_; });
    if (ending_) break;
    if (next < log.size()) {
      if (!SendEvent(fd, at, next)) break;
    } else if (bookmarks != bookmarks_) {
      bookmarks = bookmarks_;
      json mark = {{"kind", "Thing"}, {"metadata", {{"resourceVersion", std::to_string(version_)}}}};
      SendChunk(fd, LineOf("BOOKMARK", mark));
    } else {
      Send(fd, "0\r\n\r\n");
      break;
    }
  }
  --watches_;
}

bool FakeApiServer::SendEvent(int fd, const Address& at, size_t& next) {
  const std::vector<Logged>& log = log_[at.group];
  const auto line = [&](size_t i) { return LineOf(log[i].type, log[i].object); };
  const size_t i = next++;
  if (!at.name_space.empty() && log[i].object["metadata"].value("namespace", "") != at.name_space) return true;
  const std::string whole = line(i);
  switch (NextFault()) {
    case WatchFault::kNone:
      return SendChunk(fd, whole);
    case WatchFault::kTwice:
      return SendChunk(fd, whole + whole);
    case WatchFault::kOldAgain:
      return SendChunk(fd, line(i / 2) + whole);
    case WatchFault::kSwapped:
      if (next == log.size()) return SendChunk(fd, whole);
      return SendChunk(fd, line(next++) + whole);
    case WatchFault::kBookmark: {
      json mark = {{"kind", "Thing"}, {"metadata", {{"resourceVersion", std::to_string(log[i].version)}}}};
      return SendChunk(fd, whole + LineOf("BOOKMARK", mark));
    }
    case WatchFault::kGone:
      compacted_ = version_;
      SendChunk(fd, LineOf("ERROR", StatusObject(410, "Expired", "too old resource version")));
      break;
    case WatchFault::kError:
      SendChunk(fd, LineOf("ERROR", StatusObject(500, "InternalError", "etcdserver: leader changed")));
      break;
    case WatchFault::kGarbage:
      SendChunk(fd, whole.substr(whole.size() / 3));
      return false;
    case WatchFault::kCutLine:
      SendChunk(fd, whole.substr(0, whole.size() / 2));
      return false;
    case WatchFault::kCutEnd:
      SendChunk(fd, whole.substr(0, whole.size() / 2));
      break;
    case WatchFault::kDrop:
      return false;
    case WatchFault::kEnd:
      break;
    case WatchFault::kSilent:
      mutex_.unlock();
      WaitUntilClosed(fd);
      mutex_.lock();
      return false;
  }
  Send(fd, "0\r\n\r\n");
  return false;
}

uint64_t FakeApiServer::Put(const ResourcePath& path, json object) {
  const Address at = Locate(path.ToString());
  std::lock_guard lock(mutex_);
  const json known = Stored(at);
  object["metadata"]["name"] = at.name;
  if (!at.name_space.empty()) object["metadata"]["namespace"] = at.name_space;
  object["metadata"]["uid"] = known.is_null() ? json("uid-" + std::to_string(++uids_)) : known["metadata"]["uid"];
  if (!object.contains("apiVersion")) object["apiVersion"] = path.ApiVersion();
  if (!object.contains("kind")) object["kind"] = "Thing";
  Store(at, std::move(object), known.is_null() ? "ADDED" : "MODIFIED", 200);
  return version_;
}

uint64_t FakeApiServer::Remove(const ResourcePath& path) {
  const Address at = Locate(path.ToString());
  std::lock_guard lock(mutex_);
  const json known = Stored(at);
  if (known.is_null()) return 0;
  Store(at, known, "DELETED", 200);
  return version_;
}

std::optional<json> FakeApiServer::Get(const ResourcePath& path) const {
  std::lock_guard lock(mutex_);
  json object = Stored(Locate(path.ToString()));
  if (object.is_null()) return std::nullopt;
  return object;
}

std::map<std::string, std::string> FakeApiServer::State(const ResourcePath& collection) const {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::string> state;
  const auto group = objects_.find(Locate(collection.In("").Collection().ToString()).group);
  if (group == objects_.end()) return state;
  for (const auto& [key, object] : group->second)
    state[key] =
        object["metadata"]["uid"].get<std::string>() + "@" + object["metadata"]["resourceVersion"].get<std::string>();
  return state;
}

void FakeApiServer::Compact() {
  std::lock_guard lock(mutex_);
  compacted_ = ++version_;
}

void FakeApiServer::SendBookmarks() {
  std::lock_guard lock(mutex_);
  ++bookmarks_;
  changed_.notify_all();
}

void FakeApiServer::EndWatches() {
  std::lock_guard lock(mutex_);
  ++ends_;
  changed_.notify_all();
}

int FakeApiServer::connections() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(connections_.size());
}

int FakeApiServer::watches() const {
  std::lock_guard lock(mutex_);
  return watches_;
}

uint64_t FakeApiServer::version() const {
  std::lock_guard lock(mutex_);
  return version_;
}

std::vector<FakeRequest> FakeApiServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace flyball::kube::testing
