#include "cmd/flags/command_line.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace flyball::flags {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

struct Values {
  std::vector<std::string> files, tags;
  std::string name = "pod", format = "text";
  int count = 3;
  double rate = 1.5;
  milliseconds wait = seconds(1);
  bool watch = false;
};

struct Ran {
  int status = -1;
  std::string out, err;
  Values values;
};

// A program "tool" with one command "go", called with these words.
Ran Call(std::vector<const char*> words) {
  Ran ran;
  Values& values = ran.values;
  CommandLine line("tool", "Does things.", "1.0");
  Command& go = line.Add("go", "Go somewhere.");
  go.Arguments("FILE", &values.files, "what to read");
  go.Option("--name", &values.name, "its name", [](const std::string& text) -> Result<void> {
    if (text == "wrong") return Fail(ErrorCode::kInvalid, "must be right");
    return {};
  });
  go.Option("--tag", &values.tags, "a tag");
  go.Option("--count", &values.count, 0, 10, "how many");
  go.Option("--rate", &values.rate, 0.1, 100, "how fast");
  go.Option("--wait", &values.wait, milliseconds(0), seconds(10), "how long");
  go.Choice("-o,--output", &values.format, {"text", "json"}, "the form");
  go.Flag("-w,--watch", &values.watch, "go on");
  go.Runs([] { return 7; });
  int depth = 0;
  Command& dig = line.Add("dig", "Dig.");
  dig.Option("--depth", &depth, 0, 10, "how deep");
  dig.Runs([] { return 8; });
  words.insert(words.begin(), "tool");
  CaptureStdout();
  CaptureStderr();
  ran.status = line.Run(static_cast<int>(words.size()), words.data());
  ran.out = GetCapturedStdout();
  ran.err = GetCapturedStderr();
  return ran;
}

TEST(CommandLineTest, ReadsEveryKindOfFlag) {
  const Ran ran = Call({"go", "a.yaml", "--name", "x", "--tag", "t1", "b.yaml", "--tag=t2", "--count", "10", "--rate",
                        "0.5", "--wait", "1500ms", "-o", "json", "-w"});
  EXPECT_EQ(ran.status, 7) << ran.err;
  EXPECT_EQ(ran.values.files, (std::vector<std::string>{"a.yaml", "b.yaml"}));
  EXPECT_EQ(ran.values.tags, (std::vector<std::string>{"t1", "t2"}));
  EXPECT_EQ(ran.values.name, "x");
  EXPECT_EQ(ran.values.count, 10);
  EXPECT_DOUBLE_EQ(ran.values.rate, 0.5);
  EXPECT_EQ(ran.values.wait, milliseconds(1500));
  EXPECT_EQ(ran.values.format, "json");
  EXPECT_TRUE(ran.values.watch);
  EXPECT_EQ(Call({"go", "f", "--count", "1", "--count", "2"}).values.count, 2) << "the last one wins";
}

TEST(CommandLineTest, AWrongValueIsOneLineWithFlagValueAndWhatWouldBeRight) {
  const struct {
    std::vector<const char*> words;
    const char* line;
  } cases[] = {
      {{"go", "f", "--count", "11"}, "tool go: --count 11: must be a whole number from 0 to 10"},
      {{"go", "f", "--count", "3x"}, "tool go: --count 3x: must be a whole number from 0 to 10"},
      {{"go", "f", "--count="}, "tool go: --count needs a value"},
      {{"go", "f", "--rate", "nan"}, "tool go: --rate nan: must be a number from 0.1 to 100"},
      {{"go", "f", "--wait", "5"}, "tool go: --wait 5: must be a number with its unit (ms, s, m, h, d), such as 5s"},
      {{"go", "f", "--wait", "11s"}, "tool go: --wait 11s: must be at most 10s"},
      {{"go", "f", "--name", "wrong"}, "tool go: --name wrong: must be right"},
      {{"go", "f", "-o", "xml"}, "tool go: --output xml: must be one of text, json"},
      {{"go", "f", "--nmae", "x"}, "tool go: there is no flag --nmae"},
      {{"go", "f", "--tag"}, "tool go: --tag needs a value"},
      {{"go"}, "tool go: FILE is required"},
      {{"og"}, "tool: there is no command 'og'; did you mean 'go'?"},
      {{"dig", "deeper"}, "tool dig: it takes no argument 'deeper'"},
      {{"frobnicate"}, "tool: there is no command 'frobnicate'"},
      {{}, "tool: a command is required"},
  };
  for (const auto& [words, line] : cases) {
    const Ran ran = Call(words);
    EXPECT_EQ(ran.status, kUsage) << line;
    const size_t end = std::string(line).find(':');
    EXPECT_EQ(ran.err, std::string(line) + "\nTry '" + std::string(line).substr(0, end) + " --help'.\n");
    EXPECT_EQ(ran.out, "");
  }
}

