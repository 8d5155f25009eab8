// Clients that leave at every point of a request and its answer, by a reset, an orderly end or a half-close, on
// descriptors that are used again and again. Every request carries a nonce of its own, and every byte that comes back
// is held against the answers that this client asked for: the answer of another is found by its nonce.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/test_service.h"

namespace flyball::http {
namespace {

using testing::Eventually;
using testing::RawClient;
using testing::TestServer;

constexpr int kThreads = 16;

std::string Host() { return " HTTP/1.1\r\nHost: h\r\n"; }
std::string Get(const std::string& target) { return "GET " + target + Host() + "\r\n"; }

// What a client sends. `nonce` is in every answer.
struct Kind {
  const char* name;
  std::string (*request)(const std::string& nonce);
  size_t chunks;  // that its answer may have at most
};

const std::array kKinds{
    Kind{"GET", [](const std::string& nonce) { return Get("/echo/" + nonce); }, 0},
    Kind{"POST",
         [](const std::string& nonce) {
           return "POST /echo" + Host() + "Content-Length: " + std::to_string(nonce.size()) + "\r\n\r\n" + nonce;
         },
         0},
    Kind{"chunked",
         [](const std::string& nonce) {
           return "POST /echo" + Host() + "Transfer-Encoding: chunked\r\n\r\n8;a=b\r\n" + nonce.substr(0, 8) +
                  "\r\n8\r\n" + nonce.substr(8) + "\r\n0\r\nT: v\r\n\r\n";
         },
         0},
    Kind{"pipelined",
         [](const std::string& nonce) {
           return Get("/later/" + nonce) + Get("/echo/" + nonce) + Get("/nonces/100/" + nonce) + Get("/later/" + nonce);
         },
         3},
    Kind{"executor", [](const std::string& nonce) { return Get("/later/" + nonce); }, 0},
    Kind{"executor POST",
         [](const std::string& nonce) { return "POST /later/" + nonce + Host() + "Content-Length: 2\r\n\r\nxx"; }, 0},
    Kind{"streaming", [](const std::string& nonce) { return Get("/nonces/3000/" + nonce); }, 48},
    Kind{"expecting",
         [](const std::string& nonce) {
           return "POST /echo" + Host() + "Expect: 100-continue\r\nContent-Length: 16\r\n\r\n" + nonce;
         },
         0},
};

// 16 letters, unlike any other text of an answer.
std::string Nonce(uint64_t number) {
  std::string nonce;
  for (int i = 0; i < 16; ++i, number >>= 4) nonce.push_back(static_cast<char>('G' + (number & 15)));
  return nonce;
}

// A connection cut after so many bytes of the request (`cut` <= its size), or after so many bytes of its answers.
class Cut {
 public:
  Cut(uint16_t port, std::string nonce)
      : nonce_(std::move(nonce)), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  bool connected() const { return connected_; }

