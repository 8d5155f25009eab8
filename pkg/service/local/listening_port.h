// Opening the API's port once, so that every pod can inherit it.
#pragma once

#include <cstdint>
#include <string>

#include "pkg/base/result.h"
#include "pkg/base/unique_fd.h"

namespace flyball::local {

struct ListeningPort {
  UniqueFd fd;        // listening, backlog 4096, non-blocking, close-on-exec
  uint16_t port = 0;  // the real one when 0 was asked for
};

// `what` names it in errors ("the API"), `flag` is how to choose another ("--port"). Errors: kConflict when the port is
// taken, naming the process that has it when it can be seen; kInvalid for a host that is no address of this machine;
// kDenied for ports that need privileges.
Result<ListeningPort> OpenListeningPort(const std::string& host, uint16_t port, const std::string& what,
                                        const std::string& flag);

// "pid 4711 (nginx)" for who listens on that TCP port, as far as this user may see; empty otherwise.
std::string WhoListensOn(uint16_t port);

// From now on the kernel drops every new connection attempt to the port without an answer, in all processes that share
// it; connections that are established, accepted or not, are not touched. So pods can empty the queue and close it, and
// nobody is accepted and then reset in between.
Result<void> RefuseNewConnections(const UniqueFd& listening);

// "127.0.0.1:8080", "[::1]:8080", for URLs; a host that means every address becomes 127.0.0.1 or [::1].
std::string UrlAuthority(const std::string& host, uint16_t port);

}  // namespace flyball::local
