#include "pkg/http/testing/test_service.h"

#include <algorithm>
#include <stdexcept>

#include "pkg/base/check.h"

namespace flyball::http::testing {
namespace {

enum Endpoint : uint32_t {
  kEcho,
  kEchoBody,
  kLater,
  kHeld,
  kBig,
  kDropped,
  kThrows,
  kBye,
  kSmall,
  kFiles,
  kStream,
  kNonces,
  kOpen,
  kPart
};

Response Text(std::string_view text) {
  Response response;
  response.SetBody("text/plain", std::string(text));
  return response;
}

// Writes a /stream as there is room.
struct Producer : std::enable_shared_from_this<Producer> {
  // `repeated` empty: the bytes of a /stream.
  Producer(TestService& its_service, BodyWriter its_writer, size_t bytes, std::string its_repeated = "")
      : service(its_service), writer(std::move(its_writer)), total(bytes), repeated(std::move(its_repeated)) {}

  char ByteAt(size_t at) const {
    return repeated.empty() ? TestService::StreamByte(at) : repeated[at % repeated.size()];
  }

  void Go() {
    while (done < total) {
      std::string part;
      while (part.size() < 1024 && done + part.size() < total) part.push_back(ByteAt(done + part.size()));
      const BodyWriter::Room room = writer.Write(part);
      if (room == BodyWriter::Room::kGone) {
        ++service.streams_gone;
        return;
      }
      done += part.size();
      service.stream_bytes += part.size();
      if (room == BodyWriter::Room::kNone && writer.WhenRoom([self = shared_from_this()] { self->Go(); })) return;
    }
    writer.Finish();
  }

  TestService& service;
  BodyWriter writer;
  const size_t total;
  const std::string repeated;
  size_t done = 0;
};

}  // namespace

bool Eventually(const std::function<bool()>& holds, milliseconds limit) {
  const SteadyTime until = RealClock().Now() + limit;
  while (!holds()) {
    if (RealClock().Now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

TestService::TestService(int executors) {
  for (int i = 0; i < executors; ++i) executors_.emplace_back([this] { Execute(); });
}

TestService::~TestService() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    work_.notify_all();
  }
  for (std::thread& executor : executors_) executor.join();
}

Router TestService::Routes() {
  Router router;
  const auto add = [&](Method method, std::string_view pattern, uint32_t endpoint, RouteOptions options = {}) {
    Check(router.Add(method, pattern, endpoint, options).has_value(), "a route of the test service");
  };
  add(Method::kGet, "/echo/{text}", kEcho);
  add(Method::kPost, "/echo", kEchoBody);
  add(Method::kGet, "/later/{text}", kLater);
  add(Method::kPost, "/later/{text}", kLater);
  add(Method::kGet, "/held/{text}", kHeld);
  add(Method::kPost, "/held/{text}", kHeld);
  add(Method::kGet, "/big/{bytes}", kBig);
  add(Method::kGet, "/dropped", kDropped);
  add(Method::kGet, "/throws", kThrows);
  add(Method::kGet, "/bye", kBye);
  add(Method::kPost, "/small", kSmall, {.max_body_bytes = 10});
  add(Method::kGet, "/files/{path...}", kFiles);
  add(Method::kGet, "/stream/{bytes}", kStream);
  add(Method::kPost, "/stream/{bytes}", kStream);
  add(Method::kGet, "/nonces/{count}/{text}", kNonces);
  add(Method::kGet, "/open", kOpen);
  add(Method::kGet, "/part/{offset}/{length}", kPart);
  return router;
}

void TestService::OnReactorStart(int) { ++started; }
void TestService::OnTick(int, SteadyTime) { ++ticks; }

void TestService::OnAnswered(const Answered& one) {
  ++answered;
  if (!one.delivered) ++undelivered;
  if (one.by_server) ++by_server;
}

void TestService::Handle(Responder responder) {
  if (started == 0) early = true;
  ++handled;
  const Request& request = responder.request();
  switch (request.endpoint()) {
    case kEcho:
    case kFiles:
      return std::move(responder).Send(Text(request.PathParam(size_t{0})));
    case kEchoBody:
    case kSmall:
      return std::move(responder).Send(Text(request.body()));
    case kBig: {
      Response response;
      const size_t bytes = std::stoul(std::string(request.PathParam("bytes")));
      response.SetBody("text/plain", std::make_shared<const std::string>(bytes, 'b'));
      return std::move(responder).Send(std::move(response));
    }
    case kBye:
      return std::move(responder).Send(std::move(Text("bye").CloseConnection()));
    case kThrows:
      throw std::runtime_error("as asked");
    case kDropped:
      return;
    case kHeld: {
      std::lock_guard lock(mutex_);
      held_.push_back(std::move(responder));
      return;
    }
    case kOpen: {
      BodyWriter writer = std::move(responder).Stream(Response(200).AddHeader("Content-Type", "text/plain"));
      std::lock_guard lock(mutex_);
      writers_.push_back(std::move(writer));
      return;
    }
    case kPart: {
      Response response;
      std::lock_guard lock(mutex_);
      response.SetFile("application/octet-stream", {file_, std::stoull(std::string(request.PathParam("offset"))),
                                                    std::stoull(std::string(request.PathParam("length")))});
      return std::move(responder).Send(std::move(response));
    }
    case kStream:
    case kNonces:
    case kLater: {
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(responder));
      work_.notify_one();
      return;
    }
    default:
      Check(false, "every endpoint is handled");
  }
}

void TestService::Execute() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Responder responder = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    if (responder.request().endpoint() == kStream) {
      const size_t bytes = std::stoul(std::string(responder.request().PathParam("bytes")));
      std::make_shared<Producer>(*this, std::move(responder).Stream(Response(200), 32 * 1024), bytes)->Go();
    } else if (responder.request().endpoint() == kNonces) {
      const std::string text(responder.request().PathParam("text"));
      const size_t bytes = std::stoul(std::string(responder.request().PathParam("count"))) * text.size();
      std::make_shared<Producer>(*this, std::move(responder).Stream(Response(200), 16 * 1024), bytes, text)->Go();
    } else {
      Response response = Text(responder.request().PathParam("text"));
      std::move(responder).Send(std::move(response));
    }
    lock.lock();
  }
}

size_t TestService::Held() {
  std::lock_guard lock(mutex_);
  return held_.size();
}

void TestService::Release(const std::string& text) {
  std::unique_lock lock(mutex_);
  const auto at = std::find_if(held_.begin(), held_.end(), [&](const Responder& responder) {
    return responder.request().PathParam("text") == text;
  });
  Check(at != held_.end(), "what is released is held");
  Responder responder = std::move(*at);
  held_.erase(at);
  lock.unlock();
  std::move(responder).Send(Text(text));
}

BodyWriter TestService::TakeWriter() {
  Check(Eventually([this] {
          std::lock_guard lock(mutex_);
          return !writers_.empty();
        }),
        "a stream was asked for");
  std::lock_guard lock(mutex_);
  BodyWriter writer = std::move(writers_.front());
  writers_.pop_front();
  return writer;
}

void TestService::ServeFile(std::shared_ptr<const UniqueFd> file) {
  std::lock_guard lock(mutex_);
  file_ = std::move(file);
}

TestServer::TestServer(std::function<void(ServerOptions&)> adjust) {
  ServerOptions options;
  if (adjust) adjust(options);
  server = std::make_unique<Server>(std::move(options), TestService::Routes(), service);
  const auto started = server->Start();
  Check(started.has_value(), started ? "" : started.error().message);
}

}  // namespace flyball::http::testing
