#include "pkg/service/api/representation.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "pkg/http/client.h"
#include "pkg/http/compression.h"
#include "pkg/http/server.h"

namespace flyball::service::api {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

const std::string kLong = "{\"text\":\"" + std::string(3000, 'a') + "\"}";
const std::string kShort = "{\"text\":\"a\"}";

// Answers the row at version 3, long or short by the path, as the resource room does.
class Rows final : public http::Handler {
 public:
  void Handle(http::Responder responder) override {
    const http::Request& request = responder.request();
    const Representation representation(request);
    resource::Answer answer;
    answer.etag = "\"3\"";
    answer.body = request.PathParam(0) == "long" ? kLong : kShort;
    if (auto refusal = representation.Refusal(request.method() == http::Method::kPost)) {
      answer = std::move(*refusal);
    } else if (representation.if_none_match() == answer.etag) {
      answer.status = 304;
      answer.body.clear();
    }
    std::move(responder).Send(representation.Make(std::move(answer), http::kWorthCoding));
  }
};

class RepresentationTest : public ::testing::Test {
 protected:
  RepresentationTest() {
    http::Router router;
    for (const auto method : {http::Method::kGet, http::Method::kPost}) {
      EXPECT_TRUE(router.Add(method, "/rows/{id}", 0).has_value());
    }
    server_ = std::make_unique<http::Server>(http::ServerOptions{}, std::move(router), rows_);
    EXPECT_TRUE(server_->Start().has_value());
  }

  http::ClientResponse Ask(const std::string& id, Headers headers, const std::string& method = "GET") {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(server_->port()) + "/rows/" + id;
    request.headers = std::move(headers);
    if (method == "POST") request.body = "{}";
    auto answer = client_.Send(request, seconds(30));
    EXPECT_TRUE(answer.has_value());
    return answer ? *answer : http::ClientResponse();
  }

