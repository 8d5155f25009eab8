#include "pkg/spec/quantity.h"

#include <gtest/gtest.h>

#include <utility>

namespace flyball::spec {
namespace {

TEST(Quantity, HasTheFormsOfKubernetes) {
  const std::pair<const char*, double> quantities[] = {{"0", 0},
                                                       {"2", 2},
                                                       {"0.5", 0.5},
                                                       {"500m", 0.5},
                                                       {"250000u", 0.25},
                                                       {"1n", 1e-9},
                                                       {"129e6", 129e6},
                                                       {"129M", 129e6},
                                                       {"2048k", 2048e3},
                                                       {"1E", 1e18},
                                                       {"1Ki", 1024},
                                                       {"256Mi", 0x1p28},
                                                       {"1.5Gi", 1.5 * 0x1p30},
                                                       {"128974848000m", 128974848}};
  for (const auto& [text, amount] : quantities) {
    ASSERT_TRUE(ParseQuantity(text)) << text;
    EXPECT_DOUBLE_EQ(*ParseQuantity(text), amount) << text;
  }
}

TEST(Quantity, IsNothingElse) {
  for (const char* text : {"", "much", "-1", "1Xi", "1MB", "1 Gi", "Mi", "inf", "nan", "1e999", "0x10", "1mi"}) {
    EXPECT_FALSE(ParseQuantity(text)) << text;
  }
}

}  // namespace
}  // namespace flyball::spec
