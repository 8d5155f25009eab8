#include "pkg/http/detail/answer_head.h"

#include <charconv>

namespace flyball::http::detail {
namespace {

void AppendNumber(std::string& out, uint64_t number, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

}  // namespace

bool AllowsBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendChunk(std::string& out, std::string_view part) {
  AppendNumber(out, part.size(), 16);
  out.append("\r\n").append(part).append("\r\n");
}

void AppendAnswerHead(std::string& out, const Response& response, std::string_view request_id, std::string_view date,
                      std::string_view common, ConnectionField connection, BodyFraming framing) {
  if (response.status() == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    AppendNumber(out, static_cast<size_t>(response.status()));
    out.append(" ").append(ReasonPhrase(response.status())).append("\r\n");
  }
  out.append(date).append(response.header_block());
  if (AllowsBody(response.status()) && framing == BodyFraming::kLength) {
    out.append("Content-Length: ");
    AppendNumber(out, response.content_length());
    out.append("\r\n");
  }
  if (AllowsBody(response.status()) && framing == BodyFraming::kChunked) out.append("Transfer-Encoding: chunked\r\n");
  if (!request_id.empty()) out.append("X-Request-Id: ").append(request_id).append("\r\n");
  out.append(common);
  if (connection == ConnectionField::kClose) out.append("Connection: close\r\n");
  if (connection == ConnectionField::kKeepAlive) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
}

}  // namespace flyball::http::detail
