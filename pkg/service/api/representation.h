// How an answer of the resource room goes out as HTTP: type, coding, entity-tag, and the lines that go with them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pkg/http/negotiation.h"
#include "pkg/http/request.h"
#include "pkg/http/response.h"
#include "pkg/resource/answer.h"

namespace flyball::service::api {

// The lines of a list field as one; "," when it was sent but is empty, so that it is not taken for absent. Valid while
// `request` and `joined` are.
std::string_view ListField(const http::Request& request, std::string_view name, std::string& joined);

class Representation {
 public:
  // What the request's Accept and Accept-Encoding allow. Borrows the request.
  explicit Representation(const http::Request& request);

  // 406, or 415 when a body is expected and cannot be read: judged before the work begins. Nullopt when all is well.
  std::optional<resource::Answer> Refusal(bool takes_body) const;

  // The request's If-None-Match as it speaks of bodies before they are coded.
  std::string_view if_none_match() const { return if_none_match_; }

  // GETs of what has an entity-tag may ask for ranges of it. Bodies of `worth` bytes and more are coded; smaller ones
  // only when the client takes nothing else. Codes on the calling thread, 10 ms a megabyte.
  http::Response Make(resource::Answer answer, size_t worth) const;

 private:
  http::Response MakeProblem(resource::Answer answer) const;
  // The part of the body that the request's Range asks for: 206 or 416; nullopt for all of it.
  std::optional<http::Response> Ranged(std::string_view body, std::string_view etag, http::Coding coding) const;
  // Codes `body` when it is worth it; what it is then.
  http::Coding Code(std::string& body, size_t worth) const;

  const http::Request& request_;
  bool accepts_json_;
  http::CodingChoice choice_;
  std::string sent_tags_, if_none_match_text_;
  std::string_view sent_if_none_match_, if_none_match_;
};

}  // namespace flyball::service::api
