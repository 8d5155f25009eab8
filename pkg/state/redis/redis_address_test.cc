#include <gtest/gtest.h>

#include "pkg/state/redis/redis_state.h"

namespace flyball::state {
namespace {

TEST(RedisAddress, ReadsEveryForm) {
  EXPECT_EQ(ParseRedisAddress("unix:/run/r.sock")->path, "/run/r.sock");
  EXPECT_EQ(ParseRedisAddress("unix:/run/r.sock?db=3")->database, 3);
  EXPECT_EQ(ParseRedisAddress("redis://localhost")->port, 6379);
  const auto full = ParseRedisAddress("redis://ann:p%40s%2Fs@redis.example:7000/2");
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->username, "ann");
  EXPECT_EQ(full->password, "p@s/s");
  EXPECT_EQ(full->host, "redis.example");
  EXPECT_EQ(full->port, 7000);
  EXPECT_EQ(full->database, 2);
  EXPECT_EQ(ParseRedisAddress("redis://:secret@h/")->password, "secret");
  EXPECT_EQ(ParseRedisAddress("redis://[::1]:7000")->host, "::1");
}

TEST(RedisAddress, RefusesWithAReasonAndWithoutThePassword) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "starts with neither"},
      {"localhost:6379", "starts with neither"},
      {"rediss://h", "TLS"},
      {"unix:", "path"},
      {"unix:" + std::string(200, 'x'), "longer than 107"},
      {"unix:/s?db=x", "database"},
      {"redis://", "host is empty"},
      {"redis://h:0", "port"},
      {"redis://h:65536", "port"},
      {"redis://h:", "port"},
      {"redis://h/x", "database"},
      {"redis://[::1", "']'"},
      {"redis://hunter2@h", "':'"},
      {"redis://u:hunter2%4@h", "hex"},
      {std::string("redis://h\0x", 11), "NUL"},
  };
  for (const auto& [text, reason] : cases) {
    const auto address = ParseRedisAddress(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalid);
    EXPECT_NE(address.error().message.find(reason), std::string::npos) << address.error().message;
    EXPECT_NE(address.error().message.find("expected"), std::string::npos);
    EXPECT_EQ(address.error().message.find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace flyball::state
