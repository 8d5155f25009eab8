#include "cmd/flyballctl/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>

#include "pkg/base/check.h"
#include "pkg/base/time_format.h"

namespace flyball::ctl {
namespace {

// "--drain-timeout,-d" -> "FLYBALL_DRAIN_TIMEOUT"; the long name decides.
std::string EnvironmentName(const std::string& flag) {
  const size_t start = flag.find("--");
  Check(start != std::string::npos, "a flag has a long name");
  const std::string name = flag.substr(start + 2, flag.find(',', start) - start - 2);
  std::string env = "FLYBALL_";
  for (const char c : name)
    env.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return env;
}

void Say(std::string_view command, std::string_view message) {
  std::fprintf(stderr, "flyballctl%s%.*s: %.*s\n", command.empty() ? "" : " ", static_cast<int>(command.size()),
               command.data(), static_cast<int>(message.size()), message.data());
}

void Hint(std::string_view command) {
  std::fprintf(stderr, "Try 'flyballctl %.*s%s--help'.\n", static_cast<int>(command.size()), command.data(),
               command.empty() ? "" : " ");
}

// "users create" for the command the parse stopped in.
std::string DeepestParsed(const CLI::App& program) {
  std::string path;
  const CLI::App* at = &program;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += (path.empty() ? "" : " ") + at->get_name();
  }
  return path;
}

// The library says "A subcommand is required" for a misspelt one too; name the word that was not understood.
std::string Explain(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App* at = &program;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  if (error.get_name() == "RequiredError" && at->get_require_subcommand_min() > 0) {
    for (const std::string& word : program.remaining(true)) {
      if (!word.starts_with('-')) return "there is no command '" + word + "'";
    }
    return "a command is required";
  }
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

template <typename T>
std::string Text(T number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

}  // namespace

struct Command::Parts {
  CLI::App* app = nullptr;  // owned by the program
  std::deque<Command> subs;
  std::function<int()> run;
  std::function<int()>* chosen = nullptr;  // where the program looks for what to run
};

struct CommandLine::Program {
  CLI::App app;
  std::deque<Command> commands;
  std::function<int()> chosen;
};

Command::Command(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Command::~Command() = default;

Command& Command::Sub(const std::string& name, const std::string& about) {
  auto parts = std::make_unique<Parts>();
  parts->app = parts_->app->add_subcommand(name, about);
  parts->chosen = parts_->chosen;
  parts_->app->require_subcommand(1);
  return parts_->subs.emplace_back(std::move(parts));
}

void Command::Arguments(const std::string& name, std::vector<std::string>* into, const std::string& help,
                        int at_least) {
  CLI::Option* option = parts_->app->add_option(name, *into, help)->option_text(name + "...");
  if (at_least > 0) option->required()->expected(at_least, 1 << 20);
}

void Command::Flag(const std::string& name, bool* into, const std::string& help) {
  parts_->app->add_flag(name, *into, help)->envname(EnvironmentName(name));
}

void Command::Option(const std::string& name, std::string* into, const std::string& help) {
  parts_->app->add_option(name, *into, help)->envname(EnvironmentName(name))->capture_default_str();
}

void Command::Option(const std::string& name, std::vector<std::string>* into, const std::string& help) {
  parts_->app->add_option(name, *into, help)->envname(EnvironmentName(name))->expected(1)->take_all();
}

void Command::Option(const std::string& name, int* into, int min, int max, const std::string& help) {
  parts_->app->add_option(name, *into, help)
      ->envname(EnvironmentName(name))
      ->check(CLI::Range(min, max))
      ->option_text(Text(min) + " to " + Text(max) + " [" + Text(*into) + "]");
}

void Command::Option(const std::string& name, double* into, double min, double max, const std::string& help) {
  parts_->app->add_option(name, *into, help)
      ->envname(EnvironmentName(name))
      ->check(CLI::Range(min, max))
      ->option_text(Text(min) + " to " + Text(max) + " [" + Text(*into) + "]");
}

void Command::Option(const std::string& name, std::chrono::milliseconds* into, const std::string& help) {
  const auto parse = [into](const std::string& text) {
    const auto duration = ParseDuration(text);
    if (!duration) throw CLI::ValidationError(duration.error().message);
    *into = *duration;
  };
  parts_->app->add_option_function<std::string>(name, parse, help)
      ->envname(EnvironmentName(name))
      ->option_text("DURATION [" + FormatDuration(*into) + "]");
}

void Command::Choice(const std::string& name, std::string* into, const std::vector<std::string>& choices,
                     const std::string& help) {
  std::string text;
  for (const auto& choice : choices) text += (text.empty() ? "" : "|") + choice;
  parts_->app->add_option(name, *into, help)
      ->envname(EnvironmentName(name))
      ->check(CLI::IsMember(choices))
      ->option_text(text + " [" + *into + "]");
}

void Command::Runs(std::function<int()> run) {
  parts_->run = std::move(run);
  parts_->app->final_callback([parts = parts_.get()] { *parts->chosen = parts->run; });
}

CommandLine::CommandLine(const std::string& program, const std::string& about, const std::string& version)
    : program_(std::make_unique<Program>()) {
  program_->app.name(program);
  program_->app.description(about);
  program_->app.set_version_flag("--version", program + " " + version);
  program_->app.require_subcommand(1);
  program_->app.footer(
      "Every flag can also be given as FLYBALL_<FLAG> in the environment. Exit status: 0 fine, 1 failed, 2 wrong "
      "usage.");
}

CommandLine::~CommandLine() = default;

Command& CommandLine::Add(const std::string& name, const std::string& about) {
  auto parts = std::make_unique<Command::Parts>();
  parts->app = program_->app.add_subcommand(name, about);
  parts->chosen = &program_->chosen;
  return program_->commands.emplace_back(std::move(parts));
}

int CommandLine::Run(int argc, const char* const* argv) {
  try {
    program_->app.parse(argc, const_cast<char**>(argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program_->app.exit(error);  // help, version
    return WrongUsage(DeepestParsed(program_->app), Explain(program_->app, error));
  }
  Check(static_cast<bool>(program_->chosen), "a command that parsed has something to run");
  return program_->chosen();
}

int WrongUsage(std::string_view command, std::string_view message) {
  Say(command, message);
  Hint(command);
  return kUsage;
}

int Failed(std::string_view command, std::string_view message) {
  Say(command, message);
  return kFailed;
}

}  // namespace flyball::ctl
