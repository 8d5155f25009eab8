#include "pkg/spec/format.h"

#include <gtest/gtest.h>

namespace flyball::spec {
namespace {

TEST(IsEmail, TakesAddressesAndNothingElse) {
  for (const char* good : {"a@b", "ada.lovelace+x@example.org", "\xC3\xA9@example.org", "o'hara@sub.example.co.uk"})
    EXPECT_TRUE(IsEmail(good)) << good;
  for (const char* bad : {"", "@", "a@", "@b", "a b@c.org", "a@b@c", "a@.org", "a@b..org", "a@-b.org", "a@b-", "a@b_c",
                          "a\n@b.org", "<a@b.org>", "a@b.org."})
    EXPECT_FALSE(IsEmail(bad)) << bad;
  EXPECT_TRUE(IsEmail(std::string(64, 'a') + "@example.org"));
  EXPECT_FALSE(IsEmail(std::string(65, 'a') + "@example.org"));
  EXPECT_FALSE(IsEmail("a@" + std::string(64, 'b')));
}

TEST(IsUri, NeedsASchemeAndNoBlanks) {
  for (const char* good : {"https://example.org/x?y#z", "mailto:a@b.org", "urn:isbn:1"})
    EXPECT_TRUE(IsUri(good)) << good;
  for (const char* bad : {"", "example.org", ":x", "http:", "1a:b", "ht tp:x", "http://a b", "http://<x>", "a\"b:c"})
    EXPECT_FALSE(IsUri(bad)) << bad;
}

TEST(WhyRefused, SaysWhatWouldBeRight) {
  Field text;
  text.min_length = 2;
  text.max_length = 3;
  EXPECT_EQ(WhyRefused(text, std::string("\xC3\xA9\xC3\xA9")), "");
  EXPECT_EQ(WhyRefused(text, std::string("a")), "must be at least 2 characters long");
  EXPECT_EQ(WhyRefused(text, std::string("abcd")), "must be at most 3 characters long");
  EXPECT_EQ(WhyRefused(text, std::string("a\0", 2)), "must not hold U+0000");
  Field member;
  member.enum_values = {"low", "high"};
  EXPECT_EQ(WhyRefused(member, std::string("mid")), "must be one of 'low', 'high'");
  Field number;
  number.type = FieldType::kNumber;
  number.minimum = 0.5;
  number.exclusive_maximum = 2;
  EXPECT_EQ(WhyRefused(number, 0.5), "");
  EXPECT_EQ(WhyRefused(number, 0.25), "must be at least 0.5");
  EXPECT_EQ(WhyRefused(number, int64_t{2}), "must be less than 2");
  EXPECT_EQ(WhyRefused(Field{}, true), "");
}

}  // namespace
}  // namespace flyball::spec
