// What a server does with a message of the corpus, and how that compares with what the corpus says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/framing/framing_case.h"

namespace flyball::framing {

struct Behaviour {
  std::vector<int> statuses;  // without interim ones, as many as came
  enum class End {
    kServesOn,  // another request on the connection is answered
    kCloses,    // the server ended the connection
    kSilent,    // neither within a second
  } end = End::kSilent;
  std::string ToString() const;  // "200 400, closes"
};

enum class Verdict {
  kExact,    // the statuses of the corpus, and the end of the connection
  kAsSafe,   // accepts and refuses what the corpus accepts and refuses, and ends the connection where the corpus does,
             // or after any refusal; only the number of a refusal differs
  kDiffers,  // understands a message otherwise than the corpus
};

// Sends the whole message over a connection of its own. An answer that does not come within a second does not come.
Behaviour Observe(const FramingCase& one, uint16_t port);

Verdict Judge(const FramingCase& one, const Behaviour& behaviour);

}  // namespace flyball::framing
