#include "pkg/http/forwarded.h"

#include <algorithm>
#include <charconv>

#include "pkg/base/net_syntax.h"
#include "pkg/http/detail/characters.h"
#include "pkg/http/detail/field_list.h"

namespace flyball::http {
namespace {

using Family = PeerAddress::Family;

using detail::TrimSpace;

PeerAddress FromIp(const IpAddress& ip) {
  PeerAddress address;
  address.bytes = ip.bytes;
  address.family = ip.v6 ? Family::kIpv6 : Family::kIpv4;
  return address;
}

bool ParsePort(std::string_view text, uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return !text.empty() && text.size() <= 5 && error == std::errc() && end == text.data() + text.size();
}

bool SameBits(const PeerAddress& a, const PeerAddress& b, size_t bits) {
  const size_t whole = bits / 8, rest = bits % 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<ptrdiff_t>(whole), b.bytes.begin())) return false;
  return rest == 0 || ((a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest)) == 0;
}

bool SameAddress(const PeerAddress& a, const PeerAddress& b) { return a.family == b.family && a.bytes == b.bytes; }

// What one proxy reported; no address: hidden or garbage.
struct Hop {
  std::optional<PeerAddress> address;
  bool secure = false;
};

// Walks hops from the nearest to the farthest.
class Walk {
 public:
  Walk(const PeerAddress& peer, const TrustedProxies& trusted) : trusted_(trusted), origin_{peer, false} {}

  // False when the client is found.
  bool Take(const Hop& hop) {
    if (!trusted_.Contains(origin_.address)) return false;
    origin_.secure = hop.secure;
    if (!hop.address) return false;
    origin_.address = *hop.address;
    return true;
  }
  const ClientOrigin& origin() const { return origin_; }

 private:
  const TrustedProxies& trusted_;
  ClientOrigin origin_;
};

// One line of Forwarded: `for=192.0.2.1;proto=https, for="[2001:db8::1]:80"`.
class ForwardedLine {
 public:
  explicit ForwardedLine(std::string_view text) : text_(text) {}

  // Appends the line's hops; a line that is malformed anywhere is one hop of garbage.
  void AppendTo(std::vector<Hop>& hops) {
    const size_t before = hops.size();
    do {
      Hop hop;
      if (!Element(hop)) {
        hops.resize(before);
        hops.emplace_back();
        return;
      }
      if (some_pair_) hops.push_back(hop);
    } while (Take(','));
    if (at_ == text_.size()) return;
    hops.resize(before);
    hops.emplace_back();
  }

 private:
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (Take(' ') || Take('\t')) {
    }
  }

  bool Element(Hop& hop) {
    some_pair_ = false;
    bool have_for = false, have_proto = false;
    do {
      SkipSpace();
      const std::string_view name = Token();
      if (name.empty()) continue;
      some_pair_ = true;
      if (!Take('=') || !Value()) return false;
      if (EqualsIgnoreCase(name, "for")) {
        if (std::exchange(have_for, true)) return false;
        hop.address = ParseNode(value_);
      } else if (EqualsIgnoreCase(name, "proto")) {
        if (std::exchange(have_proto, true)) return false;
        hop.secure = EqualsIgnoreCase(value_, "https");
      }
      SkipSpace();
    } while (Take(';'));
    return true;
  }

  std::string_view Token() {
    const size_t begin = at_;
    while (at_ < text_.size() && (detail::ClassesOf(text_[at_]) & detail::kTokenChar) != 0) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  bool Value() {
    value_.clear();
    if (!Take('"')) {
      value_ = Token();
      return !value_.empty();
    }
    while (at_ < text_.size()) {
      if (Take('"')) return true;
      if (Take('\\') && at_ == text_.size()) return false;
      value_.push_back(text_[at_++]);
    }
    return false;
  }

  const std::string_view text_;
  size_t at_ = 0;
  bool some_pair_ = false;
  std::string value_;
};

