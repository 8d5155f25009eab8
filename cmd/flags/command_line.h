// The command line as the programs see it: names bound to variables, each flag also read from the environment. The
// parsing library stays behind this header.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::flags {

// Exit statuses of every program (product.md): fine, the thing failed, wrong usage.
inline constexpr int kFine = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

// One command, "status" or "users create", or a program that has none. Variables are borrowed until CommandLine::Run
// returns; what they hold when they are bound is the default and is shown in the help text. A flag "--drain-timeout" is
// also read from FLYBALL_DRAIN_TIMEOUT; the command line wins. A value that does not fit is wrong usage, told with the
// flag, the value and what would be right, and never reaches the command.
class Command {
 public:
  struct Parts;  // the library's side
  explicit Command(std::unique_ptr<Parts> parts);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // A command below this one; then one of them must be given.
  Command& Sub(const std::string& name, const std::string& about);

  // FILE... : every word that is no flag. At least `at_least` of them.
  void Arguments(const std::string& name, std::vector<std::string>* into, const std::string& help, int at_least = 1);

  // What a text may be; the error says what would be right and nothing else.
  using Check = std::function<Result<void>(const std::string&)>;

  void Flag(const std::string& name, bool* into, const std::string& help);
  void Option(const std::string& name, std::string* into, const std::string& help, const Check& check = nullptr);
  // May be given more than once.
  void Option(const std::string& name, std::vector<std::string>* into, const std::string& help,
              const Check& check = nullptr);
  // Bounds are inclusive.
  void Option(const std::string& name, int* into, int min, int max, const std::string& help);
  void Option(const std::string& name, double* into, double min, double max, const std::string& help);
  // "250ms", "45s", "1m30s".
  void Option(const std::string& name, std::chrono::milliseconds* into, std::chrono::milliseconds min,
              std::chrono::milliseconds max, const std::string& help);
  // One of `choices`.
  void Choice(const std::string& name, std::string* into, const std::vector<std::string>& choices,
              const std::string& help);

  // What the command does once everything parsed; returns the exit status.
  void Runs(std::function<int()> run);

 private:
  std::unique_ptr<Parts> parts_;
};

class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& about, const std::string& version);
  ~CommandLine();

  // A command of a program that has several.
  Command& Add(const std::string& name, const std::string& about);
  // The program itself, when it has none.
  Command& Alone();

  // Parses and runs the one command that was named. Wrong usage prints one line and a hint to standard error and gives
  // 2; --help and --version print to standard output and give 0.
  int Run(int argc, const char* const* argv);

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

// "<who>: <message>" and the hint "Try '<who> --help'." to standard error; returns kUsage. `who` is the program with
// its command, "flyballctl load".
int WrongUsage(std::string_view who, std::string_view message);

}  // namespace flyball::flags
