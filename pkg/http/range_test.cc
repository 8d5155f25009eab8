#include "pkg/http/range.h"

#include <gtest/gtest.h>

namespace flyball::http {
namespace {

std::string Selected(std::string_view field, uint64_t size = 100) {
  const RangeSelection selection = SelectRanges(field, size);
  if (selection.kind == RangeSelection::Kind::kWhole) return "whole";
  if (selection.kind == RangeSelection::Kind::kUnsatisfiable) return "none";
  std::string out;
  for (const ByteRange& part : selection.parts) {
    out += (out.empty() ? "" : " ") + std::to_string(part.first) + "-" + std::to_string(part.last);
  }
  return out;
}

TEST(Range, Selections) {
  struct Case {
    const char* field;
    const char* expected;
  };
  const Case cases[] = {
      {"bytes=0-9", "0-9"},
      {"bytes=0-0", "0-0"},
      {"Bytes=90-", "90-99"},
      {"bytes=-10", "90-99"},
      {"bytes=-1000", "0-99"},
      {"bytes=50-1000", "50-99"},
      {"bytes=50-99999999999999999999999", "50-99"},
      {"bytes=0-9,20-29", "0-9 20-29"},
      {"bytes= 20-29 ,, 0-9 ,", "20-29 0-9"},
      {"bytes=0-9,200-", "0-9"},
      {"bytes=100-", "none"},
      {"bytes=100-200,-0", "none"},
      {"bytes=-0", "none"},
      {"bytes=99999999999999999999999-", "none"},
      // malformed: as if it were not there
      {"", "whole"},
      {"bytes", "whole"},
      {"bytes=", "whole"},
      {"bytes=,", "whole"},
      {"bytes=-", "whole"},
      {"bytes=9-0", "whole"},
      {"bytes=a-b", "whole"},
      {"bytes=1-2-3", "whole"},
      {"bytes=+1-2", "whole"},
      {"bytes=0x1-2", "whole"},
      {"bytes=1 - 2", "whole"},
      {"bytes 0-9", "whole"},
      {"lines=0-9", "whole"},
      {"bytes=0-9,x", "whole"},
      // more work than it is worth
      {"bytes=0-9,5-14", "whole"},
      {"bytes=0-,0-,0-", "whole"},
  };
  for (const Case& c : cases) EXPECT_EQ(Selected(c.field), c.expected) << c.field;
  EXPECT_EQ(Selected("bytes=0-", 0), "none");
  EXPECT_EQ(Selected("bytes=-5", 0), "none");
  std::string many = "bytes=0-0";
  for (size_t i = 1; i < kMaxRanges; ++i) many += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  EXPECT_NE(Selected(many), "whole");
  EXPECT_EQ(Selected(many + ",99-99"), "whole");
}

TEST(Range, PartsAreAMultipart) {
  EXPECT_EQ(MultipartRanges("0123456789", "text/plain", {{0, 1}, {8, 9}}, "b"),
            "--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
            "--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--b--\r\n");
  EXPECT_EQ(UnsatisfiedRange(10), "bytes */10");
}

}  // namespace
}  // namespace flyball::http
