// The instant-vector selector of PromQL, as far as it selects series: metric{label="value", other=~"regex", ...}.
// https://prometheus.io/docs/prometheus/latest/querying/basics/#instant-vector-selectors
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::spec {

struct LabelMatcher {
  // kMatch, kNoMatch: RE2, matched against the whole value. A label that is absent has the empty value.
  enum class Op { kEqual, kNotEqual, kMatch, kNoMatch } op = Op::kEqual;
  std::string label, value;
  bool operator==(const LabelMatcher&) const = default;
};

struct MetricSelector {
  std::string name;  // [a-zA-Z_:][a-zA-Z0-9_:]*
  std::vector<LabelMatcher> matchers;
  bool operator==(const MetricSelector&) const = default;
};

// kInvalid says what stands where something else should: "an expression such as rate(...) cannot be given", "the value
// of label 'code' needs quotes". At most 1,000 bytes and 30 matchers; a regular expression that RE2 refuses is refused.
Result<MetricSelector> ParseMetricSelector(std::string_view text);

// As PromQL; ParseMetricSelector(ToPromQL(s)) is s. Without a name it is a selector by labels alone.
std::string ToPromQL(const MetricSelector& selector);
std::string ToPromQL(const LabelMatcher& matcher);

// [a-zA-Z_][a-zA-Z0-9_]*
bool IsLabelName(std::string_view text);

}  // namespace flyball::spec