ClientOrigin ByForwarded(const Request& request, const PeerAddress& peer, const TrustedProxies& trusted) {
  std::vector<Hop> hops;
  for (const Field& field : request.headers()) {
    if (EqualsIgnoreCase(field.name, "forwarded")) ForwardedLine(field.value).AppendTo(hops);
  }
  Walk walk(peer, trusted);
  for (auto hop = hops.rbegin(); hop != hops.rend() && walk.Take(*hop); ++hop) {
  }
  return walk.origin();
}

// X-Forwarded-Proto: every member, and at least one, is https.
bool SaysHttps(const Request& request) {
  bool some = false;
  for (const Field& field : request.headers()) {
    if (!EqualsIgnoreCase(field.name, "x-forwarded-proto")) continue;
    std::string_view rest = field.value;
    for (bool more = true; more;) {
      const size_t comma = rest.find(',');
      if (!EqualsIgnoreCase(TrimSpace(rest.substr(0, comma)), "https")) return false;
      some = true;
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
  }
  return some;
}

ClientOrigin ByXForwardedFor(const Request& request, const PeerAddress& peer, const TrustedProxies& trusted) {
  Walk walk(peer, trusted);
  const auto fields = request.headers();
  bool more = true;
  for (auto field = fields.rbegin(); field != fields.rend() && more; ++field) {
    if (!EqualsIgnoreCase(field->name, "x-forwarded-for")) continue;
    std::string_view rest = field->value;
    while (more) {
      const size_t comma = rest.rfind(',');
      const size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
      more = walk.Take({ParseNode(TrimSpace(rest.substr(begin))), false});
      if (begin == 0) break;
      rest = rest.substr(0, comma);
    }
  }
  return {walk.origin().address, SaysHttps(request)};
}

}  // namespace

Result<TrustedProxies> TrustedProxies::Parse(const std::vector<std::string>& entries) {
  TrustedProxies out;
  for (const std::string& entry : entries) {
    const auto network = ParseIpNetwork(entry);
    if (!network) return Fail(network.error());
    out.networks_.push_back({FromIp(network->address), network->bits});
  }
  return out;
}

bool TrustedProxies::Contains(const PeerAddress& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return network.address.family == address.family && SameBits(network.address, address, network.bits);
  });
}

ClientOrigin FindClient(const Request& request, const PeerAddress& peer, const TrustedProxies& trusted) {
  if (trusted.empty() || !trusted.Contains(peer)) return {peer, false};
  const bool standard = request.HasHeader("forwarded");
  const bool older = request.HasHeader("x-forwarded-for");
  if (!standard) return ByXForwardedFor(request, peer, trusted);
  const ClientOrigin origin = ByForwarded(request, peer, trusted);
  if (older && !SameAddress(origin.address, ByXForwardedFor(request, peer, trusted).address)) return {peer, false};
  return origin;
}

std::optional<PeerAddress> ParseNode(std::string_view text) {
  uint16_t port = 0;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view inside = text.substr(1, close - 1), behind = text.substr(close + 1);
    if (inside.find(':') == std::string_view::npos) return std::nullopt;
    if (!behind.empty() && (behind.front() != ':' || !ParsePort(behind.substr(1), port))) return std::nullopt;
    text = inside;
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos && text.rfind(':') == colon) {
    if (!ParsePort(text.substr(colon + 1), port)) return std::nullopt;
    text = text.substr(0, colon);
  }
  const auto ip = ParseIpAddress(text);
  if (!ip) return std::nullopt;
  PeerAddress address = FromIp(*ip);
  address.port = port;
  return address;
}

std::string_view TraceIdOf(std::string_view traceparent) {
  constexpr size_t kDashes[] = {2, 35, 52};
  if (traceparent.size() != 55 || !traceparent.starts_with("00")) return {};
  for (size_t i = 0; i < traceparent.size(); ++i) {
    const char c = traceparent[i];
    const bool dash = std::find(std::begin(kDashes), std::end(kDashes), i) != std::end(kDashes);
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return {};
  }
  const std::string_view trace = traceparent.substr(3, 32), parent = traceparent.substr(36, 16);
  const auto all_zero = [](std::string_view id) { return id.find_first_not_of('0') == std::string_view::npos; };
  return all_zero(trace) || all_zero(parent) ? std::string_view() : trace;
}

}  // namespace flyball::http
