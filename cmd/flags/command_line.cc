#include "cmd/flags/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "cmd/flags/values.h"
#include "pkg/base/check.h"
#include "pkg/base/nearest.h"
#include "pkg/base/time_format.h"

namespace flyball::flags {
namespace {

// "-w,--watch" -> "--watch".
std::string LongName(const std::string& flag) {
  const size_t start = flag.find("--");
  flyball::Check(start != std::string::npos, "a flag has a long name");
  return flag.substr(start, flag.find(',', start) - start);
}

// "--drain-timeout" -> "FLYBALL_DRAIN_TIMEOUT".
std::string EnvironmentName(const std::string& flag) {
  std::string env = "FLYBALL_";
  for (const char c : LongName(flag).substr(2))
    env.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return env;
}

// "--port 99999", or "FLYBALL_PORT=99999" when that is where it came from.
std::string Given(const std::string& flag, const std::string& value) {
  const std::string env = EnvironmentName(flag);
  const char* in_environment = std::getenv(env.c_str());
  const bool from_there = in_environment != nullptr && value == in_environment;
  return (from_there ? env + "=" : LongName(flag) + " ") + (value.empty() ? "''" : WithoutPassword(value));
}

// Stores a flag's value or says what would be right.
using Take = std::function<Result<void>(const std::string&)>;

void TakeOrThrow(const std::string& flag, const Take& take, const std::string& text) {
  const auto taken = take(text);
  if (!taken) throw CLI::ValidationError(Given(flag, text) + ": " + taken.error().message);
}

Result<void> TakeTruth(const std::string& text, bool* into) {
  const bool yes = text == "true" || text == "1" || text == "yes", no = text == "false" || text == "0" || text == "no";
  if (!yes && !no) return Fail(ErrorCode::kInvalid, "must be true or false");
  *into = yes;
  return {};
}

// The text of a flag in the help, with its name in the environment.
std::string Described(const std::string& help, const std::string& flag) {
  return help + " (" + EnvironmentName(flag) + ")";
}

template <typename T>
std::string Text(T number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

template <typename T>
Result<void> TakeNumber(const std::string& text, T min, T max, T* into) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !(number >= min && number <= max)) {
    const std::string kind = std::is_integral_v<T> ? "a whole number" : "a number";
    return Fail(ErrorCode::kInvalid, "must be " + kind + " from " + Text(min) + " to " + Text(max));
  }
  *into = number;
  return {};
}

void Say(std::string_view who, std::string_view message) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(who.size()), who.data(), static_cast<int>(message.size()),
               message.data());
}

