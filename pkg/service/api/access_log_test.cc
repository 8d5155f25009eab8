#include "pkg/service/api/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pkg/base/unique_fd.h"
#include "pkg/http/client.h"

namespace flyball::service::api {
namespace {

// A real server whose answers go to the log under test.
class Logged final : public http::Handler {
 public:
  explicit Logged(AccessLog& log) : log_(log) {}
  void Handle(http::Responder responder) override {
    const std::string_view wanted = responder.request().PathParam(0);
    http::Response response(wanted == "fail" ? 500 : wanted == "shed" ? 503 : 200);
    response.SetBody("text/plain", "four");
    std::move(responder).Send(std::move(response));
  }
  void OnAnswered(const http::Answered& answered) override {
    log_.Record(answered, "test.route", answered.status == 503 ? "ceiling" : "");
    count.fetch_add(1);
  }
  std::atomic<int> count{0};

 private:
  AccessLog& log_;
};

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
  }
  std::string ReadAll() {
    std::string out;
    char buffer[4096];
    for (ssize_t got; (got = ::read(read.get(), buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<size_t>(got));
    return out;
  }
  UniqueFd read, write;
};

// Sends requests for each of `paths` in turn and says what was logged of them when the log has gone.
std::vector<nlohmann::json> LinesOf(const std::string& what, const std::vector<std::string>& paths) {
  Pipe pipe;
  {
    AccessLog log(*ParseAccessLog(what), "pod-7", 1, pipe.write.get(), RealClock());
    Logged handler(log);
    http::Router router;
    EXPECT_TRUE(router.Add(http::Method::kGet, "/x/{what}", 0).has_value());
    http::Server server({}, std::move(router), handler);
    EXPECT_TRUE(server.Start().has_value());
    http::Client client;
    for (const std::string& path : paths) {
      http::ClientRequest request{.url = "http://127.0.0.1:" + std::to_string(server.port()) + path};
      request.headers = {{"Authorization", "Bearer secret-token"}, {"Cookie", "session=secret-cookie"}};
      EXPECT_TRUE(client.Send(request, seconds(30)).has_value());
    }
    server.Stop();
    EXPECT_EQ(handler.count.load(), static_cast<int>(paths.size()));
  }
  std::vector<nlohmann::json> lines;
  std::istringstream text(pipe.ReadAll());
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(AccessLog, ALineSaysWhatHappened) {
  const auto lines = LinesOf("all", {"/x/a%22b?token=secret-query", "/nothing", "/x/fail", "/x/shed"});
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0]["message"], "access");
  EXPECT_EQ(lines[0]["pod"], "pod-7");
  EXPECT_EQ(lines[0]["client"], "127.0.0.1");
  EXPECT_EQ(lines[0]["method"], "GET");
  EXPECT_EQ(lines[0]["path"], "/x/a%22b") << "as sent";
  EXPECT_EQ(lines[0]["route"], "test.route");
  EXPECT_EQ(lines[0]["status"], 200);
  EXPECT_EQ(lines[0]["bytes"], 4);
  EXPECT_EQ(lines[0]["id"].get<std::string>().size(), 32u);
  EXPECT_GE(lines[0]["ms"].get<double>(), 0);
  EXPECT_FALSE(lines[0].contains("reason"));
  EXPECT_EQ(lines[1]["status"], 404);
  EXPECT_EQ(lines[3]["reason"], "ceiling");
  for (const auto& line : lines) EXPECT_EQ(line.dump().find("secret"), std::string::npos) << line;
}

TEST(AccessLog, ErrorsAlwaysTheRestBySample) {
  std::vector<std::string> paths(40, "/x/a");
  paths.insert(paths.end(), 3, "/x/fail");
  paths.insert(paths.end(), 40, "/x/shed");
  const auto count = [&](const std::string& what, int status) {
    const auto lines = LinesOf(what, paths);
    return std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line["status"] == status; });
  };
  EXPECT_EQ(count("sample=0.1", 200), 4);
  EXPECT_EQ(count("sample=0.1", 500), 3);
  EXPECT_EQ(count("sample=0.1", 503), 4) << "a flood of refusals is no flood of lines";
  EXPECT_EQ(count("errors", 200), 0);
  EXPECT_EQ(count("errors", 500), 3);
  EXPECT_EQ(count("errors", 503), 1);
  EXPECT_EQ(LinesOf("off", paths).size(), 0u);
}

TEST(AccessLog, WhenNobodyReadsLinesAreDroppedAndCounted) {
  Pipe pipe;
  while (::write(pipe.write.get(), "x", 1) == 1) {
  }
  constexpr int kLines = 5000;  // of some 200 bytes, so four times what may wait
  AccessLog log(*ParseAccessLog("all"), "pod-7", 1, pipe.write.get(), RealClock());
  const http::Request request;
  for (int i = 0; i < kLines; ++i) {
    log.Record({.request = request, .status = 200, .answered = request.arrival()}, "", "");
  }
  EXPECT_GT(log.dropped(), 0u);
  EXPECT_LT(log.dropped(), static_cast<uint64_t>(kLines));
  EXPECT_EQ(log.written(), 0u);
}

TEST(AccessLog, WhatIsAskedFor) {
  for (const char* good : {"off", "errors", "all", "sample=0.01", "sample=1"}) {
    const auto options = ParseAccessLog(good);
    ASSERT_TRUE(options.has_value()) << good;
    EXPECT_EQ(Format(*options), good);
  }
  for (const char* bad : {"", "on", "sample", "sample=", "sample=0", "sample=1.5", "sample=-1", "sample=nan",
                          "sample=1e-3", "sample=0.1x", "All"}) {
    EXPECT_FALSE(ParseAccessLog(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace flyball::service::api