  bool Send(std::string_view bytes) {
    return send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  void HalfClose() { shutdown(fd_.get(), SHUT_WR); }
  void Reset() {
    const linger abort{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    fd_.Reset();
  }
  // Reads until `bytes` are there, the server ends, or nothing comes for `limit`.
  void Read(size_t bytes, milliseconds limit) {
    while (seen_.size() < bytes) {
      pollfd poller{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (poll(&poller, 1, static_cast<int>(limit.count())) <= 0) return;
      char buffer[16384];
      const ssize_t got = recv(fd_.get(), buffer, std::min(sizeof buffer, bytes - seen_.size()), 0);
      if (got <= 0) return;
      seen_.append(buffer, static_cast<size_t>(got));
    }
  }
  const std::string& seen() const { return seen_; }

  // Whether every run of nonce letters that came back is this client's.
  bool OnlyOwnNonces() const {
    const auto is_letter = [](char c) { return c >= 'G' && c <= 'V'; };
    for (size_t at = 0; at < seen_.size();) {
      if (!is_letter(seen_[at])) {
        ++at;
        continue;
      }
      size_t end = at;
      while (end < seen_.size() && is_letter(seen_[end])) ++end;
      const std::string_view run = std::string_view(seen_).substr(at, end - at);
      // A stream repeats the nonce: 16 letters each. Shorter runs are words of the head ("OK", "HTTP").
      for (size_t i = 0; run.size() >= 16 && i < run.size(); i += 16) {
        const std::string_view piece = run.substr(i, 16);  // the last one may be cut, or the next answer's "HTTP"
        if (!nonce_.starts_with(piece) && !(piece.size() < 16 && std::string_view("HTTP").starts_with(piece))) {
          return false;
        }
      }
      at = end;
    }
    return true;
  }

 private:
  const std::string nonce_;
  UniqueFd fd_;
  bool connected_ = false;
  std::string seen_;
};

size_t Connections() {
  const char* given = std::getenv("FLYBALL_DISCONNECTS");
  return given == nullptr ? 100'000 : std::strtoul(given, nullptr, 10);
}

struct Tally {
  std::atomic<uint64_t> cut_in_request{0}, cut_in_answer{0}, whole{0}, foreign{0}, missing{0}, unconnected{0};
};

// How many bytes the answers to `kind` are at least: parts of a stream may be joined to one chunk. An extra request
// behind them tells where they end.
size_t AnswerBytes(uint16_t port, const Kind& kind) {
  Cut client(port, Nonce(0));
  client.Send(kind.request(Nonce(0)) + Get("/bye"));
  client.Read(1'000'000, seconds(30));
  const size_t end = client.seen().rfind("HTTP/1.1 200");
  EXPECT_NE(client.seen().find("bye", end), std::string::npos) << client.seen().substr(end);
  return end - (kind.chunks > 0 ? kind.chunks - 1 : 0) * std::string_view("400\r\n\r\n").size();
}

// One connection; where it is cut and how it ends follow from `number`.
void PlayOne(uint16_t port, uint64_t number, const std::vector<size_t>& answer_bytes, Random& random, Tally& tally) {
  const size_t which = number % kKinds.size();
  const Kind& kind = kKinds[which];
  const std::string nonce = Nonce(number);
  const std::string request = kind.request(nonce);
  // Every offset of the request and of the answer in turn; the whole of both at the end of the cycle.
  const size_t cut = number / kKinds.size() % (request.size() + answer_bytes[which] + 1);
  Cut client(port, nonce);
  if (!client.connected()) {
    ++tally.unconnected;
    return;
  }
  if (cut < request.size()) {
    client.Send(std::string_view(request).substr(0, cut));
    ++tally.cut_in_request;
  } else {
    client.Send(request);
    client.Read(cut - request.size(), seconds(30));
    const bool whole = cut == request.size() + answer_bytes[which];
    ++(whole ? tally.whole : tally.cut_in_answer);
    if (client.seen().size() < cut - request.size()) ++tally.missing;
  }
  if (random.Below(4) == 0) {  // what was asked for in full still comes after a half-close
    client.HalfClose();
    if (random.Below(2) == 0) client.Read(1'000'000, milliseconds(random.Below(3)));
  }
  if (!client.OnlyOwnNonces()) ++tally.foreign;
  if (random.Below(8) != 0) client.Reset();
}

TEST(Disconnects, AtEveryByteNothingIsLeftAndNobodyGetsTheAnswerOfAnother) {
  const uint64_t seed = RandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  TestServer server([](ServerOptions& options) { options.reactors = 2; });
  std::vector<size_t> answer_bytes;
  for (const Kind& kind : kKinds) answer_bytes.push_back(AnswerBytes(server.port(), kind));
  Tally tally;
  std::atomic<uint64_t> next{1};
  const size_t connections = Connections();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Random random(seed + static_cast<uint64_t>(i));
      for (uint64_t number; (number = next++) <= connections;) {
        PlayOne(server.port(), number, answer_bytes, random, tally);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%lu cut in the request, %lu in the answer, %lu whole\n", tally.cut_in_request.load(),
              tally.cut_in_answer.load(), tally.whole.load());
  EXPECT_EQ(tally.foreign, 0u) << "answers of another connection";
  EXPECT_EQ(tally.missing, 0u) << "clients that asked in full and were not answered";
  EXPECT_EQ(tally.unconnected, 0u);
  const auto accepted = [&] { return server.counters().accepted; };
  EXPECT_TRUE(Eventually([&] { return accepted() == connections + kKinds.size(); }));
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 0; }));
  EXPECT_TRUE(Eventually([&] { return server.service.answered >= server.service.handled; })) << "all came back";
  EXPECT_EQ(server.counters().dropped_responders, 0u);
  RawClient client(server.port());
  client.Send(Get("/echo/fine"));
  EXPECT_EQ(client.Read()->body, "fine");
}

}  // namespace
}  // namespace flyball::http
