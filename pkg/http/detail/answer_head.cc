#include "pkg/http/detail/answer_head.h"

#include <algorithm>
#include <charconv>

namespace flyball::http::detail {
namespace {

// Writes into room that is there.
struct Pen {
  char* at;
  void Put(std::string_view text) { at = std::copy(text.begin(), text.end(), at); }
  void PutNumber(uint64_t number) { at = std::to_chars(at, at + 20, number).ptr; }
};

}  // namespace

bool AllowsBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendChunk(std::string& out, std::string_view part) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, part.size(), 16).ptr;
  out.append(digits, static_cast<size_t>(end - digits)).append("\r\n").append(part).append("\r\n");
}

void AppendAnswerHead(std::string& out, const Response& response, std::string_view request_id,
                      std::string_view ok_and_date, std::string_view common, ConnectionField connection,
                      BodyFraming framing) {
  constexpr size_t kOurLines = 256;  // the status line, and what is written here of the fields
  const size_t before = out.size();
  out.resize(before + ok_and_date.size() + response.fixed_lines().size() + response.header_block().size() +
             request_id.size() + common.size() + kOurLines);
  Pen pen{out.data() + before};
  if (response.status() == 200) {
    pen.Put(ok_and_date);
  } else {
    pen.Put("HTTP/1.1 ");
    pen.PutNumber(static_cast<size_t>(response.status()));
    pen.Put(" ");
    pen.Put(ReasonPhrase(response.status()));
    pen.Put("\r\n");
    pen.Put(ok_and_date.substr(kOkLine.size()));
  }
  pen.Put(response.fixed_lines());
  pen.Put(response.header_block());
  if (AllowsBody(response.status()) && framing == BodyFraming::kLength) {
    pen.Put("Content-Length: ");
    pen.PutNumber(response.content_length());
    pen.Put("\r\n");
  }
  if (AllowsBody(response.status()) && framing == BodyFraming::kChunked) pen.Put("Transfer-Encoding: chunked\r\n");
  if (!request_id.empty()) {
    pen.Put("X-Request-Id: ");
    pen.Put(request_id);
    pen.Put("\r\n");
  }
  pen.Put(common);
  if (connection == ConnectionField::kClose) pen.Put("Connection: close\r\n");
  if (connection == ConnectionField::kKeepAlive) pen.Put("Connection: keep-alive\r\n");
  pen.Put("\r\n");
  out.resize(static_cast<size_t>(pen.at - out.data()));
}

}  // namespace flyball::http::detail
