#include "pkg/http/compression.h"

#include <brotli/encode.h>
#include <zlib.h>

#include <limits>
#include <memory>

namespace flyball::http {
namespace {

constexpr int kGzipLevel = 5;
constexpr int kGzipWindow = 15 + 16;  // zlib: + 16 writes gzip's frame
constexpr int kGzipMemory = 8;
constexpr int kBrotliQuality = 4;  // what is worth doing while somebody waits
constexpr int kBrotliWindow = 18;

// A thread's deflater: its 270 KB are made once.
class Deflater {
 public:
  Deflater() {
    ready_ = deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() {
    if (ready_) deflateEnd(&stream_);
  }

  bool Run(std::string_view body, std::string& out) {
    if (!ready_ || deflateReset(&stream_) != Z_OK || body.size() > std::numeric_limits<uInt>::max() / 2) return false;
    const size_t before = out.size();
    out.resize(before + deflateBound(&stream_, body.size()));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream_.avail_in = static_cast<uInt>(body.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(out.size() - before);
    const bool done = deflate(&stream_, Z_FINISH) == Z_STREAM_END;
    out.resize(done ? before + stream_.total_out : before);
    return done;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

bool Gzip(std::string_view body, std::string& out) {
  thread_local const auto deflater = std::make_unique<Deflater>();
  return deflater->Run(body, out);
}

bool Brotli(std::string_view body, std::string& out) {
  const size_t before = out.size();
  size_t bytes = BrotliEncoderMaxCompressedSize(body.size());
  if (bytes == 0) return false;
  out.resize(before + bytes);
  const bool done = BrotliEncoderCompress(kBrotliQuality, kBrotliWindow, BROTLI_MODE_TEXT, body.size(),
                                          reinterpret_cast<const uint8_t*>(body.data()), &bytes,
                                          reinterpret_cast<uint8_t*>(out.data() + before)) == BROTLI_TRUE;
  out.resize(done ? before + bytes : before);
  return done;
}

std::string Suffix(Coding coding) { return "-" + std::string(Name(coding)) + "\""; }

}  // namespace

bool Encode(Coding coding, std::string_view body, std::string& out) {
  switch (coding) {
    case Coding::kGzip:
      return Gzip(body, out);
    case Coding::kBrotli:
      return Brotli(body, out);
    case Coding::kIdentity:
      break;
  }
  out.append(body);
  return true;
}

std::string CodedTag(std::string_view tag, Coding coding) {
  if (coding == Coding::kIdentity || !tag.ends_with('"')) return std::string(tag);
  return std::string(tag.substr(0, tag.size() - 1)) + Suffix(coding);
}

std::string UncodedTags(std::string_view field, Coding coding) {
  std::string out(field);
  if (coding == Coding::kIdentity) return out;
  const std::string suffix = Suffix(coding);
  for (size_t at = out.find(suffix); at != std::string::npos; at = out.find(suffix, at)) {
    out.replace(at, suffix.size(), "\"");
  }
  return out;
}

}  // namespace flyball::http
