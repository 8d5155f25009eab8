#include "pkg/spec/detail/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>

#include "pkg/base/utf8.h"

namespace flyball::spec {
namespace {

struct Stop {};  // thrown through yaml-cpp when a bound is passed

// Builds the tree from the parser's events and reports what documents may not use.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(Reporter& reporter, size_t skipped) : reporter_(reporter), skipped_(skipped) {}

  std::vector<Node> TakeDocuments() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add(NewNode(mark, Node::Kind::kNull)); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Node node = NewNode(mark, Node::Kind::kBad);
    reporter_.Report(node.offset, "aliases (*name) are not supported", "write the value out");
    Add(std::move(node));
  }

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    reporter_.Report(Offset(mark), "anchors (&" + name.substr(0, 40) + ") are not supported",
                     "write the value out where it is needed");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    Node node = NewNode(mark, Node::Kind::kText);
    node.text = value;
    if (Tagged(node, tag)) {
      node.kind = Node::Kind::kBad;
    } else if (!Closed(node.offset)) {
      reporter_.Report(node.offset, "this quote is not closed", "the text would go on to the end of the file");
      throw Stop{};
    } else if (tag == "?") {
      std::string suggestion;
      node.kind = Resolve(value, suggestion);
      if (node.kind == Node::Kind::kBad)
        reporter_.Report(node.offset, "'" + value + "' means different things to different YAML readers",
                         std::move(suggestion));
    }
    Add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, Node::Kind::kSequence);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    Open(mark, tag, Node::Kind::kMapping);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override {
    CheckKeys(open_.back());
    Close();
  }

 private:
  size_t Offset(const YAML::Mark& mark) const { return static_cast<size_t>(mark.pos) + skipped_; }

  Node NewNode(const YAML::Mark& mark, Node::Kind kind) {
    Node node;
    node.kind = kind;
    node.offset = Offset(mark);
    if (++nodes_ > kMaxNodes) {
      reporter_.Report(node.offset, "more than " + std::to_string(kMaxNodes) + " values in one file",
                       "split it into several files");
      throw Stop{};
    }
    return node;
  }

  // A plain scalar has the tag "?", a quoted one "!", containers none: anything else was written.
  bool Tagged(const Node& node, const std::string& tag) {
    const std::string_view text = reporter_.text();
    const bool written = node.offset < text.size() && text[node.offset] == '!';
    if (!written && (tag.empty() || tag == "?" || tag == "!")) return false;
    reporter_.Report(node.offset, "YAML tags (!name) are not supported", "put a text that begins with '!' in quotes");
    return true;
  }

  // The parser takes the end of the file for a closing quote.
  bool Closed(size_t offset) const {
    const std::string_view text = reporter_.text();
    const char quote = offset < text.size() ? text[offset] : ' ';
    if (quote != '\'' && quote != '"') return true;
    for (size_t i = offset + 1; i < text.size(); ++i) {
      if (quote == '"' && text[i] == '\\') {
        ++i;
      } else if (text[i] == quote) {
        if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
        ++i;
      }
    }
    return false;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, Node::Kind kind) {
    Node node = NewNode(mark, kind);
    if (open_.size() >= kMaxDepth) {
      reporter_.Report(node.offset, "nested more than " + std::to_string(kMaxDepth) + " deep");
      throw Stop{};
    }
    Tagged(node, tag);
    open_.push_back(std::move(node));
  }

  void Close() {
    Node node = std::move(open_.back());
    open_.pop_back();
    Add(std::move(node));
  }

  void Add(Node node) {
    if (open_.empty()) {
      if (node.kind != Node::Kind::kNull) documents_.push_back(std::move(node));
      return;
    }
    Node& parent = open_.back();
    const bool key = parent.kind == Node::Kind::kMapping && parent.keys.size() == parent.items.size();
    if (key) {
      if (!node.scalar()) {
        reporter_.Report(node.offset, "a key must be a name, not a list or mapping");
        node = Node{Node::Kind::kBad, node.offset, {}, {}, {}};
      }
      parent.keys.push_back(std::move(node));
    } else {
      // The parser finds out that nothing stands after a key when it sees what comes next, lines later.
      if (node.kind == Node::Kind::kNull && node.text.empty() && parent.kind == Node::Kind::kMapping)
        node.offset = parent.keys.back().offset;
      parent.items.push_back(std::move(node));
    }
  }

  // A null key has no name, `<<` would merge, and of two equal keys one would be lost.
  void CheckKeys(Node& mapping) {
    std::unordered_map<std::string_view, size_t> seen;
    for (Node& key : mapping.keys) {
      if (key.kind == Node::Kind::kBad) continue;
      if (key.kind == Node::Kind::kNull) {
        reporter_.Report(key.offset, "a key is missing before ':'");
        key.kind = Node::Kind::kBad;
      } else if (key.text == "<<") {
        reporter_.Report(key.offset, "merge keys (<<) are not supported", "write the values out");
        key.kind = Node::Kind::kBad;
      } else if (const auto [first, fresh] = seen.emplace(key.text, key.offset); !fresh) {
        reporter_.Report(key.offset, "the key '" + key.text.substr(0, 64) + "' stands twice in this mapping",
                         "the first is in line " + std::to_string(reporter_.Line(first->second)));
        key.kind = Node::Kind::kBad;
      }
    }
  }

  Reporter& reporter_;
  const size_t skipped_;  // bytes before what yaml-cpp counts: a byte order mark
  std::vector<Node> open_;
  std::vector<Node> documents_;
  size_t nodes_ = 0;
};

