#include "pkg/kube/api_error.h"

#include <gtest/gtest.h>

namespace flyball::kube {
namespace {

const Asked kAsked{.verb = "update",
                   .group = "apps",
                   .resource = "deployments/scale",
                   .name_space = "shop",
                   .what = "update deployments.apps shop/api/scale"};

TEST(ReadStatus, TellsFailuresApart) {
  struct Case {
    int status;
    const char* reason;
    Failure expected;
  };
  for (const Case& c : std::initializer_list<Case>{{400, "BadRequest", Failure::kInvalid},
                                                   {401, "Unauthorized", Failure::kUnauthorized},
                                                   {403, "Forbidden", Failure::kForbidden},
                                                   {404, "NotFound", Failure::kNotFound},
                                                   {409, "AlreadyExists", Failure::kAlreadyExists},
                                                   {409, "Conflict", Failure::kConflict},
                                                   {410, "Expired", Failure::kGone},
                                                   {410, "Gone", Failure::kGone},
                                                   {422, "Invalid", Failure::kInvalid},
                                                   {429, "TooManyRequests", Failure::kTooManyRequests},
                                                   {500, "InternalError", Failure::kServerError},
                                                   {503, "ServiceUnavailable", Failure::kServerError},
                                                   {504, "Timeout", Failure::kTimeout}}) {
    const std::string body = std::string(R"({"kind":"Status","message":"m","reason":")") + c.reason + "\"}";
    const ApiError error = ReadStatus(c.status, body, kAsked);
    EXPECT_EQ(Name(error.failure), Name(c.expected)) << c.status << " " << c.reason;
    EXPECT_EQ(error.status, c.status);
  }
}

TEST(ReadStatus, AForbiddenCallSaysWhatTheRoleIsMissing) {
  const ApiError error = ReadStatus(403, R"({"kind":"Status","message":"User \"x\" cannot update"})", kAsked);
  EXPECT_EQ(error.message,
            "update deployments.apps shop/api/scale: User \"x\" cannot update; the role needs {apiGroups: [\"apps\"], "
            "resources: [\"deployments/scale\"], verbs: [\"update\"]} in namespace shop");
  EXPECT_EQ(error.ToError().code, ErrorCode::kDenied);
}

TEST(ReadStatus, TakesTheSecondsToWaitFromTheStatus) {
  const auto after = [](const char* seconds) {
    return ReadStatus(429, std::string(R"({"kind":"Status","details":{"retryAfterSeconds":)") + seconds + "}}", kAsked)
        .retry_after;
  };
  EXPECT_EQ(after("7"), std::chrono::seconds(7));
  EXPECT_EQ(after("100000"), std::chrono::seconds(60));
  EXPECT_EQ(after("-5"), std::chrono::seconds(0));
  EXPECT_EQ(after("\"x\""), std::chrono::seconds(0));
}

TEST(ReadStatus, WhatAProxySaysIsShownAsItIs) {
  EXPECT_EQ(ReadStatus(502, "<html>\x01 Bad Gateway</html>\nmore", kAsked).message,
            "update deployments.apps shop/api/scale: status 502, not by an API server: <html>? Bad Gateway</html>");
  EXPECT_EQ(ReadStatus(500, std::string(100'000, '['), kAsked).failure, Failure::kServerError) << "deep, and no Status";
}

}  // namespace
}  // namespace flyball::kube
