#include "pkg/service/load/response_parser.h"

#include <gtest/gtest.h>

#include <vector>

namespace flyball::load {
namespace {

using State = ResponseParser::State;

struct Read {
  State state = State::kMore;
  std::string rest;
  ResponseParser parser;
};

// Feeds `wire` in pieces of `step` bytes until it is decided; `rest` is what was not taken.
Read FeedBy(std::string_view wire, size_t step, bool to_head = false) {
  Read read;
  read.parser.Start(to_head);
  while (!wire.empty() && read.state == State::kMore) {
    std::string_view piece = wire.substr(0, step);
    wire.remove_prefix(piece.size());
    read.state = read.parser.Feed(piece);
    read.rest = std::string(piece) + std::string(wire);
  }
  return read;
}

struct Case {
  const char* name;
  const char* wire;
  State state;
  int status = 0;
  bool keep_alive = true;
  const char* rest = "";
};

const Case kCases[] = {
    {"no body", "HTTP/1.1 204 No Content\r\n\r\n", State::kDone, 204},
    {"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", State::kDone, 200},
    {"length nought", "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", State::kDone, 200},
    {"what follows is left", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP", State::kDone, 200, true, "HTTP"},
    {"not modified has no body", "HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", State::kDone, 304},
    {"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", State::kDone, 200},
    {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
     State::kDone, 200},
    {"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n", State::kDone, 200},
    {"close", "HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", State::kDone, 503, false},
    {"1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", State::kDone, 200, false},
    {"1.0 kept", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", State::kDone, 200, true},
    {"interim first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 0\r\n\r\n", State::kDone, 201},
    {"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", State::kDone, 200},
    {"half a head", "HTTP/1.1 200 OK\r\nContent-", State::kMore},
    {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", State::kMore},
    {"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", State::kMore},
    {"no length", "HTTP/1.1 200 OK\r\n\r\nuntil the end", State::kMore},
    {"not http", "SSH-2.0-OpenSSH_9\r\n\r\n", State::kBad},
    {"http 2", "HTTP/2.0 200 OK\r\n\r\n", State::kBad},
    {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", State::kBad},
    {"status 999", "HTTP/1.1 999 OK\r\n\r\n", State::kBad},
    {"signed length", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", State::kBad},
    {"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na", State::kBad},
    {"length list", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", State::kBad},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", State::kBad},
    {"length of 2^64", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n", State::kBad},
    {"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", State::kBad},
    {"other coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", State::kBad},
    {"no colon", "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", State::kBad},
    {"blank before colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", State::kBad},
    {"folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", State::kBad},
    {"bare LF inside", "HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n", State::kBad},
    {"chunk size no number", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", State::kBad},
    {"chunk too long", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", State::kBad},
    {"chunk line bare LF", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nabc\r\n", State::kBad},
    {"switching protocols", "HTTP/1.1 101 X\r\n\r\n", State::kBad},
};

TEST(ResponseParserTest, FramesAsTheRfcSaysHoweverItIsCut) {
  for (const Case& c : kCases) {
    for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
      SCOPED_TRACE(std::string(c.name) + ", " + std::to_string(step) + " bytes at a time");
      const Read read = FeedBy(c.wire, step);
      ASSERT_EQ(read.state, c.state) << read.parser.why();
      if (c.state != State::kDone) continue;
      EXPECT_EQ(read.parser.status(), c.status);
      EXPECT_EQ(read.parser.keep_alive(), c.keep_alive);
      EXPECT_EQ(read.rest, c.rest);
    }
  }
}

TEST(ResponseParserTest, AnswerToHeadHasNoBody) {
  const Read read = FeedBy("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 1000, /*to_head=*/true);
  EXPECT_EQ(read.state, State::kDone);
}

TEST(ResponseParserTest, TheEndDecidesWhatHasNoLength) {
  Read read = FeedBy("HTTP/1.1 200 OK\r\n\r\nabc", 1000);
  EXPECT_EQ(read.parser.End(), State::kDone);
  EXPECT_FALSE(read.parser.keep_alive());
  for (const char* cut : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    Read part = FeedBy(cut, 1000);
    EXPECT_EQ(part.parser.End(), State::kBad) << cut;
  }
}

TEST(ResponseParserTest, KeepsWhatTheGeneratorAsks) {
  Read read =
      FeedBy("HTTP/1.1 201 Created\r\nLocation: /api/v1/tasks/42\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", 1000);
  EXPECT_EQ(read.parser.location(), "/api/v1/tasks/42");
  EXPECT_TRUE(read.parser.has_retry_after());
  EXPECT_EQ(read.parser.retry_after_seconds(), 3);

  std::string_view next = "HTTP/1.1 503 X\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";
  read.parser.Start();
  EXPECT_EQ(read.parser.Feed(next), State::kDone);
  EXPECT_EQ(read.parser.location(), "") << "of the answer before";
  EXPECT_TRUE(read.parser.has_retry_after());
  EXPECT_FALSE(read.parser.retry_after_seconds()) << "a date";

  next = "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n";
  read.parser.Start();
  EXPECT_EQ(read.parser.Feed(next), State::kDone);
  EXPECT_FALSE(read.parser.has_retry_after());
}

TEST(ResponseParserTest, BoundsHeadAndTrailers) {
  const std::string filler = "X: " + std::string(1000, 'x') + "\r\n";
  std::string head = "HTTP/1.1 200 OK\r\n", trailer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 40; ++i) head += filler, trailer += filler;
  for (const size_t step : {size_t{1000}, size_t{100'000}}) {
    EXPECT_EQ(FeedBy(head + "\r\n", step).state, State::kBad);
    EXPECT_EQ(FeedBy(trailer + "\r\n", step).state, State::kBad);
  }
}

}  // namespace
}  // namespace flyball::load
