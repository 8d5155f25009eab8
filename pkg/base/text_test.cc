#include <gtest/gtest.h>

#include "pkg/base/html.h"
#include "pkg/base/nearest.h"
#include "pkg/base/utf8.h"

namespace flyball {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, KnowsWhatIsWellFormed) {
  EXPECT_EQ(FirstInvalidUtf8("plain, h\xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80"), 21u);
  for (const std::string_view bad : {"\xC0\xAF"sv, "\xE0\x80\x80"sv, "\xED\xA0\x80"sv, "\xF5\x80\x80\x80"sv, "\x80"sv,
                                     "\xE2\x82"sv, "\xF4\x90\x80\x80"sv, "\xFF"sv})
    EXPECT_EQ(FirstInvalidUtf8(bad), 0u);
  EXPECT_EQ(FirstInvalidUtf8("ok\xC3"), 2u);
  EXPECT_EQ(Utf8Length(""), 0u);
}

TEST(Utf8, CountsAndAppendsCodePoints) {
  std::string text;
  for (const uint32_t c : {0x41u, 0xE9u, 0x20ACu, 0x1F600u}) AppendUtf8(text, c);
  EXPECT_EQ(text, "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(CountCodePoints(text), 4u);
}

TEST(Html, LeavesNoWayOutOfAnAttributeOrElement) {
  EXPECT_EQ(EscapeHtml(R"(a<b>&"c")"), "a&lt;b&gt;&amp;&quot;c&quot;");
  EXPECT_EQ(EscapeHtml(""), "");
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string_view> names = {"fields", "required", "access", "list", "createdBy"};
  EXPECT_EQ(Nearest("feilds", names), "fields");
  EXPECT_EQ(Nearest("createdby", names), "createdBy");
  EXPECT_EQ(Nearest("acess", names), "access");
  EXPECT_EQ(Nearest("lits", names), "list");
}

TEST(Nearest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(Nearest("zebra", {"fields", "list"}), "");
  EXPECT_EQ(Nearest("", {"fields"}), "");
  EXPECT_EQ(Nearest(std::string(100, 'a'), {"fields"}), "");
  EXPECT_EQ(Nearest("aa", {"bb"}), "");
  EXPECT_EQ(Nearest("x", {"p"}), "");
  EXPECT_EQ(Nearest("X", {"p", "x"}), "x");
}

}  // namespace
}  // namespace flyball
