#include "pkg/service/local/listening_port.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flyball::local {
namespace {

// A connection attempt that does not wait.
UniqueFd BeginConnect(uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  return fd;
}

bool Becomes(const UniqueFd& fd, short events, int ms) {
  pollfd wait{fd.get(), events, 0};
  return ::poll(&wait, 1, ms) == 1 && (wait.revents & events) != 0;
}

TEST(ListeningPortTest, ATakenPortNamesWhoHasIt) {
  const auto first = OpenListeningPort("127.0.0.1", 0, "the API", "--port");
  ASSERT_TRUE(first);
  const auto second = OpenListeningPort("127.0.0.1", first->port, "the API", "--port");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "port " + std::to_string(first->port) + ", for the API, is taken by pid " +
                                        std::to_string(::getpid()) +
                                        " (service_local_t); stop it, or choose another port with --port");
}

TEST(ListeningPortTest, AHostThatIsNotOursIsSaid) {
  EXPECT_EQ(OpenListeningPort("203.0.113.1", 0, "the API", "--port").error().message,
            "'203.0.113.1' is not an address of this machine; choose one with --host");
  EXPECT_EQ(OpenListeningPort("no such host", 0, "the API", "--port").error().code, ErrorCode::kInvalid);
}

TEST(ListeningPortTest, UrlsAreWhatABrowserTakes) {
  EXPECT_EQ(UrlAuthority("127.0.0.1", 80), "127.0.0.1:80");
  EXPECT_EQ(UrlAuthority("0.0.0.0", 80), "127.0.0.1:80");
  EXPECT_EQ(UrlAuthority("::", 80), "[::1]:80");
  EXPECT_EQ(UrlAuthority("localhost", 80), "localhost:80");
}

TEST(ListeningPortTest, RefusingNewConnectionsLeavesTheQueuedOnesAlone) {
  const auto port = OpenListeningPort("127.0.0.1", 0, "the API", "--port");
  const UniqueFd early = BeginConnect(port->port);
  ASSERT_TRUE(Becomes(early, POLLOUT, 1000));
  ASSERT_TRUE(RefuseNewConnections(port->fd));
  const UniqueFd late = BeginConnect(port->port);
  EXPECT_FALSE(Becomes(late, POLLOUT, 100)) << "it got in";

  const UniqueFd served(::accept(port->fd.get(), nullptr, nullptr));
  ASSERT_TRUE(served.valid());
  ASSERT_EQ(::send(early.get(), "ping", 4, MSG_NOSIGNAL), 4);
  ASSERT_TRUE(Becomes(served, POLLIN, 1000)) << "what an accepted connection sends still arrives";
  ASSERT_EQ(::send(served.get(), "pong", 4, MSG_NOSIGNAL), 4);
  EXPECT_TRUE(Becomes(early, POLLIN, 1000));
}

}  // namespace
}  // namespace flyball::local
