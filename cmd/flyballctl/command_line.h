// The command line as the commands see it: names bound to variables, each flag also read from the environment. The
// parsing library stays behind this header.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::ctl {

// Exit statuses of every command (product.md): fine, the thing failed, wrong usage.
inline constexpr int kFine = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

// One command, "status" or "users create". Variables are borrowed until CommandLine::Run returns; what they hold when
// they are bound is the default and is shown in the help text. A flag "--drain-timeout" is also read from
// FLYBALL_DRAIN_TIMEOUT; the command line wins. A value that does not fit is wrong usage and never reaches the command.
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

  void Flag(const std::string& name, bool* into, const std::string& help);
  void Option(const std::string& name, std::string* into, const std::string& help);
  // May be given more than once.
  void Option(const std::string& name, std::vector<std::string>* into, const std::string& help);
  // Both bounds inclusive.
  void Option(const std::string& name, int* into, int min, int max, const std::string& help);
  void Option(const std::string& name, double* into, double min, double max, const std::string& help);
  // "250ms", "45s", "1m30s".
  void Option(const std::string& name, std::chrono::milliseconds* into, const std::string& help);
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

  Command& Add(const std::string& name, const std::string& about);

  // Parses and runs the one command that was named. Wrong usage prints one line and a hint to standard error and gives
  // 2; --help and --version print to standard output and give 0.
  int Run(int argc, const char* const* argv);

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

// "flyballctl load: <message>" and the hint, to standard error; returns kUsage. For what only the command can judge,
// such as two flags that exclude each other.
int WrongUsage(std::string_view command, std::string_view message);
// "flyballctl load: <message>" to standard error; returns kFailed.
int Failed(std::string_view command, std::string_view message);

}  // namespace flyball::ctl
