// Whatever bytes come: an answer in bounded time, with problems when it is not a document.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "pkg/base/random.h"
#include "pkg/spec/reader.h"

namespace flyball::spec {
namespace {

std::string Repeated(std::string_view piece, size_t bytes) {
  std::string text;
  while (text.size() + piece.size() <= bytes) text += piece;
  return text;
}

std::string FirstProblem(const std::string& document) {
  const Documents documents = Read({{"f", document}});
  return documents.problems.empty() ? "" : Format(documents.problems[0]);
}

std::string SampleText() {
  std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/manifests/samples/tasks.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty());
  return text.str();
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "flyball-spec-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name, const std::string& text = "") const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(Robustness, BoundsOfAFile) {
  constexpr size_t kMiB = 1 << 20;
  EXPECT_EQ(FirstProblem(Repeated("# x", kMiB + 4)),
            "f:1:1: the file is larger than 1 MiB; split it into several files");
  EXPECT_EQ(FirstProblem(Repeated("\n", kMiB)),
            "f:1:1: the file has more than 50000 lines; split it into several files");
  EXPECT_EQ(FirstProblem(Repeated("[", 5000) + Repeated("]", 5000)), "f:1:51: nested more than 50 deep");
  EXPECT_EQ(FirstProblem(Repeated("- ", 5000)), "f:1:101: nested more than 50 deep");
  EXPECT_EQ(FirstProblem("[" + Repeated("a,", kMiB - 2) + "]"),
            "f:1:400000: more than 200000 values in one file; split it into several files");
  EXPECT_EQ(FirstProblem("spec: &a [1]\nb: " + Repeated("*a ", 60)),
            "f:1:7: anchors (&a) are not supported; write the value out where it is needed");
}

TEST(Robustness, DeepNestingInsideADocument) {
  std::string spec = "1";
  for (int i = 0; i < 48; ++i) spec = "{a: " + spec + "}";
  const std::string head = "apiVersion: flyball.io/v1alpha1\nkind: App\nmetadata: {name: a}\nspec: ";
  EXPECT_EQ(FirstProblem(head + spec),
            "f:4:7: spec.resources is missing; write resources: {tasks: {fields: {title: "
            "{type: string}}}}");
  EXPECT_EQ(FirstProblem(head + "{a: {a: " + spec + "}}"), "f:4:203: nested more than 50 deep");
}

// A file's size is looked at before its bytes: a sparse file of 50 MB must not be read.
TEST(Robustness, FilesThatAreNotDocuments) {
  const Folder folder;
  const std::string big = folder.File("big.yaml");
  std::filesystem::resize_file(big, 50 << 20);
  const std::string junk = folder.File("junk.yaml", std::string("\x7F"
                                                                "ELF\x02\x01\0\0",
                                                                8));
  const std::string missing = folder.path() + "/missing.yaml";
  const auto start = std::chrono::steady_clock::now();
  const Documents documents = ReadFiles({big, missing, folder.path(), "/dev/zero", junk, folder.File("empty.yaml")});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  std::vector<std::string> problems;
  for (const Problem& problem : documents.problems) problems.push_back(Format(problem));
  EXPECT_EQ(problems,
            (std::vector<std::string>{big + ": the file is larger than 1 MiB", missing + ": the file does not exist",
                                      folder.path() + ": the file is a folder; name a YAML file in it",
                                      "/dev/zero: the file is larger than 1 MiB",
                                      junk + ":1:1: the control character 0x7f cannot stand in a document; is this a "
                                             "YAML file?",
                                      folder.path() + "/empty.yaml:1:1: the file holds no document; expected kind: App "
                                                      "or kind: Governor"}));
}

TEST(Robustness, AnUnreadableFile) {
  if (geteuid() == 0) {
    // Root reads everything; a folder that is not there on the way is the nearest failure to open.
    const Folder folder;
    const std::string path = folder.File("file") + "/below.yaml";
    EXPECT_EQ(Format(ReadFiles({path}).problems.at(0)), path + ": the file cannot be opened: Not a directory");
    return;
  }
  const Folder folder;
  const std::string path = folder.File("closed.yaml", "a");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  EXPECT_EQ(Format(ReadFiles({path}).problems.at(0)), path + ": the file cannot be opened: Permission denied");
}

void ExpectSane(const std::string& text) {
  const Documents documents = Read({{"f", text}});
  size_t lines = 1;
  for (const char c : text) lines += c == '\n';
  ASSERT_LE(documents.problems.size(), 101u);
  for (const Problem& problem : documents.problems) {
    ASSERT_GE(problem.line, 1) << text;
    ASSERT_LE(static_cast<size_t>(problem.line), lines) << text;
    ASSERT_GE(problem.column, 1) << text;
    ASSERT_FALSE(problem.message.empty());
  }
  if (documents.ok()) {
    ASSERT_FALSE(documents.apps.empty() && documents.governors.empty()) << text;
  }
}

std::string Mutated(std::string text, Random& random) {
  static constexpr std::string_view kPieces[] = {
      "\n",   "  ",  "{",   "}",     "[",     "]",   ":",    ": ",   "- ",  "'",   "\"", "#",    "&a ",
      "*a",   "!x ", "|",   ">\n",   "---\n", ",",   "null", "true", "yes", "0x1", "\t", "?",    "%",
      "\xC3", "\\",  "<<:", "=list", "12:30", "...", "auth", "\r\n", "~",   "@x",  "`",  "1e999"};
  for (uint64_t edits = 1 + random.Below(5); edits > 0; --edits) {
    const size_t at = random.Below(text.size() + 1);
    switch (random.Below(5)) {
      case 0:
        text.insert(at, kPieces[random.Below(std::size(kPieces))]);
        break;
      case 1:
        text.erase(at, random.Below(20));
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(random.Below(256)));
        break;
      case 3:
        text.resize(at);
        break;
      default:  // a piece of the document somewhere else
        text.insert(at, text.substr(random.Below(text.size() + 1), random.Below(80)));
    }
    if (text.size() > 20000) text.resize(20000);
  }
  return text;
}

TEST(Robustness, MutatedDocumentsNeverCrash) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::string sample = SampleText();
  for (int i = 0; i < 400; ++i) ASSERT_NO_FATAL_FAILURE(ExpectSane(Mutated(sample, random)));
  for (int i = 0; i < 2000; ++i) {
    std::string junk(random.Below(80), ' ');
    for (char& c : junk) c = static_cast<char>(random.Below(2) == 0 ? 32 + random.Below(95) : random.Below(256));
    ASSERT_NO_FATAL_FAILURE(ExpectSane(junk));
  }
}

}  // namespace
}  // namespace flyball::spec
