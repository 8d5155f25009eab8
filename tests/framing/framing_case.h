// The corpus of raw messages in cases.txt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::framing {

struct FramingCase {
  std::string name;
  std::string section;  // the heading it stands under, without the RFC
  std::string clause;   // "9112 6.3": RFC and section that decides
  std::string message;  // as it goes over the wire
  struct Answer {
    int status = 0;
    bool to_head = false;  // has no body whatever its fields say
  };
  std::vector<Answer> answers;
  bool closes = false;
  bool has_echo = false;
  std::string echo;  // of the last answer, when has_echo
  int line = 0;      // in the file
};

// The format is described at the head of cases.txt. kInvalid names the line.
Result<std::vector<FramingCase>> ReadFramingCases(const std::string& path);

}  // namespace flyball::framing
