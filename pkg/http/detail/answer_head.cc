#include "pkg/http/detail/answer_head.h"

#include <charconv>

namespace flyball::http::detail {
namespace {

void AppendNumber(std::string& out, size_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

}  // namespace

bool AllowsBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendAnswerHead(std::string& out, const Response& response, std::string_view request_id, std::string_view date,
                      std::string_view common, ConnectionField connection) {
  if (response.status() == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    AppendNumber(out, static_cast<size_t>(response.status()));
    out.append(" ").append(ReasonPhrase(response.status())).append("\r\n");
  }
  out.append(date).append(response.header_block());
  if (AllowsBody(response.status())) {
    out.append("Content-Length: ");
    AppendNumber(out, response.body().size());
    out.append("\r\n");
  }
  if (!request_id.empty()) out.append("X-Request-Id: ").append(request_id).append("\r\n");
  out.append(common);
  if (connection == ConnectionField::kClose) out.append("Connection: close\r\n");
  if (connection == ConnectionField::kKeepAlive) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
}

}  // namespace flyball::http::detail
