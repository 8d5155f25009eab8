// What a client asked. Everything is a view into memory that the Responder owns, so a request stays readable on any
// thread until it is answered, even when the client has gone away meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"

namespace flyball::http {

namespace detail {
class RequestReader;
class Exchange;
}  // namespace detail

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kTrace, kConnect, kOther };

// "GET", ...; "other" for kOther.
std::string_view Name(Method method);
// Methods are case-sensitive (RFC 9110 section 9.1); what is not in the enum is kOther.
Method ParseMethod(std::string_view text);
// Safe methods (RFC 9110 section 9.2.1) may be handled side by side on one connection.
bool IsSafe(Method method);

enum class Version : uint8_t { kHttp10, kHttp11 };

struct Field {
  std::string_view name;   // as sent
  std::string_view value;  // without surrounding white space; no CR, LF or NUL
};

// Where a connection comes from.
struct PeerAddress {
  enum class Family : uint8_t { kUnknown, kIpv4, kIpv6 };

  std::array<uint8_t, 16> bytes{};  // network order; IPv4 uses the first four. IPv4-mapped IPv6 is kIpv4
  uint16_t port = 0;
  Family family = Family::kUnknown;

  std::string ToString() const;  // "203.0.113.7", "2001:db8::1", "unknown"; without the port
  bool IsLoopback() const;
};

class Request {
 public:
  static constexpr uint32_t kNoEndpoint = ~uint32_t{0};
  static constexpr size_t kMaxPathParams = 8;
  static constexpr size_t kBodyPadding = 64;

  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Method method() const { return method_; }
  std::string_view method_text() const { return method_text_; }
  Version version() const { return version_; }

  // The request-target as sent: "/tasks?status=pending", "*", or "http://host/tasks".
  std::string_view target() const { return target_; }
  // Percent-decoded once; begins with '/', is UTF-8, holds no NUL, and no '/' that was encoded. "*" for OPTIONS *.
  std::string_view path() const { return path_; }
  // What follows '?', undecoded; empty without. ParseQuery() (uri.h) splits it.
  std::string_view query() const { return query_; }
  // The authority the client meant: the Host field, or that of an absolute target. Empty only for HTTP/1.0.
  std::string_view host() const { return host_; }

  // The value of the first field called `name` (ASCII case does not matter); empty when absent. O(fields).
  std::string_view Header(std::string_view name) const;
  bool HasHeader(std::string_view name) const;
  // How many times the field was sent; for fields that must not be repeated.
  size_t CountHeader(std::string_view name) const;
  // All fields, in the order sent.
  std::span<const Field> headers() const { return fields_; }

  // Complete and de-chunked. kBodyPadding bytes behind its end may be read (for SIMD parsers); their content is
  // anything.
  std::string_view body() const { return body_; }

  // The id given to Router::Add, kNoEndpoint when no route matched.
  uint32_t endpoint() const { return endpoint_; }
  // The path parameter called `name` in the route's pattern, decoded; empty when there is none.
  std::string_view PathParam(std::string_view name) const;
  // By position in the pattern, from 0.
  std::string_view PathParam(size_t index) const { return index < param_count_ ? param_values_[index] : ""; }
  size_t path_param_count() const { return param_count_; }

  // The other end of the connection.
  const PeerAddress& peer() const { return peer_; }
  // Who asks: the peer, or whom a trusted proxy names (forwarded.h). Quotas, throttles and logs go by it.
  const PeerAddress& client() const { return client_; }
  // It came over TLS, to us or to the trusted proxy that says so.
  bool secure() const { return secure_; }
  // When the last byte of the head had been read.
  SteadyTime arrival() const { return arrival_; }
  // What a trusted peer sent: X-Request-Id when it is 1 to 128 characters of [A-Za-z0-9._:/+=@-], else the trace id of
  // traceparent; otherwise 32 hex digits of ours.
  std::string_view id() const { return id_; }
  // Which reactor thread read it, 0 to Options::reactors - 1.
  int reactor() const { return reactor_; }

 private:
  friend class detail::RequestReader;
  friend class detail::Exchange;

  Method method_ = Method::kOther;
  Version version_ = Version::kHttp11;
  int reactor_ = 0;
  std::string_view method_text_;
  std::string_view target_;
  std::string_view path_;
  std::string_view query_;
  std::string_view host_;
  std::string_view body_;
  std::string_view id_;
  std::vector<Field> fields_;
  uint32_t endpoint_ = kNoEndpoint;
  uint32_t param_count_ = 0;
  std::array<std::string_view, kMaxPathParams> param_values_;
  std::span<const std::string> param_names_;
  PeerAddress peer_;
  PeerAddress client_;
  bool secure_ = false;
  SteadyTime arrival_;
};

// ASCII case-insensitive equality, as field names need it.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace flyball::http
