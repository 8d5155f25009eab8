#include "pkg/resource/answer.h"

#include <utility>

namespace flyball::resource {

std::string Excerpt(std::string_view text) {
  constexpr size_t kMaxBytes = 80;
  if (text.size() <= kMaxBytes) return std::string(text);
  size_t end = kMaxBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

Answer Refuse(int status, std::string detail, std::vector<FieldError> errors) {
  Answer answer;
  answer.status = status;
  answer.detail = std::move(detail);
  answer.errors = std::move(errors);
  return answer;
}

Answer NotFound() { return Refuse(404, "there is nothing here"); }

Answer SignInFirst() { return Refuse(401, std::string(kBadToken)); }

Answer StoreFailed(const Error& error) {
  Answer answer;
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kExhausted:
      answer = Refuse(503, "the database does not answer now; try again");
      break;
    case ErrorCode::kTimeout:
      answer = Refuse(504, "the database took too long");
      break;
    case ErrorCode::kIo:  // among others: a server that went away while it committed
      answer = Refuse(500, "the database failed; if this was a write, look whether it took effect before trying again");
      break;
    default:
      answer = Refuse(500, "");
      break;
  }
  answer.log = std::string(Name(error.code)) + ": " + error.message;
  return answer;
}

}  // namespace flyball::resource