// The app the parse stopped in.
const CLI::App& Deepest(const CLI::App& program) {
  const CLI::App* at = &program;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

// "flyballctl users create".
std::string PathOf(const CLI::App& app) {
  return (app.get_parent() == nullptr ? "" : PathOf(*app.get_parent()) + " ") + app.get_name();
}

// "; did you mean 'status'?", or nothing.
std::string DidYouMean(const std::string& word, const CLI::App& at) {
  const auto commands = at.get_subcommands(nullptr);
  std::vector<std::string_view> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  const std::string_view near = Nearest(word, names);
  return near.empty() ? "" : "; did you mean '" + std::string(near) + "'?";
}

// The library says "A subcommand is required" for a misspelt one too; name the word that was not understood.
std::string Explain(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& at = Deepest(program);
  if (error.get_name() == "RequiredError" && at.get_require_subcommand_min() > 0) {
    for (const std::string& word : program.remaining(true)) {
      if (!word.starts_with('-')) return "there is no command '" + word + "'" + DidYouMean(word, at);
    }
    return "a command is required";
  }
  std::string text = error.what();
  const size_t colon = text.find(": ");
  if (error.get_name() == "ArgumentMismatch" && colon != std::string::npos) {
    return text.substr(0, colon) + " needs a value";
  }
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && colon != std::string::npos) {
    // An unknown flag's value is left over too, and before it; the flag is what was wrong.
    const std::vector<std::string> words = program.remaining(true);
    const auto flag = std::find_if(words.begin(), words.end(), [](const auto& word) { return word.starts_with('-'); });
    if (flag != words.end()) return "there is no flag " + *flag;
    return "it takes no argument '" + text.substr(colon + 2, text.find(' ', colon + 2) - colon - 2) + "'";
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// Help in the layout of kubectl: what it does, its commands or options, how to call it.
class Help : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    return app->get_description() + "\n\n" + Commands(*app) + Options(*app) + Usage(*app) + app->get_footer() + "\n";
  }

 private:
  static std::string Commands(const CLI::App& app) {
    const auto commands = app.get_subcommands(nullptr);
    if (commands.empty()) return "";
    size_t width = 0;
    for (const CLI::App* command : commands) width = std::max(width, command->get_name().size());
    std::string text = "Commands:\n";
    for (const CLI::App* command : commands) {
      const std::string padding(width - command->get_name().size(), ' ');
      text += "  " + command->get_name() + padding + "   " + command->get_description() + "\n";
    }
    return text + "\n";
  }

  // Every option on a line with its default, and below it what it does and its name in the environment.
  static std::string Options(const CLI::App& app) {
    std::string text;
    for (const CLI::Option* option : app.get_options()) {
      if (!option->nonpositional() || option == app.get_help_ptr()) continue;
      std::string name = option->get_name(false, true);
      if (const size_t comma = name.find(','); comma != std::string::npos) name.insert(comma + 1, " ");
      text += "    " + name + option->get_option_text() + ":\n        " + option->get_description() + "\n";
    }
    return text.empty() ? "" : "Options:\n" + text + "\n";
  }

  static std::string Usage(const CLI::App& app) {
    std::string text = "Usage:\n  " + PathOf(app);
    const bool has_commands = !app.get_subcommands(nullptr).empty();
    if (has_commands) text += " COMMAND";
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_positional()) text += " " + option->get_option_text();
    }
    text += " [options]\n\n";
    if (has_commands) text += "Use '" + PathOf(app) + " COMMAND --help' for more about a command.\n";
    return text;
  }
};

}  // namespace

struct Command::Parts {
  CLI::App* app = nullptr;  // owned by the program
  std::deque<Command> subs;
  std::function<int()> run;
  std::function<int()>* chosen = nullptr;          // where the program looks for what to run
  std::vector<std::function<void()>> environment;  // each takes a flag's value from there unless the line has it

  // The library would read the variables of commands that were not named, too, and refuse what is wrong with them.
  void AlsoFromEnvironment(CLI::Option* option, const std::string& flag, const Take& take) {
    environment.emplace_back([option, flag, take] {
      const char* text = std::getenv(EnvironmentName(flag).c_str());
      if (text != nullptr && *text != '\0' && option->count() == 0) TakeOrThrow(flag, take, text);
    });
  }

  // A flag with a value; the last one given counts. `shown` is what the help shows as its default.
  void Bind(const std::string& flag, const std::string& help, const std::string& shown, const Take& take) {
    const auto one = [flag, take](const std::string& text) { TakeOrThrow(flag, take, text); };
    CLI::Option* option = app->add_option_function<std::string>(flag, one, Described(help, flag));
    option->take_last()->option_text("=" + shown);
    AlsoFromEnvironment(option, flag, take);
  }
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
  CLI::Option* option = parts_->app->add_option(name, *into, help);
  option->option_text(at_least > 0 ? name + "..." : "[" + name + "...]");
  if (at_least > 0) option->required()->expected(at_least, 1 << 20);
}

void Command::Flag(const std::string& name, bool* into, const std::string& help) {
  CLI::Option* option = parts_->app->add_flag(name, *into, Described(help, name))->option_text("=false");
  parts_->AlsoFromEnvironment(option, name, [into](const std::string& text) { return TakeTruth(text, into); });
}

void Command::Option(const std::string& name, std::string* into, const std::string& help, const Check& check) {
  parts_->Bind(name, help, "'" + *into + "'", [into, check](const std::string& text) -> Result<void> {
    if (check) {
      if (auto right = check(text); !right) return right;
    }
    *into = text;
    return {};
  });
}

