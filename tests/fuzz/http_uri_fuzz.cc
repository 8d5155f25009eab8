// Percent-decoding of paths and queries: no crash, and decoded text is clean and survives another round.
#include <string>
#include <string_view>

#include "pkg/base/check.h"
#include "pkg/base/utf8.h"
#include "pkg/http/uri.h"

namespace {

void CheckClean(std::string_view text) {
  flyball::Check(text.find('\0') == std::string_view::npos, "no NUL");
  flyball::Check(flyball::FirstInvalidUtf8(text) == text.size(), "UTF-8");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flyball;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string path;
  if (http::DecodePath(text, path)) {
    CheckClean(path);
    std::string again;
    for (char c : path) again += c == '/' ? std::string("/") : http::PercentEncode(std::string_view(&c, 1));
    std::string decoded;
    Check(http::DecodePath(again, decoded).has_value() && decoded == path, "encoded again it decodes to the same");
  }
  if (const auto parameters = http::ParseQuery(text)) {
    std::string again;
    for (const auto& [name, value] : *parameters) {
      CheckClean(name);
      CheckClean(value);
      again += "&" + http::PercentEncode(name) + "=" + http::PercentEncode(value);
    }
    const auto decoded = http::ParseQuery(again);
    Check(decoded.has_value() && decoded->size() == parameters->size(), "encoded again it has as many parameters");
  }
  return 0;
}
