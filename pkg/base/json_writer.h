#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flyball {

// Appends one JSON value to a string owned by the caller: no tree, no allocation but the string's growth.
// Commas are placed by the writer; Begin/End and Key/Value must pair (the caller's duty; nothing is checked).
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void BeginObject() { Comma(), out_.push_back('{'), fresh_ = true; }
  void EndObject() { out_.push_back('}'), fresh_ = false; }
  void BeginArray() { Comma(), out_.push_back('['), fresh_ = true; }
  void EndArray() { out_.push_back(']'), fresh_ = false; }
  void Key(std::string_view name) {
    Comma();
    AppendJsonString(out_, name);
    out_.push_back(':');
    fresh_ = true;
  }
  void Value(std::string_view text) { Comma(), AppendJsonString(out_, text); }
  void Value(const std::string& text) { Value(std::string_view(text)); }
  void Value(const char* text) { Value(std::string_view(text)); }
  void Value(int64_t number);
  void Value(uint64_t number);
  void Value(int number) { Value(static_cast<int64_t>(number)); }
  void Value(bool truth) { Comma(), out_.append(truth ? "true" : "false"); }
  // The shortest text that reads back as the same double; NaN and infinities become null.
  void Value(double number);
  void Null() { Comma(), out_.append("null"); }
  // `json` is one complete JSON value, appended as it is.
  void Raw(std::string_view json) { Comma(), out_.append(json); }

  // `text` quoted and escaped (RFC 8259 section 7). Bytes >= 0x80 pass through: the caller guarantees UTF-8.
  static void AppendJsonString(std::string& out, std::string_view text);

 private:
  void Comma() {
    if (!fresh_) out_.push_back(',');
    fresh_ = false;
  }

  std::string& out_;
  bool fresh_ = true;  // no comma before what comes next
};

}  // namespace flyball
