// What commands print: plain when piped, coloured on a terminal, JSON or YAML when asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cmd/flags/command_line.h"

namespace flyball::ctl {

enum class Format { kText, kJson, kYaml };

// Declares -o,--output text|json|yaml. `into` as in Command.
void OutputOption(flags::Command& command, std::string* into);
Format FormatOf(const std::string& output);

// Prints one JSON value to standard output in `format` (kJson or kYaml), indented, with a newline at its end. False
// when `json` is no JSON; then nothing was printed.
bool PrintStructured(std::string_view json, Format format);

// True when standard output is a terminal.
bool OnTerminal();

// True when it is one and NO_COLOR is not set (https://no-color.org).
bool Coloured();

// Words for people; the marks are left out unless Coloured().
enum class Tone { kPlain, kBold, kDim, kGood, kWarn, kBad };
std::string Paint(Tone tone, std::string_view text);

// 12345.6 -> "12,346"; below 10 with one decimal, so that 0.4 requests/s is not shown as none.
std::string Number(double value);

// Rows in columns as wide as their widest cell, two blanks apart; the first row is the heading. Cells that look like
// numbers are set right.
std::string Table(const std::vector<std::vector<std::string>>& rows);

}  // namespace flyball::ctl
