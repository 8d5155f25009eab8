#include "pkg/service/api/representation.h"

#include <utility>
#include <vector>

#include "pkg/base/ids.h"
#include "pkg/base/log.h"
#include "pkg/http/compression.h"
#include "pkg/http/range.h"
#include "pkg/resource/precondition.h"

namespace flyball::service::api {
namespace {

// Answers depend on who asks, so a shared cache must not keep them.
constexpr std::string_view kLines = "Cache-Control: private, no-cache\r\nVary: Authorization, Accept-Encoding\r\n";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kJsonLines =
    "Content-Type: application/json\r\nCache-Control: private, no-cache\r\nVary: Authorization, Accept-Encoding\r\n";

// Answers with tokens (RFC 6749 section 5.1 asks the same of OAuth).
constexpr std::string_view kSecretLines =
    "Content-Type: application/json\r\nCache-Control: no-store\r\nVary: Authorization, Accept-Encoding\r\n";

// application/json, and merge-patch by its name; in UTF-8, whether said or not (RFC 8259 section 8.1).
bool IsJson(std::string_view content_type) {
  const auto media = http::ParseMediaType(content_type);
  if (!media) return false;
  return (http::EqualsIgnoreCase(media->type, "application/json") ||
          http::EqualsIgnoreCase(media->type, "application/merge-patch+json")) &&
         (media->charset.empty() || http::EqualsIgnoreCase(media->charset, "utf-8"));
}

// Codings of a body would have to be undone within bounds before anything can look at it; none is.
bool IsCoded(const http::Request& request) {
  for (const http::Field& field : request.headers()) {
    if (http::EqualsIgnoreCase(field.name, "content-encoding") && !http::EqualsIgnoreCase(field.value, "identity")) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view ListField(const http::Request& request, std::string_view name, std::string& joined) {
  std::string_view only;
  size_t count = 0;
  for (const http::Field& field : request.headers()) {
    if (!http::EqualsIgnoreCase(field.name, name)) continue;
    if (++count == 1) {
      only = field.value;
      continue;
    }
    if (count == 2) joined.assign(only);
    joined.append(",").append(field.value);
  }
  if (count == 0) return {};
  if (count > 1) return joined;
  return only.empty() ? std::string_view(",") : only;
}

Representation::Representation(const http::Request& request) : request_(request) {
  std::string joined;
  const std::string_view accept = ListField(request, "accept", joined);
  accepts_json_ = http::Accepts(accept, "application/json");
  std::string codings;
  choice_ = http::ChooseCoding(ListField(request, "accept-encoding", codings));
  sent_if_none_match_ = if_none_match_ = ListField(request, "if-none-match", sent_tags_);
  if (choice_.coding != http::Coding::kIdentity && !if_none_match_.empty()) {
    if_none_match_text_ = http::UncodedTags(if_none_match_, choice_.coding);
    if_none_match_ = if_none_match_text_;
  }
}

std::optional<resource::Answer> Representation::Refusal(bool takes_body) const {
  if (takes_body && request_.CountHeader("content-type") > 1) {
    return resource::Refuse(400, "send one Content-Type");
  }
  if (takes_body && request_.HasHeader("content-range")) {  // RFC 9110 section 14.5
    return resource::Refuse(400, "send the whole body, without Content-Range; parts of a row are changed by PATCH");
  }
  if (takes_body && !IsJson(request_.Header("content-type"))) {
    return resource::Refuse(415, "send the body with Content-Type: application/json, in UTF-8");
  }
  if (takes_body && IsCoded(request_)) {
    return resource::Refuse(415, "send the body as it is, without Content-Encoding; no coding is undone here");
  }
  if (!accepts_json_) return resource::Refuse(406, "answers are application/json");
  if (!choice_.acceptable) return resource::Refuse(406, "answers are coded by gzip or br, or not at all");
  return std::nullopt;
}

http::Coding Representation::Code(std::string& body, size_t worth) const {
  const bool must = !choice_.identity_acceptable;
  if (choice_.coding == http::Coding::kIdentity || (body.size() < worth && !must)) return http::Coding::kIdentity;
  std::string coded;
  if (!http::Encode(choice_.coding, body, coded)) return http::Coding::kIdentity;
  if (coded.size() >= body.size() && !must) return http::Coding::kIdentity;
  body = std::move(coded);
  return choice_.coding;
}

http::Response Representation::MakeProblem(resource::Answer answer) const {
  if (!answer.log.empty()) {
    Log(LogLevel::kError, answer.log, {{"request_id", request_.id()}, {"status", answer.status}});
  }
  std::vector<http::ProblemError> errors;
  errors.reserve(answer.errors.size());
  for (resource::FieldError& error : answer.errors) {
    errors.push_back({std::move(error.pointer), std::move(error.code), std::move(error.message)});
  }
  http::Response response = http::Problem(request_, answer.status, answer.detail, errors);
  if (answer.status == 401) response.AddHeader("WWW-Authenticate", R"(Bearer realm="api")");
  if (answer.status == 503) response.AddHeader("Retry-After", "1");
  if (answer.status == 415) {
    response.AddHeader("Accept-Encoding", "identity");  // RFC 9110 section 12.5.3
    if (request_.method() == http::Method::kPatch) {    // RFC 5789 section 2.2
      response.AddHeader("Accept-Patch", "application/merge-patch+json, application/json");
    }
  }
  return response;
}

std::optional<http::Response> Representation::Ranged(std::string_view body, std::string_view etag,
                                                     http::Coding coding) const {
  if (request_.method() != http::Method::kGet || request_.CountHeader("range") != 1) return std::nullopt;
  if (!http::IfRangeHolds(request_, etag)) return std::nullopt;
  const http::RangeSelection selection = http::SelectRanges(request_.Header("range"), body.size());
  if (selection.kind == http::RangeSelection::Kind::kWhole) return std::nullopt;
  if (selection.kind == http::RangeSelection::Kind::kUnsatisfiable) {
    http::Response refused = http::Problem(
        request_, 416, "the range lies outside of the body, which has " + std::to_string(body.size()) + " bytes");
    refused.AddHeader("Content-Range", http::UnsatisfiedRange(body.size()));
    return refused;
  }
  http::Response response(206);
  response.SetFixedLines(kLines).AddHeader("Accept-Ranges", "bytes").AddHeader("ETag", etag);
  if (coding != http::Coding::kIdentity) response.AddHeader("Content-Encoding", http::Name(coding));
  const http::ByteRange& first = selection.parts.front();
  if (selection.parts.size() == 1) {
    response.AddHeader("Content-Range", http::ContentRange(first, body.size()));
    response.SetBody(kJson, std::string(body.substr(first.first, first.last - first.first + 1)));
    return response;
  }
  std::string boundary;
  do {
    boundary = "flyball-" + std::to_string(RandomUint64());
  } while (body.find(boundary) != std::string_view::npos);
  response.SetBody("multipart/byteranges; boundary=" + boundary,
                   http::MultipartRanges(body, kJson, selection.parts, boundary));
  return response;
}

http::Response Representation::Make(resource::Answer answer, size_t worth) const {
  if (answer.is_problem()) return MakeProblem(std::move(answer));
  http::Response response(answer.status);
  if (answer.body.empty()) {
    response.SetFixedLines(kLines);
    // The tag that would have come with the body: the coded one when that is what the client has.
    if (answer.status == 304 && choice_.coding != http::Coding::kIdentity) {
      std::string coded = http::CodedTag(answer.etag, choice_.coding);
      if (resource::NoneMatchHits(sent_if_none_match_, coded)) answer.etag = std::move(coded);
    }
  } else {
    const http::Coding coding = Code(answer.body, worth);
    if (coding != http::Coding::kIdentity) answer.etag = http::CodedTag(answer.etag, coding);
    if (answer.status == 200 && !answer.etag.empty()) {
      if (auto ranged = Ranged(answer.body, answer.etag, coding)) return std::move(*ranged);
    }
    response.SetFixedLines(answer.secret ? kSecretLines : kJsonLines);
    if (coding != http::Coding::kIdentity) response.AddHeader("Content-Encoding", http::Name(coding));
    response.SetBody("", std::move(answer.body));
  }
  if (!answer.etag.empty()) response.AddHeader("ETag", answer.etag);
  if (!answer.location.empty()) response.AddHeader("Location", answer.location);
  if (!answer.link.empty()) response.AddHeader("Link", answer.link);
  return response;
}

}  // namespace flyball::service::api
