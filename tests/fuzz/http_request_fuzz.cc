// The reader of requests on any stream: it must not crash, must not depend on how the stream is cut into pieces, and
// must never hand out a request that holds what it promises to refuse.
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "pkg/base/check.h"
#include "pkg/base/utf8.h"
#include "pkg/http/detail/request_reader.h"

namespace {

using flyball::Check;
using flyball::http::Limits;
using flyball::http::detail::Exchange;
using flyball::http::detail::RequestReader;

class NoSink final : public flyball::http::detail::AnswerSink {
 public:
  void Complete(Exchange*) override {}
  void StreamReady(int, uint32_t) override {}
};

void CheckRequest(const flyball::http::Request& request, const Limits& limits) {
  const std::string_view path = request.path();
  Check(path == "*" || path.front() == '/', "a path begins with '/'");
  Check(path.find('\0') == std::string_view::npos, "no NUL in a path");
  Check(flyball::FirstInvalidUtf8(path) == path.size(), "a path is UTF-8");
  Check(request.body().size() <= limits.body_bytes, "a body is within its limit");
  Check(request.CountHeader("content-length") + request.CountHeader("transfer-encoding") <= 1, "one framing");
  for (const auto& field : request.headers()) {
    Check(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos, "clean values");
  }
}

// What was understood, as text.
std::string Understand(std::string_view stream, size_t piece, const Limits& limits) {
  RequestReader reader;
  Exchange exchange(std::make_shared<NoSink>());
  std::string buffer, out;
  for (size_t sent = 0; sent < stream.size(); sent += piece) {
    buffer.append(stream.substr(sent, piece));
    for (bool more = true; more;) {
      size_t consumed = 0;
      const RequestReader::Step step = reader.Read(buffer, limits, exchange, consumed);
      Check(consumed <= buffer.size(), "no more is consumed than there is");
      buffer.erase(0, consumed);
      if (step == RequestReader::Step::kNeedMore) {
        more = false;
      } else if (step == RequestReader::Step::kRefused) {
        return out + std::to_string(reader.refusal().status);
      } else if (step == RequestReader::Step::kHead) {
        exchange.max_body_bytes = limits.body_bytes;
      } else {
        CheckRequest(exchange.request, limits);
        out.append(exchange.request.method_text()).append(exchange.request.target()).append(exchange.request.body());
        more = !buffer.empty();
      }
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  Limits limits;
  limits.body_bytes = 1000;
  const std::string whole = Understand(stream, size + 1, limits);
  Check(Understand(stream, 1, limits) == whole, "byte by byte it is understood the same");
  Check(Understand(stream, 7, limits) == whole, "in pieces it is understood the same");
  return 0;
}
