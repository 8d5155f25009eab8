// What the server bears from clients that take too much or give too little.
#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "pkg/http/detail/address_counts.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/test_service.h"

namespace flyball::http {
namespace {

using detail::AddressCounts;
using testing::Eventually;
using testing::RawClient;
using testing::TestServer;

std::string Get(std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

PeerAddress Address(std::initializer_list<uint8_t> bytes) {
  PeerAddress peer;
  peer.family = bytes.size() == 4 ? PeerAddress::Family::kIpv4 : PeerAddress::Family::kIpv6;
  std::copy(bytes.begin(), bytes.end(), peer.bytes.begin());
  return peer;
}

TEST(AddressCounts, CapsAnAddressAndFreesItsPlaces) {
  AddressCounts counts(2, nullptr);
  const PeerAddress one = Address({203, 0, 113, 7}), other = Address({203, 0, 113, 8});
  EXPECT_EQ(counts.Enter(one), AddressCounts::Place::kCounted);
  EXPECT_EQ(counts.Enter(one), AddressCounts::Place::kCounted);
  EXPECT_EQ(counts.Enter(one), AddressCounts::Place::kRefused);
  EXPECT_EQ(counts.Enter(other), AddressCounts::Place::kCounted);
  counts.Leave(one);
  EXPECT_EQ(counts.Enter(one), AddressCounts::Place::kCounted);
  EXPECT_EQ(counts.Enter(one), AddressCounts::Place::kRefused);
}

TEST(AddressCounts, ASlash64IsOneSubscriber) {
  AddressCounts counts(1, nullptr);
  EXPECT_EQ(counts.Enter(Address({0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1})),
            AddressCounts::Place::kCounted);
  EXPECT_EQ(counts.Enter(Address({0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2})),
            AddressCounts::Place::kRefused);
  EXPECT_EQ(counts.Enter(Address({0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1, 1, 1, 1, 1, 1, 1, 1})),
            AddressCounts::Place::kCounted);
}

TEST(AddressCounts, LoopbackAndWhomTheServiceTrustsHaveNoCap) {
  AddressCounts counts(1, nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(counts.Enter(Address({127, 0, 0, 1})), AddressCounts::Place::kFree);
  AddressCounts trusting(1, [](const PeerAddress& peer) { return peer.bytes[0] == 10; });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(trusting.Enter(Address({10, 0, 0, 1})), AddressCounts::Place::kFree);
  EXPECT_EQ(trusting.Enter(Address({127, 0, 0, 1})), AddressCounts::Place::kCounted);
  AddressCounts off(0, nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(off.Enter(Address({203, 0, 113, 7})), AddressCounts::Place::kFree);
}

TEST(Overload, ConnectionsOfOneAddressAreCapped) {
  TestServer server([](ServerOptions& options) {
    options.reactors = 2;
    options.limits.connections_per_address = 5;
    options.uncapped = [](const PeerAddress& peer) { return peer.bytes[3] == 1; };
  });
  const auto is_served = [](RawClient& client) {
    client.Send(Get("/echo/x"));
    return client.Read().has_value();
  };
  std::deque<RawClient> held;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_served(held.emplace_back(server.port(), 0, "127.0.0.2")));
  for (int i = 0; i < 20; ++i) {
    RawClient refused(server.port(), 0, "127.0.0.2");
    EXPECT_FALSE(is_served(refused));
  }
  EXPECT_EQ(server.counters().refused_connections, 20u);
  EXPECT_EQ(server.counters().open, 5u);
  RawClient other(server.port(), 0, "127.0.0.3"), trusted(server.port(), 0, "127.0.0.1");
  EXPECT_TRUE(is_served(other)) << "another address has its own places";
  EXPECT_TRUE(is_served(trusted));
  held.pop_back();
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 6; }));
  RawClient again(server.port(), 0, "127.0.0.2");
  EXPECT_TRUE(is_served(again)) << "a place that became free";
}

TEST(Overload, ABodyMustComeAtAMinimumRate) {
  TestServer server([](ServerOptions& options) {
    options.limits.body_grace = milliseconds(1000);
    options.limits.body_bytes_per_second = 1'000;
  });
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n";
  RawClient fast(server.port()), slow(server.port());
  slow.Send(head);
  fast.Send(head);
  const SteadyTime begin = RealClock().Now();
  // One sends 25 times the least for twice the grace; the other far less than the least.
  const std::string piece(2'500, 'x');
  for (int i = 0; i < 20; ++i) {
    fast.Send(piece);
    slow.Send("x");
    std::this_thread::sleep_until(begin + milliseconds(100) * (i + 1));
  }
  EXPECT_EQ(fast.Read()->status, 200);
  const auto refused = slow.Read();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 408);
  EXPECT_TRUE(refused->SaysClose());
}

TEST(Overload, AnAnswerMustBeTakenAtAMinimumRate) {
  TestServer server([](ServerOptions& options) {
    options.limits.write_deadline = milliseconds(1000);
    options.limits.write_bytes_per_second = 200'000;
  });
  RawClient fast(server.port(), 16 * 1024), slow(server.port(), 4096);
  fast.Send(Get("/big/20000000"));
  slow.Send(Get("/big/20000000"));
  const SteadyTime begin = RealClock().Now();
  // One takes 2 MB a second for two windows; the other a few hundred bytes.
  for (int i = 0; i < 100; ++i) {
    for (size_t left = 40'000; left > 0;) {
      const size_t got = fast.ReadRaw(left);
      ASSERT_GT(got, 0u) << "it was closed";
      left -= got;
    }
    slow.ReadRaw(10, milliseconds(1));
    std::this_thread::sleep_until(begin + milliseconds(20) * (i + 1));
  }
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 1; })) << "the slow one is closed, the other not";
  EXPECT_GT(fast.ReadRaw(1), 0u);
}

TEST(Overload, LagOfTheReactorIsMeasured) {
  TestServer server;
  const auto samples = [&] {
    const ReactorLag lag = server.server->reactor_lag();
    return std::accumulate(lag.counts.begin(), lag.counts.end(), uint64_t{0});
  };
  ASSERT_TRUE(Eventually([&] { return samples() >= 5; }));
  const double before = server.server->reactor_lag().sum_seconds;
  server.server->Post(0, [] { std::this_thread::sleep_for(milliseconds(200)); });  // a handler that blocks
  EXPECT_TRUE(Eventually([&] { return server.server->reactor_lag().sum_seconds > before + 0.1; }));
  const ReactorLag lag = server.server->reactor_lag();
  EXPECT_GE(lag.counts[lag.counts.size() - 2] + lag.counts.back(), 1u) << "above 0.1 s";
}

}  // namespace
}  // namespace flyball::http
