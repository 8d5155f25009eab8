// nginx and haproxy beside our server, and in front of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "pkg/base/check.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/service/local/testing/eventually.h"
#include "tests/framing/conformance_report.h"
#include "tests/framing/echo_server.h"
#include "tests/framing/real_proxy.h"

namespace flyball::framing {
namespace {

using http::testing::RawClient;
using local::testing::ReadFile;

std::vector<FramingCase> Cases() {
  auto cases = ReadFramingCases(FLYBALL_FRAMING_CASES);
  Check(cases.has_value(), cases ? "" : cases.error().message);
  return std::move(*cases);
}

// haproxy may answer before it has looked at the trailers, or after.
constexpr size_t kCasesThatMayVary = 4;

// The lines about single cases that stand in one report only.
std::vector<std::string> ChangedCases(const std::string& kept, const std::string& now) {
  const auto lines_of = [](const std::string& text) {
    std::set<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (line.find(" | `") != std::string::npos) lines.insert(line);
    }
    return lines;
  };
  const auto before = lines_of(kept), after = lines_of(now);
  std::vector<std::string> changed;
  std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(changed));
  return changed;
}

// FLYBALL_WRITE_CONFORMANCE=1 writes the report instead of comparing it.
TEST(Conformance, TheKeptReportIsWhatNginxHaproxyAndWeDo) {
  const auto cases = Cases();
  const EchoServer ours;
  const RealProxy nginx(RealProxy::Role::kNginxAlone), haproxy(RealProxy::Role::kHaproxyAlone);
  const std::vector<ServerRun> runs = {ObserveAll("Flyball", ours.port(), cases),
                                       ObserveAll(RealProxy::NginxVersion(), nginx.port(), cases),
                                       ObserveAll(RealProxy::HaproxyVersion(), haproxy.port(), cases)};
  for (const ServerRun& run : runs) {
    const size_t exact = CountOf(Verdict::kExact, cases, run), safe = CountOf(Verdict::kAsSafe, cases, run) + exact;
    std::printf("%s: %zu of %zu exact, %zu as safe\n", run.name.c_str(), exact, cases.size(), safe);
  }
  EXPECT_EQ(CountOf(Verdict::kExact, cases, runs[0]), cases.size());
  const std::string report = Report(cases, runs);
  if (std::getenv("FLYBALL_WRITE_CONFORMANCE") != nullptr) {
    std::ofstream(FLYBALL_CONFORMANCE_FILE) << report;
    return;
  }
  const std::string kept = ReadFile(FLYBALL_CONFORMANCE_FILE);
  const bool same_versions = kept.find(runs[1].name + " exact") != std::string::npos &&
                             kept.find(runs[2].name + " exact") != std::string::npos;
  if (same_versions) {
    const auto changed = ChangedCases(kept, report);
    EXPECT_LE(changed.size(), kCasesThatMayVary) << "make http-conformance writes it anew";
    for (const std::string& line : changed) std::printf("otherwise than in the kept report: %s\n", line.c_str());
  } else {
    std::printf("%s was written with other versions and is not compared\n", FLYBALL_CONFORMANCE_FILE);
  }
}

// One message through the proxy, everything it answers, and then a request that must get its own answer, over whatever
// connection the proxy keeps to us.
void SendThrough(const RealProxy& proxy, const FramingCase& one) {
  RawClient client(proxy.port());
  client.Send(one.message);
  client.HalfClose();
  client.ReadToEnd(seconds(2));
  RawClient next(proxy.port());
  next.Send("GET /next-" + one.name + " HTTP/1.1\r\nHost: next\r\nConnection: close\r\n\r\n");
  const auto answer = next.Read();
  EXPECT_TRUE(answer && answer->body.rfind("GET /next-" + one.name + " ", 0) == 0)
      << proxy.name() << ": after " << one.name << " the next client gets "
      << (answer ? std::to_string(answer->status) + " " + answer->body : "nothing");
}

// Requests that our server saw and that the proxy does not know of; empty when there are none.
std::string Smuggled(const std::vector<EchoServer::Seen>& seen, const std::vector<std::string>& forwarded) {
  std::multiset<std::string> unused(forwarded.begin(), forwarded.end());
  std::string smuggled;
  size_t unreadable = 0;
  for (const EchoServer::Seen& one : seen) {
    if (one.front_id.empty() && one.text.rfind("refused", 0) == 0) {
      ++unreadable;
    } else if (const auto id = unused.find(one.front_id); id != unused.end()) {
      unused.erase(id);
    } else {
      smuggled += one.text + " with the id '" + one.front_id + "'\n";
    }
  }
  // What we refused as no request at all must be a request of the proxy's that we do not know otherwise.
  if (unreadable > unused.size()) smuggled += std::to_string(unreadable) + " refused messages\n";
  return smuggled;
}

class InFront : public ::testing::TestWithParam<RealProxy::Role> {};

TEST_P(InFront, NoRequestReachesUsThatItDidNotSee) {
  const EchoServer ours;
  const RealProxy proxy(GetParam(), ours.port());
  for (const FramingCase& one : Cases()) SendThrough(proxy, one);
  const auto seen = ours.seen();
  local::testing::Eventually([&] { return Smuggled(seen, proxy.Forwarded()).empty(); }, seconds(2));
  EXPECT_EQ(Smuggled(seen, proxy.Forwarded()), "") << proxy.Said();
  EXPECT_GT(seen.size(), Cases().size()) << "a good part of the corpus, and the requests between";
  std::printf("%s: %zu requests reached us, %zu forwarded by its log\n", proxy.name().c_str(), seen.size(),
              proxy.Forwarded().size());
}

INSTANTIATE_TEST_SUITE_P(Real, InFront,
                         ::testing::Values(RealProxy::Role::kNginx, RealProxy::Role::kNginxLenient,
                                           RealProxy::Role::kHaproxy, RealProxy::Role::kHaproxyLenient));

TEST(InFrontTest, ARequestThatTheProxyDidNotSeeIsFoundOut) {
  const EchoServer ours;
  const RealProxy proxy(RealProxy::Role::kHaproxyBytes, ours.port());
  RawClient client(proxy.port());
  client.Send("GET /unseen HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.Read());
  EXPECT_EQ(Smuggled(ours.seen(), proxy.Forwarded()), "GET /unseen with the id ''\n");
}

}  // namespace
}  // namespace flyball::framing
