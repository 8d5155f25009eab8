#include "pkg/http/negotiation.h"

#include <gtest/gtest.h>

#include <string>

namespace flyball::http {
namespace {

std::string Chosen(std::string_view accept_encoding) {
  const CodingChoice choice = ChooseCoding(accept_encoding);
  if (!choice.acceptable) return "406";
  return std::string(Name(choice.coding)) + (choice.identity_acceptable ? "" : " only");
}

TEST(Negotiation, Codings) {
  struct Case {
    const char* field;
    const char* expected;
  };
  const Case cases[] = {
      {"", "identity"},
      {"gzip", "gzip"},
      {"x-gzip", "gzip"},
      {"GZIP", "gzip"},
      {"br", "br"},
      {"gzip, br", "br"},
      {"gzip, deflate, br, zstd", "br"},
      {"gzip;q=1.0, br;q=0.9", "gzip"},
      {"gzip;q=0.5, br;q=0.5", "br"},
      {"br;q=0, gzip", "gzip"},
      {"deflate", "identity"},
      {"*", "br"},
      {"*;q=0.1, gzip;q=0.2", "gzip"},
      {"identity", "identity"},
      {"identity, gzip;q=0.5", "identity"},
      {"identity;q=0.5, gzip", "gzip"},
      {"identity;q=0.5, gzip;q=0.5", "gzip"},
      {"identity;q=0", "406"},
      {"identity;q=0, gzip", "gzip only"},
      {"*;q=0", "406"},
      {"*;q=0, gzip", "gzip only"},
      {"*;q=0, identity", "identity"},
      {"*;q=0, identity;q=0.1, br", "br"},
      {"gzip;q=0, br;q=0", "identity"},
      {"identity;q=0, *", "br only"},
      {"deflate, identity;q=0", "406"},
      // malformed members are as if they were not there
      {"gzip;q=2", "identity"},
      {"gzip;q=0.5555", "identity"},
      {"gzip;q=", "identity"},
      {"gzip;q=-1, br;q=abc", "identity"},
      {"gz ip, br", "br"},
      {",, ,gzip,", "gzip"},
      {"gzip ; q=0.3 , br ;Q=0.2", "gzip"},
      {"\"gzip\"", "identity"},
      {"\"gzip, br", "identity"},
  };
  for (const Case& c : cases) EXPECT_EQ(Chosen(c.field), c.expected) << c.field;
}

TEST(Negotiation, Types) {
  struct Case {
    const char* field;
    bool expected;
  };
  const Case cases[] = {
      {"", true},
      {"*/*", true},
      {"*", true},  // what old Java clients send
      {"application/json", true},
      {"APPLICATION/Json", true},
      {"application/*", true},
      {"text/html", false},
      {"text/*", false},
      {"text/html, application/json;q=0.1", true},
      {"application/json;q=0", false},
      {"application/json;q=0.000", false},
      {"application/json;q=0, */*", false},  // the closest range decides
      {"application/*;q=0, application/json", true},
      {"*/*;q=0", false},
      {"text/html, */*;q=0.1", true},
      {"application/json;charset=utf-8", true},
      {"text/x;a=\"application/json, */*\"", false},
      {"nonsense;q=7", true},
      {"application/jsonx", false},
      {"application/xml,", false},
  };
  for (const Case& c : cases) EXPECT_EQ(Accepts(c.field, "application/json"), c.expected) << c.field;
}

TEST(Negotiation, MediaTypes) {
  const auto read = [](std::string_view text) {
    const auto media = ParseMediaType(text);
    return media ? std::string(media->type) + "|" + std::string(media->charset) : "no";
  };
  EXPECT_EQ(read("application/json"), "application/json|");
  EXPECT_EQ(read("application/json ; charset=UTF-8"), "application/json|UTF-8");
  EXPECT_EQ(read("application/json;charset=\"utf-8\";x=y"), "application/json|utf-8");
  EXPECT_EQ(read("multipart/form-data; boundary=\"a;b\""), "multipart/form-data|");
  EXPECT_EQ(read("application/json;"), "application/json|");
  for (const char* bad :
       {"", "json", "/", "application/", "/json", "application/json, text/plain", "application/json;x",
        "application/json;x=", "application/json;x=\"y", "application/json;=y", "a b/c", "application/json;x=\"\\\""}) {
    EXPECT_EQ(read(bad), "no") << bad;
  }
}

}  // namespace
}  // namespace flyball::http
