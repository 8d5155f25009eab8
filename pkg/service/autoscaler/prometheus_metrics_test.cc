#include "pkg/service/autoscaler/prometheus_metrics.h"

#include <gtest/gtest.h>

namespace flyball::service::autoscaler {
namespace {

std::string Vector(const std::string& values) {
  return R"({"status":"success","data":{"resultType":"vector","result":[)" + values + "]}}";
}

TEST(PrometheusMetrics, AScalarAndTheSumOfAVectorAreNumbers) {
  EXPECT_EQ(ReadInstant(R"({"status":"success","data":{"resultType":"scalar","result":[1435781451.7,"2.5"]}})").value(),
            2.5);
  EXPECT_EQ(
      ReadInstant(Vector(R"({"metric":{"a":"1"},"value":[1,"2"]},{"metric":{"a":"2"},"value":[1,"3e1"]})")).value(),
      32);
}

TEST(PrometheusMetrics, NothingNanNegativeAndNonsenseAreErrorsNeverZero) {
  EXPECT_EQ(ReadInstant(Vector("")).error().message, "the query finds no series");
  for (const char* value : {"NaN", "+Inf", "-1", "", "1x"}) {
    EXPECT_FALSE(ReadInstant(Vector(R"({"metric":{},"value":[1,")" + std::string(value) + R"("]})"))) << value;
  }
  EXPECT_EQ(ReadInstant(R"({"status":"error","errorType":"bad_data","error":"parse error"})").error().message,
            "the query was refused: parse error");
  for (const char* answer : {"", "[]", "{}", "null", R"({"status":"success"})", R"({"status":1,"error":{}})",
                             R"({"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"2"]]}]}})",
                             R"({"status":"success","data":{"resultType":"scalar","result":[1]}})"}) {
    EXPECT_FALSE(ReadInstant(answer)) << answer;
  }
}

TEST(PrometheusMetrics, AServerThatIsNotThereIsAnErrorOfEachQuery) {
  PrometheusMetrics metrics("http://127.0.0.1:1/");
  const auto values = metrics.Query({"up", "sum(up)"});
  ASSERT_EQ(values.size(), 2u);
  EXPECT_FALSE(values[0]);
  EXPECT_FALSE(values[1]);
}

}  // namespace
}  // namespace flyball::service::autoscaler
