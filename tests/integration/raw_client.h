// One HTTP/1.1 connection that tells apart what a client library would not: never connected, answered, or lost.
#pragma once

#include <cstdint>
#include <string>

#include "pkg/base/unique_fd.h"

namespace flyball::integration {

struct Outcome {
  enum class Kind {
    kAnswered,  // a complete answer came
    kRefused,   // no connection was made: the request was never on its way
    kLost,      // sent, at least in part, and no complete answer came
  } kind = Kind::kRefused;
  int status = 0;
  std::string body;
};

// Connects when it has to and keeps the connection until the server says close. One thread at a time.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : port_(port) {}

  // Waits at most 30 s for the answer. Nothing is sent twice: end-of-file where the answer should begin is a loss, on a
  // connection that was kept alive too, because a server says close before it does.
  Outcome Send(const std::string& method, const std::string& path, const std::string& token,
               const std::string& body = "");

 private:
  bool Connect();
  // False when the connection ended before the answer was whole.
  bool ReadAnswer(Outcome& answer);

  const uint16_t port_;
  UniqueFd connection_;
};

}  // namespace flyball::integration
