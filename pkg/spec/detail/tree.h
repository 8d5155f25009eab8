// A YAML document as a small tree that remembers where everything stood.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/spec/detail/reporter.h"

namespace flyball::spec {

struct Node {
  enum class Kind {
    kNull,
    kBool,   // plain true or false
    kInt,    // plain, decimal; may be too large for int64
    kFloat,  // plain, as JSON writes numbers
    kText,   // quoted, or plain and nothing else
    kSequence,
    kMapping,
    kBad,  // reported already; whoever reads it stays silent
  } kind = Kind::kNull;
  size_t offset = 0;        // bytes from the start of the file
  std::string text;         // scalars, unescaped
  std::vector<Node> items;  // kSequence, kMapping: the values
  std::vector<Node> keys;   // kMapping: scalars, one for each item

  bool scalar() const { return kind != Kind::kSequence && kind != Kind::kMapping; }
};

inline constexpr size_t kMaxFileBytes = 1 << 20;
inline constexpr int kMaxLines = 50'000;
inline constexpr int kMaxDepth = 50;
inline constexpr size_t kMaxNodes = 200'000;

// The documents of one file; empty ones are left out. Bytes that are not text, tabs as indentation, syntax errors,
// aliases, anchors, tags, merge keys, duplicate keys, ambiguous plain scalars, and passed bounds are reported.
std::vector<Node> ParseYaml(Reporter& reporter);

// Where in the file the byte `value_offset` of a scalar's text stands, through quotes, escapes, folding and blocks.
size_t SourceOffset(std::string_view source, const Node& scalar, size_t value_offset);

// What a plain scalar is. When YAML 1.1 (kubectl) and YAML 1.2 disagree about it, `suggestion` says what to write
// instead and the kind is kBad.
Node::Kind Resolve(std::string_view plain, std::string& suggestion);

}  // namespace flyball::spec