  Rows rows_;
  std::unique_ptr<http::Server> server_;
  http::Client client_;
};

std::string Gunzip(const std::string& coded) {
  std::string out(10'000, '\0');
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_F(RepresentationTest, LongBodiesAreCoded) {
  const auto gzip = Ask("long", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(gzip.Header("content-encoding"), "gzip");
  EXPECT_EQ(gzip.Header("vary"), "Authorization, Accept-Encoding");
  EXPECT_EQ(gzip.Header("etag"), "\"3-gzip\"");
  EXPECT_EQ(gzip.Header("content-type"), "application/json");
  EXPECT_EQ(Gunzip(gzip.body), kLong);
  EXPECT_EQ(Ask("long", {{"Accept-Encoding", "gzip, br"}}).Header("content-encoding"), "br");
  const auto plain = Ask("long", {});
  EXPECT_EQ(plain.Header("content-encoding"), "");
  EXPECT_EQ(plain.Header("vary"), "Authorization, Accept-Encoding") << "or a cache gives this one to all";
  EXPECT_EQ(plain.Header("etag"), "\"3\"");
  EXPECT_EQ(plain.body, kLong);
}

TEST_F(RepresentationTest, ShortOnesOnlyWhenNothingElseWillDo) {
  const auto plain = Ask("short", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(plain.Header("content-encoding"), "");
  EXPECT_EQ(plain.Header("etag"), "\"3\"");
  const auto coded = Ask("short", {{"Accept-Encoding", "gzip, identity;q=0"}});
  EXPECT_EQ(coded.Header("content-encoding"), "gzip");
  EXPECT_EQ(Gunzip(coded.body), kShort);
}

TEST_F(RepresentationTest, TagsOfEitherBodyAreKnown) {
  const auto status = [&](const std::string& tag, const std::string& codings) {
    const auto answer = Ask("long", {{"If-None-Match", tag}, {"Accept-Encoding", codings}});
    return std::to_string(answer.status) + " " + std::string(answer.Header("etag"));
  };
  EXPECT_EQ(status("\"3-gzip\"", "gzip"), "304 \"3-gzip\"");
  EXPECT_EQ(status("\"3\"", "gzip"), "304 \"3\"");
  EXPECT_EQ(status("\"3\"", "identity"), "304 \"3\"");
  EXPECT_EQ(status("\"3-gzip\"", "identity"), "200 \"3\"") << "what it has is not what it would take now";
  EXPECT_EQ(status("\"2-gzip\"", "gzip"), "200 \"3-gzip\"");
}

TEST_F(RepresentationTest, WhatCannotBeIsRefused) {
  EXPECT_EQ(Ask("long", {{"Accept-Encoding", "identity;q=0"}}).status, 406);
  EXPECT_EQ(Ask("long", {{"Accept-Encoding", "*;q=0"}}).status, 406);
  EXPECT_EQ(Ask("long", {{"Accept", "text/html"}}).status, 406);
  EXPECT_EQ(Ask("long", {{"Accept", "text/html"}, {"Accept", "application/json;q=0.1"}}).status, 200)
      << "two lines are one list";
  EXPECT_EQ(Ask("long", {{"Accept", "application/json;q=0, */*"}}).status, 406);
}

TEST_F(RepresentationTest, Ranges) {
  const auto part = Ask("long", {{"Range", "bytes=0-7"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, kLong.substr(0, 8));
  EXPECT_EQ(part.Header("content-range"), "bytes 0-7/" + std::to_string(kLong.size()));
  EXPECT_EQ(part.Header("content-type"), "application/json");
  EXPECT_EQ(part.Header("etag"), "\"3\"");
  const auto parts = Ask("long", {{"Range", "bytes=0-1,-2"}});
  EXPECT_EQ(parts.status, 206);
  EXPECT_EQ(parts.Header("content-type").substr(0, 31), "multipart/byteranges; boundary=");
  EXPECT_NE(parts.body.find("Content-Range: bytes 0-1/3011\r\n\r\n{\"\r\n"), std::string::npos) << parts.body;
  EXPECT_EQ(parts.Header("content-range"), "") << "each part has its own";
  const auto none = Ask("long", {{"Range", "bytes=9999-"}});
  EXPECT_EQ(none.status, 416);
  EXPECT_EQ(none.Header("content-range"), "bytes */3011");
  EXPECT_EQ(none.Header("etag"), "");
  EXPECT_EQ(Ask("long", {{"Range", "bytes=0-7"}, {"Range", "bytes=8-9"}}).status, 200);
  EXPECT_EQ(Ask("long", {{"Range", "lines=0-7"}}).status, 200);
  EXPECT_EQ(Ask("long", {{"Range", "bytes=0-7"}, {"If-Range", "\"3\""}}).status, 206);
  EXPECT_EQ(Ask("long", {{"Range", "bytes=0-7"}, {"If-Range", "\"2\""}}).status, 200) << "it has changed: all of it";
  EXPECT_EQ(Ask("long", {{"Range", "bytes=0-7"}, {"If-Range", "W/\"3\""}}).status, 200) << "compared strongly";
  EXPECT_EQ(Ask("long", {{"Range", "bytes=0-7"}, {"If-Range", "Sat, 21 Nov 2026 09:30:00 GMT"}}).status, 200);
  EXPECT_EQ(Ask("long", {{"Range", "bytes=0-7"}, {"If-None-Match", "\"3\""}}).status, 304) << "judged before";
  const auto coded = Ask("long", {{"Range", "bytes=0-1"}, {"Accept-Encoding", "gzip"}});
  EXPECT_EQ(coded.status, 206);
  EXPECT_EQ(coded.body, "\x1f\x8b") << "of the coded body";
  EXPECT_EQ(coded.Header("etag"), "\"3-gzip\"");
  EXPECT_EQ(Ask("long", {{"Content-Type", "application/json"}, {"Range", "bytes=0-7"}}, "POST").status, 200);
}

TEST_F(RepresentationTest, BodiesMustBePlainJson) {
  const auto status = [&](Headers headers) { return Ask("long", std::move(headers), "POST").status; };
  EXPECT_EQ(status({{"Content-Type", "application/json"}}), 200);
  EXPECT_EQ(status({{"Content-Type", "Application/JSON; charset=\"UTF-8\""}}), 200);
  EXPECT_EQ(status({{"Content-Type", "application/merge-patch+json"}}), 200);
  EXPECT_EQ(status({{"Content-Type", "application/json; charset=iso-8859-1"}}), 415);
  EXPECT_EQ(status({{"Content-Type", "text/plain"}}), 415);
  EXPECT_EQ(status({{"Content-Type", "application/json;"}, {"Content-Encoding", "identity"}}), 200);
  const auto coded = Ask("long", {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}, "POST");
  EXPECT_EQ(coded.status, 415);
  EXPECT_EQ(coded.Header("accept-encoding"), "identity");
}

}  // namespace
}  // namespace flyball::service::api
