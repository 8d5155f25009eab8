// A server of ours for raw messages: answers what it understood, and remembers who asked.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "pkg/http/server.h"

namespace flyball::framing {

// The field by which a proxy in front marks each request that it forwards.
inline constexpr const char* kFrontId = "X-Front-Id";

class EchoServer {
 public:
  EchoServer();

  uint16_t port() const { return server_.port(); }

  struct Seen {
    std::string front_id;  // values of kFrontId, joined with ','; empty when there is none
    std::string text;      // "GET /a", or "refused 400" for what could not be understood as a request
  };
  // Every request so far, those that were refused included. Any thread.
  std::vector<Seen> seen() const;

 private:
  // Offers GET, POST, PUT, PATCH and DELETE on every path; answers "METHOD PATH HOST [BODY]".
  class Echo final : public http::Handler {
   public:
    void Handle(http::Responder responder) override;
    void OnAnswered(const http::Answered& answered) override;

    mutable std::mutex mutex;
    std::vector<Seen> seen;
  };

  Echo echo_;
  http::Server server_;
};

}  // namespace flyball::framing
