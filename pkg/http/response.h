// What we answer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "pkg/base/unique_fd.h"
#include "pkg/http/request.h"

namespace flyball::http {

// "Not Found"; "Unknown" for a number without a registered phrase.
std::string_view ReasonPhrase(int status);

// A status, fields and a body. The server adds Date, Content-Length, Connection and X-Request-Id by itself, sends no
// body for HEAD, 204 and 304, and answers 500 instead when the status is not 200 to 599. Movable; not thread-safe.
class Response {
 public:
  // A buffer that many answers share (cached answers, static pages); never copied.
  using SharedBody = std::shared_ptr<const std::string>;
  // A part of an open regular file; answers share the descriptor, the last one closes it.
  struct FilePart {
    std::shared_ptr<const UniqueFd> file;
    uint64_t offset = 0;
    uint64_t length = 0;
  };

  Response() = default;
  explicit Response(int status) : status_(status) {}

  // As if made anew; memory that is usual in size is kept.
  void Clear();

  int status() const { return status_; }
  void set_status(int status) { status_ = status; }

  // Appends a field. `name` must be a token (a bug otherwise) and none of those the server adds. CR, LF and NUL in
  // `value` become spaces, so that no input can split an answer. Returns *this for chaining.
  Response& AddHeader(std::string_view name, std::string_view value);
  // Appends fields that were made before: `lines` is "name: value\r\n" for each, taken as it is.
  Response& AddLines(std::string_view lines) {
    headers_.append(lines);
    return *this;
  }
  // The same for lines that outlive every answer (a literal): they are not copied. They come first; the last call
  // counts.
  Response& SetFixedLines(std::string_view lines) {
    fixed_lines_ = lines;
    return *this;
  }
  std::string_view fixed_lines() const { return fixed_lines_; }
  // What was added: "name: value\r\n" for each field, as it goes on the wire.
  std::string_view header_block() const { return headers_; }

  // Appends Content-Type (unless empty) and sets the body.
  Response& SetBody(std::string_view content_type, std::string body);
  Response& SetBody(std::string_view content_type, SharedBody body);
  // `length` bytes of `file` from `offset` on, read piece by piece as the client takes them, never as a whole. The file
  // must hold that many until they are sent: when it turns out shorter the connection is cut. Appends Content-Type
  // (unless empty).
  Response& SetFile(std::string_view content_type, FilePart part);
  // Null when the body is in memory.
  const FilePart* file() const { return std::get_if<FilePart>(&body_); }
  // What is in memory; empty for a file.
  std::string_view body() const;
  // Bytes of the body, wherever it is.
  uint64_t content_length() const;
  // For writers that append to the body in place; the body must be owned (not shared, no file).
  std::string& mutable_body();
  // Moves the body out as a shared buffer, and shares it: for filling a cache with what is being answered. Not a file.
  SharedBody ShareBody();

  // The connection is closed after this answer.
  Response& CloseConnection() {
    close_ = true;
    return *this;
  }
  bool closes_connection() const { return close_; }

  // A number that only the handler understands; comes back in Answered (server.h), e.g. the reason of a refusal.
  void set_tag(uint64_t tag) { tag_ = tag; }
  uint64_t tag() const { return tag_; }

 private:
  int status_ = 200;
  uint64_t tag_ = 0;
  bool close_ = false;
  std::string_view fixed_lines_;
  std::string headers_;
  std::variant<std::string, SharedBody, FilePart> body_;
};

// application/json; `json` is one complete JSON value.
Response Json(int status, std::string json);

// One thing that is wrong with the request, for problem+json `errors`.
struct ProblemError {
  std::string pointer;  // JSON pointer into the body ("/title"), or "query/limit"
  std::string code;     // stable, for programs: "required", "too-long"
  std::string message;  // for people
};

// application/problem+json (RFC 9457): type "about:blank", title = the reason phrase, status, detail (omitted when
// empty), instance = the request's path, requestId, and errors when there are any. Cache-Control: no-store.
Response Problem(const Request& request, int status, std::string_view detail,
                 std::span<const ProblemError> errors = {});

}  // namespace flyball::http
