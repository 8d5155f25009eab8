#include "pkg/http/compression.h"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <thread>

#include "pkg/base/random.h"

namespace flyball::http {
namespace {

// At most a megabyte.
std::string Decoded(Coding coding, std::string_view coded) {
  std::string out(1 << 20, '\0');
  if (coding == Coding::kBrotli) {
    size_t bytes = out.size();
    const auto result = BrotliDecoderDecompress(coded.size(), reinterpret_cast<const uint8_t*>(coded.data()), &bytes,
                                                reinterpret_cast<uint8_t*>(out.data()));
    return result == BROTLI_DECODER_RESULT_SUCCESS ? out.substr(0, bytes) : "not brotli";
  }
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return result == Z_STREAM_END && stream.avail_in == 0 ? out : "not gzip";
}

TEST(Compression, WhatIsCodedIsReadBack) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (const size_t size : {0u, 1u, 100u, 1024u, 70'000u, 900'000u}) {
    std::string text, noise;
    while (text.size() < size) text += "{\"id\":" + std::to_string(random.Below(1000)) + ",\"title\":\"a task\"},";
    for (size_t i = 0; i < size; ++i) noise.push_back(static_cast<char>(random.Below(256)));
    for (const std::string& body : {text, noise}) {
      for (const Coding coding : {Coding::kGzip, Coding::kBrotli}) {
        std::string coded = "before";
        ASSERT_TRUE(Encode(coding, body, coded));
        ASSERT_TRUE(coded.starts_with("before"));
        EXPECT_EQ(Decoded(coding, coded.substr(6)), body) << Name(coding) << " " << size;
      }
    }
    if (size < kWorthCoding) continue;
    std::string coded;
    ASSERT_TRUE(Encode(Coding::kGzip, text, coded));
    EXPECT_LT(coded.size(), text.size() / 3);
  }
}

TEST(Compression, EachThreadHasItsOwn) {
  const std::string body(10'000, 'x');
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&body] {
      for (int round = 0; round < 20; ++round) {
        std::string coded;
        EXPECT_TRUE(Encode(Coding::kGzip, body, coded));
        EXPECT_EQ(Decoded(Coding::kGzip, coded), body);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Compression, TagsOfCodedBodies) {
  EXPECT_EQ(CodedTag("\"3\"", Coding::kGzip), "\"3-gzip\"");
  EXPECT_EQ(CodedTag("\"3-9f0c11d2\"", Coding::kBrotli), "\"3-9f0c11d2-br\"");
  EXPECT_EQ(CodedTag("\"3\"", Coding::kIdentity), "\"3\"");
  EXPECT_EQ(CodedTag("", Coding::kGzip), "");
  EXPECT_EQ(UncodedTags("\"3-gzip\", W/\"4-gzip\",\"5-br\"", Coding::kGzip), "\"3\", W/\"4\",\"5-br\"");
  EXPECT_EQ(UncodedTags("\"3-gzip\"", Coding::kIdentity), "\"3-gzip\"")
      << "another representation than what is asked for";
  EXPECT_EQ(UncodedTags("*", Coding::kBrotli), "*");
  EXPECT_EQ(UncodedTags("\"3-gzip-gzip\"", Coding::kGzip), "\"3-gzip\"");
}

}  // namespace
}  // namespace flyball::http
