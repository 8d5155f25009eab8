#include "pkg/http/detail/request_reader.h"

#include <gtest/gtest.h>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"

namespace flyball::http::detail {
namespace {

class NoSink final : public AnswerSink {
 public:
  void Complete(Exchange*) override {}
  void StreamReady(int, uint32_t) override {}
};

// Feeds a stream in pieces of `piece` bytes and writes down what came of it, one line a request.
std::string Transcript(std::string_view stream, size_t piece, Limits limits = {}) {
  RequestReader reader;
  Exchange exchange(std::make_shared<NoSink>());
  std::string buffer, out;
  for (size_t sent = 0; sent < stream.size(); sent += piece) {
    buffer.append(stream.substr(sent, piece));
    for (bool more = true; more;) {
      size_t consumed = 0;
      const RequestReader::Step step = reader.Read(buffer, limits, exchange, consumed);
      buffer.erase(0, consumed);
      switch (step) {
        case RequestReader::Step::kNeedMore:
          more = false;
          break;
        case RequestReader::Step::kHead:
          exchange.max_body_bytes = limits.body_bytes;
          break;
        case RequestReader::Step::kRefused:
          return out + std::to_string(reader.refusal().status);
        case RequestReader::Step::kComplete: {
          const Request& request = exchange.request;
          out += std::string(request.method_text()) + " " + std::string(request.path()) + " " +
                 std::string(request.host()) + " [" + std::string(request.body()) + "]" +
                 (exchange.keep_alive ? "" : " close") + "\n";
          more = !buffer.empty();
          break;
        }
      }
    }
  }
  return out + (reader.in_head() || reader.in_body() || !buffer.empty() ? "more" : "");
}

std::string Read(std::string_view stream, Limits limits = {}) {
  const std::string whole = Transcript(stream, stream.size(), limits);
  EXPECT_EQ(Transcript(stream, 1, limits), whole) << "byte by byte it is read differently";
  return whole;
}

std::string Get(std::string_view fields) {
  return Read("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n");
}

TEST(RequestReader, ReadsARequestAndWhatFollows) {
  EXPECT_EQ(Read("GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /a h []\n");
  EXPECT_EQ(Read("POST /a HTTP/1.1\r\nHost: h:1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            "POST /a h:1 [abc]\nGET /b h []\n");
  EXPECT_EQ(Read("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), "GET / h []\n");
  EXPECT_EQ(Read("GET / HTTP/1.1\r\nHost: h\r\n"), "more");
}

TEST(RequestReader, ReadsChunkedBodies) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n";
  EXPECT_EQ(Read(head + "3\r\nabc\r\n0a;x=y ; z=\"q;\\\"\"\r\n0123456789\r\n0\r\nA: b\r\n\r\n"),
            "POST / h [abc0123456789]\n");
  EXPECT_EQ(Read(head + "0\r\n\r\n"), "POST / h []\n");
  for (const char* bad : {"\r\n",
                          "g\r\n",
                          "-1\r\n",
                          "+1\r\n",
                          "0x1\r\n",
                          " 1\r\n",
                          "1 \r\na\r\n0\r\n\r\n",
                          "1\na\r\n",
                          "1\r\nab\r\n",
                          "1\r\na\n0\r\n",
                          "1;\r\na",
                          "1;=x\r\na",
                          "1;a=\"\r\na",
                          "1; a=\x01\r\na",
                          "0\r\nbad\r\n\r\n",
                          "0\r\n a: b\r\n\r\n",
                          "0\r\nContent-Length: 1\r\n\r\n",
                          "0\r\nHost: x\r\n\r\n",
                          "0\r\n\n",
                          "11111111111111111\r\n",
                          "1\r\n\r\n\r\n"}) {
    EXPECT_EQ(Read(head + bad), "400") << bad;
  }
  EXPECT_EQ(Read(head + "fffffffffffffff0\r\n"), "413");
  EXPECT_EQ(Read(head + "1;" + std::string(300, 'a') + "\r\n"), "400");
}

TEST(RequestReader, RefusesAnotherFraming) {
  for (const char* fields : {"Content-Length: abc\r\n",
                             "Content-Length: -1\r\n",
                             "Content-Length: +1\r\n",
                             "Content-Length: 1,1\r\n",
                             "Content-Length: 5, 5\r\n",
                             "Content-Length: 1\r\nContent-Length: 1\r\n",
                             "Content-Length:\r\n",
                             "Content-Length: 0x1\r\n",
                             "Content-Length: 1 1\r\n",
                             "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
                             "Transfer-Encoding: gzip\r\n",
                             "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: chunked, chunked\r\n",
                             "Transfer-Encoding: xchunked\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding:\r\n",
                             "Transfer-Encoding: \"chunked\"\r\n",
                             "Transfer-Encoding: chunked;q=1\r\n",
                             "Transfer-Encoding : chunked\r\n",
                             "Content-Length : 1\r\n",
                             " Folded: x\r\n",
                             "A: b\r\n c\r\n",
                             "\tx: y\r\n",
                             "NoColon\r\n",
                             ": empty\r\n",
                             "A\x01: b\r\n",
                             "A: b\x01\r\n",
                             "A: b\rc\r\n",
                             "A: b\nB: c\r\n",
                             "A b: c\r\n",
                             "H\xc3\xa9: c\r\n",
                             "A: \x7f\r\n"}) {
    EXPECT_EQ(Get(fields), "400") << fields;
  }
  EXPECT_EQ(Get(std::string("A: \0b\r\n", 7)), "400");
  EXPECT_EQ(Get("Content-Length: 99999999999999999999999999\r\n"), "413");
  EXPECT_EQ(Get("Content-Length: 1048577\r\n"), "413");
  EXPECT_EQ(Get("Content-Length: 00\r\nA:\r\nB:\t x \t\r\nC: \xc3\xa9\r\n"), "GET / h []\n");
  EXPECT_EQ(Read("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), "400");
}

TEST(RequestReader, NeedsOneGoodHost) {
  for (const char* host : {"", "Host:\r\n", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: u@h\r\n",
                           "Host: h:99999\r\n", "Host: h:x\r\n", "Host: h:1:2\r\n", "Host: [::1\r\n", "Host: [x]\r\n",
                           "Host: h%\r\n", "Host: h, i\r\n", "Host: :80\r\n", "Host: [::1]x\r\n"}) {
    EXPECT_EQ(Read("GET / HTTP/1.1\r\n" + std::string(host) + "\r\n"), "400") << host;
  }
  for (const char* host : {"a", "a.b-c:80", "[::1]", "[::1]:80", "127.0.0.1", "h:", "h%41"}) {
    EXPECT_EQ(Read("GET / HTTP/1.1\r\nhOST: " + std::string(host) + "\r\n\r\n"),
              "GET / " + std::string(host) + " []\n");
  }
}

TEST(RequestReader, RefusesBadRequestLines) {
  for (const char* line : {"GET /",
                           "GET",
                           "GET  / HTTP/1.1",
                           "GET /  HTTP/1.1",
                           " GET / HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           "GET / http/1.1",
                           "GET / HTTP/1",
                           "GET / HTTP/11",
                           "GET / HTTP/1.1x",
                           "GET / HTTP/a.b",
                           "G(T / HTTP/1.1",
                           "GET /a b HTTP/1.1",
                           "GET\t/\tHTTP/1.1",
                           "GET /\x80 HTTP/1.1",
                           "GET /# HTTP/1.1",
                           "GET a HTTP/1.1",
                           "GET h:1 HTTP/1.1",
                           "GET * HTTP/1.1",
                           "GET ftp://h/ HTTP/1.1",
                           "GET http:/// HTTP/1.1",
                           "GET http://u@h/ HTTP/1.1",
                           "GET /%2F HTTP/1.1",
                           "GET /%00 HTTP/1.1",
                           "GET /%zz HTTP/1.1",
                           "GET /.. HTTP/1.1",
                           "\x16\x03\x01",
                           "\n",
                           "\rx"}) {
    EXPECT_EQ(Read(std::string(line) + "\r\nHost: h\r\n\r\n"), "400") << line;
  }
  EXPECT_EQ(Read("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), "505");
  EXPECT_EQ(Read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505");
  EXPECT_EQ(Read("GET / HTTP/0.9\r\n\r\n"), "505");
  EXPECT_EQ(Read("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"), "501");
}

TEST(RequestReader, ReadsEveryFormOfTarget) {
  EXPECT_EQ(Read("GET http://other:8/a?b HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /a other:8 []\n");
  EXPECT_EQ(Read("GET HTTPS://other HTTP/1.1\r\nHost: h\r\n\r\n"), "GET / other []\n");
  EXPECT_EQ(Read("GET http://other?x HTTP/1.1\r\nHost: h\r\n\r\n"), "GET / other []\n");
  EXPECT_EQ(Read("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "OPTIONS * h []\n");
}

TEST(RequestReader, KeepsTheConnectionAsAsked) {
  EXPECT_EQ(Get("Connection: close\r\n"), "GET / h [] close\n");
  EXPECT_EQ(Get("Connection: x, Close\r\n"), "GET / h [] close\n");
  EXPECT_EQ(Get("Connection: keep-alive\r\nConnection: close\r\n"), "GET / h [] close\n");
  EXPECT_EQ(Get("Connection: closed\r\n"), "GET / h []\n");
  EXPECT_EQ(Read("GET / HTTP/1.0\r\n\r\n"), "GET /  [] close\n");
  EXPECT_EQ(Read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET /  []\n");
}

TEST(RequestReader, BoundsEverything) {
  Limits limits;
  EXPECT_EQ(Read("GET /" + std::string(limits.target_bytes, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), "414");
  EXPECT_EQ(Read(std::string(20000, 'G')), "414");
  EXPECT_EQ(Get("A: " + std::string(limits.head_bytes, 'a') + "\r\n"), "431");
  std::string many;
  for (size_t i = 0; i < limits.fields; ++i) many += "A: b\r\n";
  EXPECT_EQ(Get(many), "431");
  limits.body_bytes = 3;
  EXPECT_EQ(Read("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd", limits), "413");
  EXPECT_EQ(Read("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\n", limits), "413");
  std::string trailers = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 200; ++i) trailers += "A: " + std::string(100, 'b') + "\r\n";
  EXPECT_EQ(Read(trailers), "431");
  EXPECT_EQ(Read("\r\n\r\n\r\n\r\n\r\n\r\n"), "400");
}

// A second opinion: whatever is accepted here, Boost.Beast accepts too and understands the same way.
std::optional<std::string> WhatBeastReads(std::string stream) {
  namespace beast = boost::beast::http;
  const size_t minor = stream.find(" HTTP/1.") + 8;  // of those it knows only 0 and 1
  if (minor < stream.size() && stream[minor] >= '2' && stream[minor] <= '9') stream[minor] = '1';
  beast::request_parser<beast::string_body> parser;
  parser.eager(true);
  boost::system::error_code error;
  const size_t used = parser.put(boost::asio::const_buffer(stream.data(), stream.size()), error);
  if (error || !parser.is_done() || used != stream.size()) return std::nullopt;
  const auto& request = parser.get();
  return std::string(request.method_string()) + " " + std::string(request.target()) + " [" + request.body() + "]";
}

TEST(RequestReader, AgreesWithBeastOnWhatItAccepts) {
  const uint64_t seed = RandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::vector<std::string> seeds = {
      "GET /a%20b?c=d HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nConnection: close\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nX: y\r\n\r\n0123456789",
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n01234\r\n5\r\n56789\r\n0\r\nT: "
      "u\r\n\r\n"};
  const std::string alphabet = "\r\n \t:;,0159aAfG/%*\"\\\x7f\x80-+=";
  size_t accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string stream = seeds[random.Below(seeds.size())];
    for (uint64_t change = random.Below(3); change > 0; --change) {
      const size_t at = random.Below(stream.size());
      switch (random.Below(3)) {
        case 0:
          stream[at] = alphabet[random.Below(alphabet.size())];
          break;
        case 1:
          stream.erase(at, 1);
          break;
        default:
          stream.insert(at, 1, alphabet[random.Below(alphabet.size())]);
      }
    }
    RequestReader reader;
    Exchange exchange(std::make_shared<NoSink>());
    size_t consumed = 0;
    auto step = reader.Read(stream, Limits(), exchange, consumed);
    if (step != RequestReader::Step::kHead) continue;
    exchange.max_body_bytes = 1000;
    size_t body = 0;
    step = reader.Read(std::string_view(stream).substr(consumed), Limits(), exchange, body);
    if (step != RequestReader::Step::kComplete) continue;
    size_t begin = 0;  // Beast does not skip empty lines before a request
    while (stream.compare(begin, 2, "\r\n") == 0) begin += 2;
    const auto theirs = WhatBeastReads(stream.substr(begin, consumed + body - begin));
    const Request& request = exchange.request;
    const std::string ours = std::string(request.method_text()) + " " + std::string(request.target()) + " [" +
                             std::string(request.body()) + "]";
    ASSERT_TRUE(theirs.has_value()) << "Beast refuses: " << stream;
    ASSERT_EQ(*theirs, ours) << stream;
    ++accepted;
  }
  EXPECT_GT(accepted, 5'000u);
}

TEST(Exchange, TakesTheIdOfATrustedPeerWhenItIsHarmless) {
  Random random(1);
  const auto id = [&](std::string_view fields) {
    RequestReader reader;
    Exchange exchange(std::make_shared<NoSink>());
    size_t consumed = 0;
    const std::string stream = "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
    EXPECT_EQ(reader.Read(stream, Limits(), exchange, consumed), RequestReader::Step::kHead);
    exchange.peer_trusted = true;
    exchange.AssignId(random(), random);
    return std::string(exchange.request.id());
  };
  EXPECT_EQ(id("X-Request-Id: abc-1.2_3\r\n"), "abc-1.2_3");
  for (const std::string& bad :
       {std::string(), std::string("X-Request-Id: a b\r\n"), std::string("X-Request-Id: a\"\r\n"),
        std::string("X-Request-Id:\r\n"), "X-Request-Id: " + std::string(129, 'a') + "\r\n",
        std::string("X-Request-Id: a\r\nX-Request-Id: b\r\n")}) {
    const std::string own = id(bad);
    EXPECT_EQ(own.size(), 32u) << bad;
    EXPECT_EQ(own.find_first_not_of("0123456789abcdef"), std::string::npos) << bad;
    EXPECT_NE(own, id(bad)) << "ids are not repeated";
  }
}

TEST(IsAuthority, TakesAddressesThatAre) {
  for (const char* good :
       {"[::1]", "[2001:db8::1]:80", "[1:2:3:4:5:6:7:8]", "[::ffff:192.0.2.1]", "a.example:1", "a:"}) {
    EXPECT_TRUE(IsAuthority(good)) << good;
  }
  for (const char* bad : {"[12345::]", "[1:2:3]", "[::::]", "[1:2:3:4:5:6:7:8:9]", "[1::2::3]", "[::1.2.3.999]",
                          "[192.0.2.1]", "[]", "[::1", "[::1]x"}) {
    EXPECT_FALSE(IsAuthority(bad)) << bad;
  }
}

}  // namespace
}  // namespace flyball::http::detail
