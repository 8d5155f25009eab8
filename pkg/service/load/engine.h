// The generator: one thread, open loop. Requests are due when the trace says, whatever the answers do, and a latency
// begins when its request was due - waiting for a free connection counts, so a slow server cannot hide behind a slow
// client ("coordinated omission").
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/service/load/mix.h"
#include "pkg/service/load/tally.h"
#include "pkg/service/load/target.h"
#include "pkg/service/load/trace.h"

namespace flyball::load {

struct Plan {
  Target target;
  Trace trace = Trace::Steady(1, std::chrono::seconds(1));
  Mix mix;
  std::vector<std::string> tokens;            // one bearer token a principal; empty = everything is asked anonymously
  int connections = 64;                       // kept alive; 1 to 10,000
  std::chrono::milliseconds timeout{10'000};  // from the due time, for the whole answer
  std::chrono::milliseconds objective{250};   // what counts as good: answered well within this
  int retries = 0;           // attempts after the first for 503 and 429, after Retry-After (1 s when it says nothing)
  size_t backlog = 100'000;  // arrivals that may wait for a connection; more are given up at once
  uint64_t seed = 1;         // of arrivals and of the mix
};

// Runs the plan on this thread: until the trace is over and everything sent is answered, broken or timed out; a stop
// request ends the trace early. `on_second` is called for every second as it closes.
//
// What counts as what:
//  - A connection the server closes between answers, with or without "Connection: close", is no error: it is opened
//    again. Before a request is written the connection is checked for such a close, and a request of which no byte
//    could be written goes to another connection.
//  - Once bytes of a request were written, a close or reset before its answer is whole is a reset. That includes the
//    race in which the server closed an idle connection while the request was on its way: the client cannot know that
//    it was not processed, so it is counted, not hidden by sending it again.
//  - A request that is not answered within its timeout is a timeout and its connection is given up; one that was never
//    written by then is `not_sent`.
//  - No pipelining: one request a connection at a time, the longest idle connection first, so all are used.
//
// Errors: kUnavailable when not one connection could be made within 5 s; kIo when there are not enough descriptors.
Result<Report> Generate(const Plan& plan, std::stop_token stop,
                        const std::function<void(const Second&)>& on_second = nullptr);

}  // namespace flyball::load
