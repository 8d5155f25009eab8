#include "pkg/http/response.h"

#include <algorithm>

#include "pkg/base/check.h"
#include "pkg/base/json_writer.h"
#include "pkg/http/detail/characters.h"

namespace flyball::http {
namespace {

constexpr size_t kUsualHeaderBytes = 160;
constexpr size_t kKeptBytes = 1024;

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 102:
      return "Processing";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 208:
      return "Already Reported";
    case 226:
      return "IM Used";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 305:
      return "Use Proxy";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 424:
      return "Failed Dependency";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 506:
      return "Variant Also Negotiates";
    case 507:
      return "Insufficient Storage";
    case 508:
      return "Loop Detected";
    case 511:
      return "Network Authentication Required";
    default:
      return "Unknown";
  }
}

void Response::Clear() {
  auto* owned = std::get_if<std::string>(&body_);
  if (owned == nullptr || owned->capacity() > kKeptBytes || headers_.capacity() > kKeptBytes) {
    *this = Response();
    return;
  }
  status_ = 200;
  tag_ = 0;
  close_ = false;
  fixed_lines_ = {};
  headers_.clear();
  owned->clear();
}

Response& Response::AddHeader(std::string_view name, std::string_view value) {
  Check(!name.empty() && detail::AllOf(name, detail::kTokenChar), "a header name is a token");
  if (headers_.empty()) headers_.reserve(kUsualHeaderBytes);
  headers_.append(name).append(": ");
  const size_t start = headers_.size();
  headers_.append(value);
  if (!detail::IsFieldValue(value)) {
    const auto splits = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
    std::replace_if(headers_.begin() + static_cast<std::ptrdiff_t>(start), headers_.end(), splits, ' ');
  }
  headers_.append("\r\n");
  return *this;
}

Response& Response::SetBody(std::string_view content_type, std::string body) {
  if (!content_type.empty()) AddHeader("Content-Type", content_type);
  body_ = std::move(body);
  return *this;
}

Response& Response::SetBody(std::string_view content_type, SharedBody body) {
  if (!content_type.empty()) AddHeader("Content-Type", content_type);
  body_ = std::move(body);
  return *this;
}

Response& Response::SetFile(std::string_view content_type, FilePart part) {
  Check(part.file != nullptr && part.file->valid(), "the file of an answer is open");
  if (!content_type.empty()) AddHeader("Content-Type", content_type);
  body_ = std::move(part);
  return *this;
}

std::string_view Response::body() const {
  if (const auto* owned = std::get_if<std::string>(&body_)) return *owned;
  const auto* shared = std::get_if<SharedBody>(&body_);
  return shared != nullptr && *shared ? std::string_view(**shared) : std::string_view();
}

uint64_t Response::content_length() const { return file() != nullptr ? file()->length : body().size(); }

std::string& Response::mutable_body() {
  auto* owned = std::get_if<std::string>(&body_);
  Check(owned != nullptr, "a shared body cannot be changed");
  return *owned;
}

Response::SharedBody Response::ShareBody() {
  if (auto* owned = std::get_if<std::string>(&body_)) {
    body_ = std::make_shared<const std::string>(std::move(*owned));
  }
  Check(file() == nullptr, "a file cannot be shared as a buffer");
  return std::get<SharedBody>(body_);
}

Response Json(int status, std::string json) {
  Response response(status);
  response.SetBody("application/json", std::move(json));
  return response;
}

Response Problem(const Request& request, int status, std::string_view detail, std::span<const ProblemError> errors) {
  std::string body;
  JsonWriter json(body);
  json.BeginObject();
  json.Key("type"), json.Value("about:blank");
  json.Key("title"), json.Value(ReasonPhrase(status));
  json.Key("status"), json.Value(status);
  if (!detail.empty()) json.Key("detail"), json.Value(detail);
  if (!request.path().empty()) json.Key("instance"), json.Value(request.path());
  json.Key("requestId"), json.Value(request.id());
  if (!errors.empty()) {
    json.Key("errors"), json.BeginArray();
    for (const ProblemError& error : errors) {
      json.BeginObject();
      json.Key("pointer"), json.Value(error.pointer);
      json.Key("code"), json.Value(error.code);
      json.Key("message"), json.Value(error.message);
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  Response response(status);
  response.SetFixedLines("Content-Type: application/problem+json\r\nCache-Control: no-store\r\n");
  response.SetBody("", std::move(body));
  return response;
}

}  // namespace flyball::http