// Bytes that no document holds; the first is reported and nothing is parsed.
bool IsText(Reporter& reporter) {
  const std::string_view text = reporter.text();
  const size_t invalid = FirstInvalidUtf8(text);
  for (size_t i = 0; i < invalid; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t') continue;
    if (byte == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    static constexpr char kHex[] = "0123456789abcdef";
    reporter.Report(
        i, std::string("the control character 0x") + kHex[byte >> 4] + kHex[byte & 15] + " cannot stand in a document",
        "is this a YAML file?");
    return false;
  }
  if (invalid == text.size()) return true;
  reporter.Report(invalid, "this is not UTF-8", "save the file as UTF-8");
  return false;
}

bool IndentedBySpaces(Reporter& reporter) {
  const std::string_view text = reporter.text();
  bool good = true;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const size_t first = std::min(text.find_first_not_of(" \t\r", at), end);
    const size_t tab = text.find('\t', at);
    if (tab < first && first < end && text[first] != '#') {
      reporter.Report(tab, "a tab cannot indent", "use spaces");
      good = false;
    }
    at = end + 1;
  }
  return good;
}

// What usually is behind the parser's message.
std::string Advice(std::string_view message) {
  static constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
      {"illegal map value", "check the indentation of this line, and quote a value that holds ': '"},
      {"end of map not found", "check the indentation of this line, and quote a value that goes on after its quotes"},
      {"end of sequence not found", "check the indentation of this line"},
      {"end of map flow not found", "a '{' is not closed, or a ',' is missing"},
      {"end of sequence flow not found", "a '[' is not closed, or a ',' is missing"},
      {"illegal EOF in scalar", "a quote is not closed"},
      {"illegal document indicator in scalar", "a quote is not closed"},
      {"illegal block entry", "check the indentation of this list"},
      {"unknown token", "put a value that begins with this character in quotes"},
      {"the referenced anchor is not defined", "aliases are not supported; quote a text that begins with '*'"},
  };
  for (const auto& [said, advice] : kAdvice)
    if (message.find(said) != std::string_view::npos) return std::string(advice);
  return "";
}

}  // namespace

std::vector<Node> ParseYaml(Reporter& reporter) {
  if (reporter.text().size() > kMaxFileBytes) {
    reporter.Report(0, "the file is larger than 1 MiB", "split it into several files");
    return {};
  }
  if (reporter.lines() > kMaxLines) {
    reporter.Report(0, "the file has more than " + std::to_string(kMaxLines) + " lines", "split it into several files");
    return {};
  }
  if (!IsText(reporter) || !IndentedBySpaces(reporter)) return {};
  const size_t skipped = reporter.text().starts_with("\xEF\xBB\xBF") ? 3 : 0;
  TreeBuilder builder(reporter, skipped);
  try {
    std::istringstream stream{std::string(reporter.text().substr(skipped))};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return {};
  } catch (const YAML::Exception& e) {
    const size_t at = e.mark.is_null() ? 0 : static_cast<size_t>(e.mark.pos) + skipped;
    reporter.Report(at, "this is not YAML: " + e.msg, Advice(e.msg));
    return {};
  }
  return builder.TakeDocuments();
}

}  // namespace flyball::spec
