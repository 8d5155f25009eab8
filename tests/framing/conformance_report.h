// docs/http-conformance.md: how many cases of the corpus each server holds, and where the others differ.
#pragma once

#include <string>
#include <vector>

#include "tests/framing/judgement.h"

namespace flyball::framing {

struct ServerRun {
  std::string name;                   // "nginx/1.22.1"
  std::vector<Behaviour> behaviours;  // one a case, in the order of the corpus
};

// Runs every case against the server, several at a time.
ServerRun ObserveAll(const std::string& name, uint16_t port, const std::vector<FramingCase>& cases);

size_t CountOf(Verdict verdict, const std::vector<FramingCase>& cases, const ServerRun& run);

// Markdown. The same input gives the same text.
std::string Report(const std::vector<FramingCase>& cases, const std::vector<ServerRun>& runs);

}  // namespace flyball::framing
