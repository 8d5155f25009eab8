#include "pkg/service/autoscaler/prometheus_scraper.h"

#include <gtest/gtest.h>

namespace flyball::service::autoscaler {
namespace {

std::string Answer(const std::string& type, const std::string& result) {
  return R"({"status":"success","data":{"resultType":")" + type + R"(","result":[)" + result + "]}}";
}

TEST(ReadSeries, ReadsTheSamplesOfAMatrix) {
  const auto series = ReadSeries(Answer("matrix", R"({"metric":{"__name__":"n","pod":"a"},
      "values":[[1700000000.5,"1"],[1700000002.5,"+Inf"]]},{"metric":{},"values":[]})"));
  ASSERT_TRUE(series) << series.error().message;
  ASSERT_EQ(series->size(), 2u);
  EXPECT_EQ((*series)[0].name, "n");
  EXPECT_EQ((*series)[0].Label("pod"), "a");
  EXPECT_EQ((*series)[0].Label("other"), "");
  ASSERT_EQ((*series)[0].samples.size(), 2u);
  EXPECT_EQ((*series)[0].samples[0], (std::pair<double, double>(1700000000.5, 1)));
  EXPECT_TRUE((*series)[1].samples.empty());
}

TEST(ReadSeries, ReadsAVectorAndAnEmptyAnswer) {
  EXPECT_EQ(
      ReadSeries(Answer("vector", R"({"metric":{"pod":"a"},"value":[5,"7"]})")).value().at(0).samples.at(0).second, 7);
  EXPECT_TRUE(ReadSeries(Answer("matrix", "")).value().empty());
}

TEST(ReadSeries, RefusesWhatHasNoSuchForm) {
  for (const std::string& answer :
       {std::string(), std::string("[]"), std::string(R"({"status":"success"})"), Answer("scalar", ""),
        Answer("matrix", R"({"metric":{"a":1},"values":[]})"), Answer("matrix", R"({"values":[]})"),
        Answer("matrix", R"({"metric":{},"values":[[1]]})"), Answer("matrix", R"({"metric":{},"values":[["1","2"]]})"),
        Answer("matrix", R"({"metric":{},"values":[[1,"two"]]})"), Answer("vector", R"({"metric":{}})")}) {
    EXPECT_FALSE(ReadSeries(answer)) << answer;
  }
}

}  // namespace
}  // namespace flyball::service::autoscaler
