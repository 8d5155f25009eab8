#pragma once

#include <string>
#include <string_view>

#include "pkg/http/response.h"

namespace flyball::http::detail {

enum class ConnectionField { kNone, kClose, kKeepAlive };

// Whether an answer with this status may carry a body (RFC 9110 section 6.4.1).
bool AllowsBody(int status);

// Appends status line, fields and the empty line. `date` and `common` are complete lines.
void AppendAnswerHead(std::string& out, const Response& response, std::string_view request_id, std::string_view date,
                      std::string_view common, ConnectionField connection);

}  // namespace flyball::http::detail
