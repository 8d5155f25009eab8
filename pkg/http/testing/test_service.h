// A service to test the server with.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pkg/http/server.h"

namespace flyball::http::testing {

// Waits until `holds` is true; false when `limit` passes first.
bool Eventually(const std::function<bool()>& holds, milliseconds limit = seconds(60));

// GET /echo/{text}   200 with the text, at once, on the reactor
// POST /echo         200 with the body
// GET /later/{text}  200 with the text, from an executor thread; POST too
// GET /held/{text}   answered with the text when Release(text) is called
// POST /held/{text}  the same
// GET /big/{bytes}   200 with that many bytes, a shared body
// GET /dropped       its responder is dropped
// GET /throws        Handle throws
// GET /bye           200 that closes the connection
// POST /small        a route with a body limit of 10 bytes
// GET /files/{path...}
// GET /stream/{bytes}  that many bytes, written as there is room from an executor thread and the reactor; POST too
// GET /nonces/{count}/{text}  the text so many times, streamed like that
// GET /open            a stream that the test writes: TakeWriter
// GET /part/{offset}/{length}  of the file given to ServeFile
class TestService final : public Handler {
 public:
  explicit TestService(int executors = 2);
  ~TestService() override;

  static Router Routes();

  void Handle(Responder responder) override;
  void OnReactorStart(int reactor) override;
  void OnTick(int reactor, SteadyTime now) override;
  void OnAnswered(const Answered& answered) override;

  // How many are held under /held.
  size_t Held();
  void Release(const std::string& text);
  // Of the oldest /open that was not taken yet; waits for it.
  BodyWriter TakeWriter();
  void ServeFile(std::shared_ptr<const UniqueFd> file);
  // What byte `at` of a /stream is.
  static char StreamByte(size_t at) { return static_cast<char>('a' + at * 7 / 5 % 26); }

  std::atomic<uint64_t> started{0}, ticks{0}, handled{0}, answered{0}, undelivered{0}, by_server{0};
  std::atomic<bool> early{false};         // something was called before OnReactorStart
  std::atomic<uint64_t> stream_bytes{0};  // written to /stream
  std::atomic<uint64_t> streams_gone{0};  // whose client left

 private:
  void Execute();

  std::mutex mutex_;
  std::condition_variable work_;
  bool stop_ = false;
  std::deque<Responder> queue_;
  std::vector<Responder> held_;
  std::deque<BodyWriter> writers_;
  std::shared_ptr<const UniqueFd> file_;
  std::vector<std::thread> executors_;
};

// A server on a free port with a TestService behind it.
class TestServer {
 public:
  explicit TestServer(std::function<void(ServerOptions&)> adjust = nullptr);

  TestService service;
  uint16_t port() const { return server->port(); }
  Counters counters() const { return server->counters(); }

  std::unique_ptr<Server> server;
};

}  // namespace flyball::http::testing
