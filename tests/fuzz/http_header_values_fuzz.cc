// Header values on any bytes: the readers of lists, weights, types, conditions, ranges, forwarding and credentials must
// not crash, and what they answer must hold what they promise. Every reader reads every input.
#include <memory>
#include <string>
#include <string_view>

#include "pkg/base/check.h"
#include "pkg/http/compression.h"
#include "pkg/http/detail/request_reader.h"
#include "pkg/http/forwarded.h"
#include "pkg/http/negotiation.h"
#include "pkg/http/range.h"
#include "pkg/identity/token.h"
#include "pkg/resource/precondition.h"

namespace {

using namespace flyball;
using http::detail::Exchange;
using http::detail::RequestReader;

class NoSink final : public http::detail::AnswerSink {
 public:
  void Complete(Exchange*) override {}
  void StreamReady(int, uint32_t) override {}
};

void Negotiate(std::string_view text) {
  const http::CodingChoice choice = http::ChooseCoding(text);
  Check(choice.acceptable || (choice.coding == http::Coding::kIdentity && !choice.identity_acceptable),
        "only who excludes everything is refused");
  Check(http::ChooseCoding(std::string(text) + ",").coding == choice.coding, "an empty member changes nothing");
  (void)http::Accepts(text, "application/json");
  if (const auto media = http::ParseMediaType(text)) {
    Check(media->type.find('/') != std::string_view::npos, "a type has a subtype");
    Check(media->type.find_first_of(" \t;,\"") == std::string_view::npos, "a type is two tokens");
  }
}

void Select(std::string_view text) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, ~uint64_t{0}}) {
    const http::RangeSelection selection = http::SelectRanges(text, size);
    Check(selection.parts.size() <= http::kMaxRanges, "ranges are bounded");
    for (const http::ByteRange& part : selection.parts) {
      Check(part.first <= part.last && part.last < size, "a range is inside");
    }
  }
}

void Condition(std::string_view text) {
  if (const auto conditions = resource::ReadPreconditions(text, text)) {
    for (const int64_t version : conditions->match.versions) Check(version > 0, "versions count from 1");
    (void)conditions->WhyNot(3);
    Check(!conditions->match.any || conditions->match.versions.empty(), "* stands alone");
  }
  const bool hits = resource::NoneMatchHits(text, "\"3\"");
  Check(!hits || text.find('3') != std::string_view::npos || text.find('*') != std::string_view::npos, "3 is named");
  Check(http::UncodedTags(text, http::Coding::kGzip).size() <= text.size(), "suffixes are only taken away");
}

// The value as Forwarded, X-Forwarded-For and the ids of a trusted and a strange peer.
void Forward(std::string_view text) {
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (const char* name : {"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "traceparent"}) {
    if (name == std::string_view("X-Forwarded-For") && text.size() % 2 == 0) continue;
    head.append(name).append(": ").append(text).append("\r\n");
  }
  head += "\r\n";
  RequestReader reader;
  Exchange exchange(std::make_shared<NoSink>());
  size_t consumed = 0;
  if (reader.Read(head, http::Limits(), exchange, consumed) != RequestReader::Step::kHead) return;
  http::PeerAddress peer;
  peer.family = http::PeerAddress::Family::kIpv4;
  peer.bytes[0] = 10;
  static const auto trusted = *http::TrustedProxies::Parse({"10.0.0.0/8", "2001:db8::/32"});
  static const auto strangers = *http::TrustedProxies::Parse({"192.0.2.1"});
  const auto origin = http::FindClient(exchange.request, peer, trusted);
  Check(origin.address.family != http::PeerAddress::Family::kUnknown, "the client is an address");
  const auto unmoved = http::FindClient(exchange.request, peer, strangers);
  Check(unmoved.address.bytes == peer.bytes && !unmoved.secure, "strangers are not believed");
  exchange.SetOrigin(peer, false, 0, {});
  exchange.ReadForwarding(trusted);
  Random random(1);
  exchange.AssignId(random(), random);
  const std::string_view id = exchange.request.id();
  Check(!id.empty() && id.size() <= 128 && id.find_first_of(" \t\"\\,;") == std::string_view::npos, "ids are harmless");
}

void Authorize(std::string_view text) {
  static const identity::KeySet keys{identity::SigningKey::Generate()};
  static const identity::TokenOptions options;
  Check(!identity::VerifyToken(text, keys, options, {}).has_value(), "nobody guesses a signature");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Negotiate(text);
  Select(text);
  Condition(text);
  Forward(text);
  Authorize(text);
  if (const auto node = http::ParseNode(text)) {
    Check(http::ParseNode(node->ToString()).has_value(), "an address is read back as it is shown");
  }
  return 0;
}
