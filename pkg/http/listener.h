// The socket that connections arrive on: opened here, or inherited by the systemd convention.
#pragma once

#include <cstdint>
#include <string>

#include "pkg/base/result.h"
#include "pkg/base/unique_fd.h"

namespace flyball::http {

// A listening TCP socket, non-blocking, close-on-exec, SO_REUSEADDR, backlog 4096 (the kernel cuts it to
// net.core.somaxconn). `host` is a numeric IPv4 or IPv6 address or "localhost"; port 0 takes a free one.
// kInvalid: not an address; kConflict: the port is taken; kDenied: not allowed (ports < 1024); kIo: anything else.
Result<UniqueFd> Listen(const std::string& host, uint16_t port);

// The first socket handed over by LISTEN_FDS / LISTEN_PID (sd_listen_fds(3)): fd 3, made non-blocking and
// close-on-exec. LISTEN_PID may be absent. kNotFound when nothing was handed over; kInvalid when fd 3 is not a
// listening stream socket.
Result<UniqueFd> InheritedListener();

// Another descriptor of the same socket.
Result<UniqueFd> Duplicate(const UniqueFd& fd);

// The port the socket is bound to; 0 when it is not TCP.
uint16_t LocalPort(int fd);

}  // namespace flyball::http
