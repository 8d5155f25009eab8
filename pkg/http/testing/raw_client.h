// A client that sends bytes as told and reads answers one by one: for tests of what a proper client would never do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/unique_fd.h"

namespace flyball::http::testing {

struct RawAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first value, empty when absent. ASCII case does not matter.
  std::string Header(std::string_view name) const;
  bool SaysClose() const { return Header("Connection") == "close"; }
};

class RawClient {
 public:
  // Connects to 127.0.0.1. A small `receive_buffer` (bytes) makes a slow reader. `from`: the address to come from, one
  // of 127.0.0.0/8.
  explicit RawClient(uint16_t port, int receive_buffer = 0, const char* from = nullptr);

  // False when the server has closed or reset the connection.
  bool Send(std::string_view bytes);
  // One send per byte, each its own segment.
  bool SendByteByByte(std::string_view bytes);
  // No more will be sent (FIN), answers are still read.
  void HalfClose();
  // Aborts with RST.
  void Reset();

  // The next answer, de-chunked; nullopt when the connection ends first or `limit` passes. Interim (1xx) answers are
  // returned like any other. `to_head`: an answer to HEAD has no body whatever its Content-Length says.
  std::optional<RawAnswer> Read(bool to_head = false, milliseconds limit = seconds(30));
  // Whether the server ends the connection within `limit` without another byte.
  bool Ends(milliseconds limit = seconds(30));
  // Everything until the server ends the connection.
  std::string ReadToEnd(milliseconds limit = seconds(30));
  // At most `bytes` of what is there, unparsed; waits up to `limit` for the first.
  size_t ReadRaw(size_t bytes, milliseconds limit = seconds(30));

  int fd() const { return fd_.get(); }

 private:
  enum class Got { kBytes, kEnd, kNothing };
  Got Receive(SteadyTime until);
  bool ReadChunks(std::string& body, SteadyTime until);

  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace flyball::http::testing