void Command::Option(const std::string& name, std::vector<std::string>* into, const std::string& help,
                     const Check& check) {
  const auto take = [into, check](const std::string& text) -> Result<void> {
    if (check) {
      if (auto right = check(text); !right) return right;
    }
    into->push_back(text);
    return {};
  };
  const auto all = [name, take](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) TakeOrThrow(name, take, text);
  };
  CLI::Option* option = parts_->app->add_option_function<std::vector<std::string>>(name, all, Described(help, name));
  option->allow_extra_args(false)->option_text("=[]");
  parts_->AlsoFromEnvironment(option, name, take);
}

void Command::Option(const std::string& name, int* into, int min, int max, const std::string& help) {
  parts_->Bind(name, help + "; " + Text(min) + " to " + Text(max), Text(*into),
               [=](const std::string& text) { return TakeNumber(text, min, max, into); });
}

void Command::Option(const std::string& name, double* into, double min, double max, const std::string& help) {
  parts_->Bind(name, help + "; " + Text(min) + " to " + Text(max), Text(*into),
               [=](const std::string& text) { return TakeNumber(text, min, max, into); });
}

void Command::Option(const std::string& name, std::chrono::milliseconds* into, std::chrono::milliseconds min,
                     std::chrono::milliseconds max, const std::string& help) {
  parts_->Bind(name, help, FormatDuration(*into), [=](const std::string& text) -> Result<void> {
    const auto duration = DurationBetween(text, min, max);
    if (!duration) return Fail(duration.error());
    *into = *duration;
    return {};
  });
}

void Command::Choice(const std::string& name, std::string* into, const std::vector<std::string>& choices,
                     const std::string& help) {
  std::string all;
  for (const auto& choice : choices) all += (all.empty() ? "" : ", ") + choice;
  parts_->Bind(name, help + "; one of " + all, "'" + *into + "'", [=](const std::string& text) -> Result<void> {
    if (std::find(choices.begin(), choices.end(), text) == choices.end())
      return Fail(ErrorCode::kInvalid, "must be one of " + all);
    *into = text;
    return {};
  });
}

void Command::Runs(std::function<int()> run) {
  parts_->run = std::move(run);
  parts_->app->final_callback([parts = parts_.get()] {
    for (const auto& take : parts->environment) take();
    *parts->chosen = parts->run;
  });
}

CommandLine::CommandLine(const std::string& program, const std::string& about, const std::string& version)
    : program_(std::make_unique<Program>()) {
  program_->app.name(program);
  program_->app.description(about);
  program_->app.formatter(std::make_shared<Help>());
  program_->app.set_version_flag("--version", program + " " + version)->description("print the version");
  program_->app.footer(
      "A flag can also be given in the environment, under the name in brackets. Exit status: 0 fine, 1 failed, 2 wrong "
      "usage.");
}

CommandLine::~CommandLine() = default;

Command& CommandLine::Add(const std::string& name, const std::string& about) {
  auto parts = std::make_unique<Command::Parts>();
  program_->app.require_subcommand(1);
  parts->app = program_->app.add_subcommand(name, about);
  parts->chosen = &program_->chosen;
  return program_->commands.emplace_back(std::move(parts));
}

Command& CommandLine::Alone() {
  auto parts = std::make_unique<Command::Parts>();
  parts->app = &program_->app;
  parts->chosen = &program_->chosen;
  return program_->commands.emplace_back(std::move(parts));
}

int CommandLine::Run(int argc, const char* const* argv) {
  std::vector<const char*> words(argv, argv + argc);
  // "help users create" and "version", as kubectl has them.
  if (argc > 1 && !program_->app.get_subcommands(nullptr).empty()) {
    if (std::string_view(words[1]) == "help") {
      words.erase(words.begin() + 1);
      words.push_back("--help");
    } else if (argc == 2 && std::string_view(words[1]) == "version") {
      words[1] = "--version";
    }
  }
  try {
    program_->app.parse(static_cast<int>(words.size()), const_cast<char**>(words.data()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program_->app.exit(error);  // help, version
    return WrongUsage(PathOf(Deepest(program_->app)), Explain(program_->app, error));
  }
  flyball::Check(static_cast<bool>(program_->chosen), "a command that parsed has something to run");
  return program_->chosen();
}

int WrongUsage(std::string_view who, std::string_view message) {
  Say(who, message);
  std::fprintf(stderr, "Try '%.*s --help'.\n", static_cast<int>(who.size()), who.data());
  return kUsage;
}

}  // namespace flyball::flags
