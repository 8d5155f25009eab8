#include "pkg/http/uri.h"

#include <gtest/gtest.h>

namespace flyball::http {
namespace {

std::string Path(std::string_view path) {
  std::string out;
  const auto decoded = DecodePath(path, out);
  return decoded ? out : "refused: " + decoded.error().message;
}

bool Refused(std::string_view path) { return Path(path).starts_with("refused: "); }

TEST(DecodePath, DecodesOnceOnly) {
  EXPECT_EQ(Path("/"), "/");
  EXPECT_EQ(Path("/a%20b/c"), "/a b/c");
  EXPECT_EQ(Path("/%2541"), "/%41");
  EXPECT_EQ(Path("/caf%C3%A9"), "/caf\xc3\xa9");
  EXPECT_EQ(Path("/tasks:batch"), "/tasks:batch");
}

TEST(DecodePath, RefusesWhatCouldBeUnderstoodDifferently) {
  for (const char* path : {"",     "a",       "/a%2Fb", "/a%2fb", "/%00", "/%",         "/%4",  "/%G1",
                           "/%1G", "/a b",    "/\x80",  "/%FF",   "/%C3", "/%ED%A0%80", "/..",  "/a/../b",
                           "/a/.", "/%2e%2e", "/a/%2E", "/a#b",   "/a?b", "/a\\b",      "/<a>", "/a\"b"}) {
    EXPECT_TRUE(Refused(path)) << path << " gave " << Path(path);
  }
}

TEST(DecodePath, AppendsBehindWhatIsThere) {
  std::string out = "x";
  ASSERT_TRUE(DecodePath("/a", out));
  EXPECT_EQ(out, "x/a");
}

TEST(ParseQuery, SplitsAndDecodes) {
  const auto parameters = ParseQuery("a=1&dueDate[lt]=2026-12-01&q=x%20y+z&flag&empty=&a=2&&e=%C3%A9&t=a=b").value();
  ASSERT_EQ(parameters.size(), 8u);
  EXPECT_EQ(parameters[0].name + "|" + parameters[0].value, "a|1");
  EXPECT_EQ(parameters[1].name, "dueDate[lt]");
  EXPECT_EQ(parameters[2].value, "x y z");
  EXPECT_EQ(parameters[3].name + "|" + parameters[3].value, "flag|");
  EXPECT_EQ(parameters[5].value, "2");
  EXPECT_EQ(parameters[6].value, "\xc3\xa9");
  EXPECT_EQ(parameters[7].value, "a=b");
  EXPECT_TRUE(ParseQuery("").value().empty());
}

TEST(ParseQuery, NamesTheBrokenParameter) {
  for (const char* query : {"limit=%", "limit=%4", "limit=%zz", "limit=%00", "limit=%FF"}) {
    const auto parsed = ParseQuery(query);
    ASSERT_FALSE(parsed) << query;
    EXPECT_NE(parsed.error().message.find("\"limit\""), std::string::npos) << parsed.error().message;
  }
  EXPECT_FALSE(ParseQuery("%ff=1"));
}

TEST(ParseQuery, BoundsTheNumberOfParameters) {
  std::string query;
  for (int i = 0; i < 100; ++i) query += "a&";
  EXPECT_EQ(ParseQuery(query).value().size(), 100u);
  EXPECT_FALSE(ParseQuery(query + "b"));
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(PercentEncode("Az09-._~"), "Az09-._~");
  EXPECT_EQ(PercentEncode("a/b c\xc3\xa9%"), "a%2Fb%20c%C3%A9%25");
}

}  // namespace
}  // namespace flyball::http