TEST(CommandLineTest, HelpAndVersionAreCommandsToo) {
  EXPECT_EQ(Call({"help"}).out, Call({"--help"}).out);
  EXPECT_EQ(Call({"help", "go"}).out, Call({"go", "--help"}).out);
  EXPECT_EQ(Call({"help", "go"}).status, kFine);
  EXPECT_EQ(Call({"version"}).out, "tool 1.0\n");
}

TEST(CommandLineTest, TheEnvironmentIsReadAndNamed) {
  ::setenv("FLYBALL_COUNT", "5", 1);
  EXPECT_EQ(Call({"go", "f"}).values.count, 5);
  EXPECT_EQ(Call({"go", "f", "--count", "6"}).values.count, 6);
  ::setenv("FLYBALL_COUNT", "50", 1);
  EXPECT_EQ(Call({"go", "f"}).err.find("tool go: FLYBALL_COUNT=50: must be"), 0u);
  ::unsetenv("FLYBALL_COUNT");
  ::setenv("FLYBALL_WATCH", "yes", 1);
  ::setenv("FLYBALL_TAG", "t", 1);
  EXPECT_TRUE(Call({"go", "f"}).values.watch);
  EXPECT_EQ(Call({"go", "f"}).values.tags, std::vector<std::string>{"t"});
  EXPECT_EQ(Call({"go", "f", "--tag", "u"}).values.tags, std::vector<std::string>{"u"});
  ::setenv("FLYBALL_WATCH", "maybe", 1);
  EXPECT_EQ(Call({"go", "f"}).err.find("tool go: FLYBALL_WATCH=maybe: must be true or false"), 0u);
  ::unsetenv("FLYBALL_WATCH");
  ::unsetenv("FLYBALL_TAG");
  ::setenv("FLYBALL_DEPTH", "deep", 1);
  EXPECT_EQ(Call({"go", "f"}).status, 7) << "a flag of another command";
  ::unsetenv("FLYBALL_DEPTH");
}

TEST(CommandLineTest, HelpReadsLikeKubectls) {
  const Ran ran = Call({"go", "--help"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.substr(0, ran.out.find("A flag can")),
            "Go somewhere.\n\n"
            "Options:\n"
            "    --name='pod':\n        its name (FLYBALL_NAME)\n"
            "    --tag=[]:\n        a tag (FLYBALL_TAG)\n"
            "    --count=3:\n        how many; 0 to 10 (FLYBALL_COUNT)\n"
            "    --rate=1.5:\n        how fast; 0.1 to 100 (FLYBALL_RATE)\n"
            "    --wait=1s:\n        how long (FLYBALL_WAIT)\n"
            "    -o, --output='text':\n        the form; one of text, json (FLYBALL_OUTPUT)\n"
            "    -w, --watch=false:\n        go on (FLYBALL_WATCH)\n\n"
            "Usage:\n  tool go FILE... [options]\n\n");
  const Ran top = Call({"--help"});
  EXPECT_EQ(top.out.find("Does things.\n\nCommands:\n  go    Go somewhere.\n  dig   Dig.\n"), 0u) << top.out;
  EXPECT_NE(top.out.find("Usage:\n  tool COMMAND [options]\n"), std::string::npos) << top.out;
}

TEST(CommandLineTest, AProgramMayHaveNoCommands) {
  std::vector<std::string> files;
  int port = 80, ran = 0;
  CommandLine line("pod", "Serves.", "1.0");
  Command& pod = line.Alone();
  pod.Arguments("FILE", &files, "documents");
  pod.Option("--port", &port, 0, 65535, "port");
  pod.Runs([&] { return ++ran, kFine; });
  const char* words[] = {"pod", "a.yaml", "--port", "81"};
  EXPECT_EQ(line.Run(4, words), kFine);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(port, 81);
}

}  // namespace
}  // namespace flyball::flags
