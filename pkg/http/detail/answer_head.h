#pragma once

#include <string>
#include <string_view>

#include "pkg/http/response.h"

namespace flyball::http::detail {

enum class ConnectionField { kNone, kClose, kKeepAlive };

// How the end of the answer's body is told (RFC 9112 section 6).
enum class BodyFraming { kLength, kChunked, kUntilClose };

// Whether an answer with this status may carry a body (RFC 9110 section 6.4.1).
bool AllowsBody(int status);

// Appends one chunk; `part` is not empty.
void AppendChunk(std::string& out, std::string_view part);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

inline constexpr std::string_view kOkLine = "HTTP/1.1 200 OK\r\n";

// Appends status line, fields and the empty line. `ok_and_date` is kOkLine and the Date line, `common` complete lines.
void AppendAnswerHead(std::string& out, const Response& response, std::string_view request_id,
                      std::string_view ok_and_date, std::string_view common, ConnectionField connection,
                      BodyFraming framing);

}  // namespace flyball::http::detail
