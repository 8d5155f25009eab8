#include "pkg/service/local/data_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "pkg/service/local/document_watch.h"
#include "pkg/service/local/last_words.h"
#include "pkg/service/local/testing/folder.h"

namespace flyball::local {
namespace {

using testing::Folder;
using testing::ReadFile;
using testing::WriteFile;

RunFile SomeRun() {
  return {4711, "http://127.0.0.1:8080", "http://127.0.0.1:8081",     "secret", "unix:/x/redis.sock",
          4712, {{"pod-1", 4713}},       {"/home/\"me\"/tasks.yaml"}, "tasks",  "/api/v1"};
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

TEST(DataDirTest, IsMadeWithItsParentsAndIsPrivate) {
  Folder folder;
  const auto data = DataDir::Open(folder / "a/b/.flyball/");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->path(), folder / "a/b/.flyball");
  EXPECT_EQ(ModeOf(data->path()), 0700U);
}

TEST(DataDirTest, TheSecondSupervisorLearnsWhoHasIt) {
  Folder folder;
  const auto first = DataDir::Open(folder.path());
  ASSERT_TRUE(first);
  EXPECT_NE(DataDir::Open(folder.path()).error().message.find("(pid " + std::to_string(::getpid()) + ")"),
            std::string::npos);
  ASSERT_TRUE(first->WriteRunFile(SomeRun()));
  const auto second = DataDir::Open(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(second.error().message,
            folder.path() +
                " is in use by another 'flyballctl up' (pid 4711, http://127.0.0.1:8080); stop that one, or "
                "give this one a folder of its own with --data DIR");
}

TEST(DataDirTest, TheLockGoesWithItsHolder) {
  Folder folder;
  { ASSERT_TRUE(DataDir::Open(folder.path())); }
  EXPECT_TRUE(DataDir::Open(folder.path()));
}

TEST(DataDirTest, AFileInTheWayIsSaid) {
  Folder folder;
  WriteFile(folder / "file", "");
  const auto data = DataDir::Open(folder / "file");
  ASSERT_FALSE(data);
  EXPECT_EQ(data.error().message, "the data folder cannot be used: " + (folder / "file") +
                                      " is a file, not a folder; choose another with --data DIR");
}

TEST(DataDirTest, AFolderThatCannotBeWrittenIsSaid) {
  const auto data = DataDir::Open("/proc/self/flyball");  // root cannot write there either
  ASSERT_FALSE(data);
  EXPECT_NE(data.error().message.find("the data folder cannot be used"), std::string::npos) << data.error().message;
}

TEST(DataDirTest, RunFileReadsBackAndIsPrivate) {
  Folder folder;
  const auto data = DataDir::Open(folder.path());
  EXPECT_EQ(data->LeftOverRunFile().error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(data->WriteRunFile(SomeRun()));
  EXPECT_EQ(ModeOf(folder / "run.json"), 0600U);
  const auto read = data->LeftOverRunFile();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(ToJson(*read), ToJson(SomeRun()));
  data->RemoveRunFile();
  EXPECT_FALSE(data->LeftOverRunFile());
}

TEST(DataDirTest, ABrokenRunFileIsNoCrash) {
  for (const char* text : {"", "{", "[]", "{\"pid\":\"x\"}", "{\"pid\":1}"}) EXPECT_FALSE(ParseRunFile(text)) << text;
}

TEST(DataDirTest, ProcessesThatAreNotOursAreNoSurvivors) {
  RunFile run = SomeRun();
  run.pods = {{"pod-1", ::getpid()}, {"pod-2", 0}, {"pod-3", -1}};
  run.redis_pid = ::getpid();
  EXPECT_TRUE(Survivors(run, "/some/data").empty());
}

TEST(DataDirTest, TheRedisSocketMovesWhenThePathIsTooLong) {
  Folder folder;
  EXPECT_EQ(*DataDir::Open(folder.path())->RedisSocket(), folder / "redis.sock");
  const auto deep = DataDir::Open(folder / std::string(100, 'x'));
  ASSERT_TRUE(deep);
  const auto socket = deep->RedisSocket();
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_LT(socket->size(), 108U);
  EXPECT_EQ(*deep->RedisSocket(), *socket) << "the same at the next start";
  const std::string private_folder = std::filesystem::path(*socket).parent_path();
  EXPECT_EQ(ModeOf(private_folder), 0700U);
  ::chmod(private_folder.c_str(), 0777);
  EXPECT_EQ(deep->RedisSocket().error().code, ErrorCode::kDenied) << "anybody could put a socket there";
  ::rmdir(private_folder.c_str());
}

TEST(DataDirTest, LogsKeepOneEarlierLifeAndAreBounded) {
  Folder folder;
  const auto data = DataDir::Open(folder.path());
  const std::string log = data->LogFile("pod-1");
  WriteFile(log, "first life");
  data->RotateLog("pod-1");
  data->RotateLog("pod-1");  // nothing was said in between: nothing to keep
  EXPECT_EQ(ReadFile(log + ".1"), "first life");
  WriteFile(log, "second life");
  data->BoundLog("pod-1", 11);
  EXPECT_EQ(ReadFile(log), "second life");
  data->BoundLog("pod-1", 10);
  EXPECT_EQ(ReadFile(log), "");
  EXPECT_EQ(ReadFile(log + ".1"), "second life");
}

TEST(DataDirTest, DocumentsAreKeptByNumber) {
  Folder folder;
  const auto data = DataDir::Open(folder.path());
  for (uint64_t number : {1, 2, 3}) {
    const auto paths = data->SaveDocuments(number, {{"a.yaml", std::to_string(number)}, {"b.yaml", "b"}});
    ASSERT_TRUE(paths) << paths.error().message;
    EXPECT_EQ(ReadFile(paths->at(0)), std::to_string(number));
  }
  data->KeepDocuments({2, 4});
  EXPECT_FALSE(std::filesystem::exists(folder / "documents/1"));
  EXPECT_FALSE(std::filesystem::exists(folder / "documents/3"));
  EXPECT_EQ(ReadFile(folder / "documents/2/a.yaml"), "2");
}

TEST(DocumentWatchTest, SeesAChangeOnceItHasSettled) {
  Folder folder;
  WriteFile(folder / "a", "one");
  DocumentWatch watch({folder / "a"});
  EXPECT_FALSE(watch.Changed());
  WriteFile(folder / "a", "longer");
  EXPECT_FALSE(watch.Changed()) << "it may still be written";
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
  std::filesystem::remove(folder / "a");
  WriteFile(folder / "b", "one");
  std::filesystem::rename(folder / "b", folder / "a");
  watch.Changed();
  EXPECT_TRUE(watch.Changed());
}

TEST(LastWordsTest, TheLastErrorWithItsFieldsElseTheLastLine) {
  EXPECT_EQ(LastWords(""), "");
  EXPECT_EQ(LastWords("terminate called\nAborted\n"), "Aborted");
  EXPECT_EQ(LastWords("flyball-api: FLYBALL_WORKERS=x: must be ...\nTry 'flyball-api --help'.\n"),
            "flyball-api: FLYBALL_WORKERS=x: must be ...");
  EXPECT_EQ(LastWords("{\"level\":\"error\",\"msg\":\"no database\",\"file\":\"/x\",\"code\":5}\n"
                      "{\"level\":\"warn\",\"msg\":\"later\"}\nnoise\n"),
            "no database  file=/x  code=5");
  EXPECT_EQ(LastWords("{\"level\":\"warn\",\"msg\":\"slow\"}\n{\"level\":\"info\",\"msg\":\"bye\"}\n"), "slow");
  EXPECT_EQ(LastWords(std::string(10000, 'x')).size(), 500U);
}

TEST(DataDirTest, AFolderOfItsOwnGoesWhenTheStartCameToNothing) {
  Folder folder;
  {
    const auto data = DataDir::Open(folder / "new");
    ASSERT_TRUE(data->SaveDocuments(1, {{"a.yaml", "a"}}));
    data->RemoveIfNew();
    EXPECT_FALSE(std::filesystem::exists(folder / "new"));
  }
  std::filesystem::create_directory(folder / "old");
  {
    const auto data = DataDir::Open(folder / "old");
    data->RemoveIfNew();
    EXPECT_TRUE(std::filesystem::exists(folder / "old"));
  }
  const auto data = DataDir::Open(folder / "shared");
  WriteFile(folder / "shared/tasks.db", "rows");
  data->RemoveIfNew();
  EXPECT_TRUE(std::filesystem::exists(folder / "shared/tasks.db")) << "not ours";
}

}  // namespace
}  // namespace flyball::local
