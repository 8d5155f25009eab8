#include "pkg/identity/password.h"

#include <gtest/gtest.h>

namespace flyball::identity {
namespace {

constexpr int kCheap = 4;

TEST(Password, HashVerifies) {
  const auto hash = HashPassword("correct horse", kCheap);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$2b$04$")) << *hash;
  EXPECT_EQ(hash->size(), 60u);
  EXPECT_TRUE(VerifyPassword("correct horse", *hash));
  EXPECT_FALSE(VerifyPassword("correct horsf", *hash));
  EXPECT_FALSE(VerifyPassword("", *hash));
}

TEST(Password, EveryHashHasItsOwnSalt) { EXPECT_NE(*HashPassword("same", kCheap), *HashPassword("same", kCheap)); }

TEST(Password, KnownVector) {
  EXPECT_TRUE(VerifyPassword("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

TEST(Password, UsesAll72Bytes) {
  std::string password(72, 'a');
  const auto hash = HashPassword(password, kCheap);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(VerifyPassword(password, *hash));
  password.back() = 'b';
  EXPECT_FALSE(VerifyPassword(password, *hash));
}

TEST(Password, LongerThan72BytesIsNeverTaken) {
  const auto hash = HashPassword(std::string(72, 'a'), kCheap);
  EXPECT_FALSE(HashPassword(std::string(73, 'a'), kCheap));
  EXPECT_FALSE(VerifyPassword(std::string(73, 'a'), *hash)) << "a cut password must not open the account";
}

TEST(Password, NulIsNeverTaken) {
  const auto hash = HashPassword("abc", kCheap);
  const std::string with_nul("abc\0def", 7);
  EXPECT_FALSE(HashPassword(with_nul, kCheap));
  EXPECT_FALSE(VerifyPassword(with_nul, *hash)) << "a cut password must not open the account";
}

TEST(Password, WhatIsNoHashNeverVerifies) {
  for (const std::string hash : {"", "*0", "x", "$2b$", "$1$salt$abc", "plain"}) {
    EXPECT_FALSE(VerifyPassword("plain", hash)) << hash;
    EXPECT_FALSE(VerifyPassword("", hash)) << hash;
  }
  auto broken = *HashPassword("abc", kCheap);
  broken[5] = 'x';
  EXPECT_FALSE(VerifyPassword("abc", broken));
}

TEST(Password, NewOnesAreJudged) {
  struct Case {
    const char* name;
    std::string password;
    const char* expected;  // part of the message; empty = fine
  };
  const Case cases[] = {
      {"fine", "0123456789", ""},
      {"counts characters", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "has 5 characters; expected at least 10"},
      {"72 bytes", std::string(72, 'x'), ""},
      {"73 bytes", std::string(73, 'x'), "73 bytes"},
      {"NUL", std::string("0123456789\0", 11), "U+0000"},
      {"not UTF-8", "0123456789\xff", "UTF-8"},
      {"empty", "", "expected at least 10"},
  };
  for (const Case& c : cases) {
    const auto result = CheckNewPassword(c.password, 10);
    if (*c.expected == '\0') {
      EXPECT_TRUE(result) << c.name;
    } else {
      ASSERT_FALSE(result) << c.name;
      EXPECT_NE(result.error().message.find(c.expected), std::string::npos) << result.error().message;
    }
  }
}

TEST(Password, NothingIsVerifiedForUnknownAccounts) { VerifyNothing(std::string(5000, 'x'), kCheap); }

}  // namespace
}  // namespace flyball::identity
