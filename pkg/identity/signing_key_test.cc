#include "pkg/identity/signing_key.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace flyball::identity {
namespace {

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string pattern = testing::TempDir() + "flyball-key-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/jwt.key";
  }
  ~KeyFile() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  std::string LoadError() {
    const auto key = LoadKey(path_);
    return key ? "no error" : key.error().message;
  }

  std::string folder_, path_;
};

TEST(SigningKey, BoundsOfTheSecret) {
  EXPECT_FALSE(SigningKey::FromSecret(std::string(31, 'k')));
  EXPECT_FALSE(SigningKey::FromSecret(std::string(513, 'k')));
  const auto key = SigningKey::FromSecret(std::string(32, 'k'));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->secret(), std::string(32, 'k'));
  EXPECT_EQ(key->kid().size(), 16u);
}

TEST(SigningKey, GeneratedOnesDiffer) { EXPECT_NE(SigningKey::Generate().kid(), SigningKey::Generate().kid()); }

TEST(SigningKey, KeySetFindsCurrentAndPrevious) {
  const KeySet keys{SigningKey::Generate(), {SigningKey::Generate()}};
  EXPECT_EQ(keys.Find(keys.current.kid()), &keys.current);
  EXPECT_EQ(keys.Find(keys.previous[0].kid()), &keys.previous[0]);
  EXPECT_EQ(keys.Find(""), nullptr);
}

TEST_F(KeyFile, IsCreatedOnceForTheOwnerOnly) {
  const auto made = LoadOrCreateKey(path_);
  ASSERT_TRUE(made) << made.error().message;
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0600u);
  const auto again = LoadOrCreateKey(path_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->secret(), made->secret());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "no draft is left";
}

TEST_F(KeyFile, ProcessesThatRaceGetOneKey) {
  constexpr int kProcesses = 8;
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto key = LoadOrCreateKey(path_);
      const std::string kid = key ? key->kid() : std::string(16, '-');
      _exit(write(pipes[1], kid.data(), 16) == 16 ? 0 : 1);
    }
    children.push_back(child);
  }
  std::set<std::string> kids;
  for (int i = 0; i < kProcesses; ++i) {
    char kid[16];
    ASSERT_EQ(read(pipes[0], kid, 16), 16);
    kids.emplace(kid, 16);
  }
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  close(pipes[0]), close(pipes[1]);
  EXPECT_EQ(kids, std::set<std::string>{LoadKey(path_)->kid()});
}

TEST_F(KeyFile, WhatOthersCanReadIsRefused) {
  Write(std::string(64, 'a'), 0644);
  EXPECT_NE(LoadError().find("has mode 0644"), std::string::npos) << LoadError();
  EXPECT_NE(LoadError().find("chmod 600"), std::string::npos);
  Write(std::string(64, 'a'), 0660);
  EXPECT_NE(LoadError().find("has mode 0660"), std::string::npos) << "the group could change it";
  Write(std::string(64, 'a'), 0440);
  EXPECT_TRUE(LoadKey(path_)) << "as Kubernetes mounts a Secret";
}

TEST_F(KeyFile, HexOrRawBytes) {
  Write(std::string(64, 'a') + "\n", 0600);
  EXPECT_EQ(LoadKey(path_)->secret(), std::string(32, '\xaa'));
  Write("an old passphrase of thirty-two bytes or more", 0600);
  EXPECT_EQ(LoadKey(path_)->secret(), "an old passphrase of thirty-two bytes or more");
}

TEST_F(KeyFile, WhatIsNoKeyIsNamed) {
  EXPECT_EQ(LoadKey(path_).error().code, ErrorCode::kNotFound);
  Write("short", 0600);
  EXPECT_NE(LoadError().find("this one has 5"), std::string::npos) << LoadError();
  EXPECT_NE(LoadError().find(path_), std::string::npos);
  Write(std::string(5000, 'a'), 0600);
  EXPECT_NE(LoadError().find("32 to 512"), std::string::npos) << LoadError();
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(LoadError().find("not a regular file"), std::string::npos) << LoadError();
  EXPECT_NE(LoadOrCreateKey(folder_ + "/none/jwt.key").error().message.find("none/jwt.key"), std::string::npos);
}

TEST(ReadKeyTest, HexOrBytesWithoutTheNewlineOfASecret) {
  const std::string hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const auto key = ReadKey(hex + "\n");
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->secret().size(), 32u);
  EXPECT_EQ(ReadKey(hex)->kid(), key->kid());
  EXPECT_EQ(ReadKey("thirty-two bytes and a bit more of it")->secret(), "thirty-two bytes and a bit more of it");
  const auto refused = ReadKey("hunter2");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("64 to 1,024 hex digits"), std::string::npos) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace flyball::identity
