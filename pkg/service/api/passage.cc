#include "pkg/service/api/passage.h"

#include <memory>

#include "pkg/admission/retry_filter.h"
#include "pkg/resource/answer.h"

namespace flyball::service::api {
namespace {

using telemetry::Shed;

constexpr uint64_t kCompletedBits = 1, kShedBits = 16;  // kShedBits + k: Shed k

class RequestJob final : public Job {
 public:
  RequestJob(Operations& operations, http::Server& server, Passage passage, Permit permit)
      : Job(static_cast<int>(passage.request().endpoint()), passage.endpoint->criticality),
        operations_(operations),
        server_(server),
        work_{std::move(passage), std::move(permit)} {}

  void Run(Worker& worker) override {
    // What the operation needs until it is done travels with the answer's callback.
    auto shared = std::make_shared<InWork>(std::move(work_));
    Passage& passage = shared->passage;
    operations_.Run(*passage.endpoint, passage.request(), passage.caller, worker.reader,
                    [shared = std::move(shared)](http::Response response) {
                      AddLimitHeaders(shared->passage.quota, response);
                      response.set_tag(AnswerTag::Completed(shared->passage.hash).bits());
                      std::move(shared->passage.responder).Send(std::move(response));
                    });
  }

  void Refuse(Shed why) override {
    http::Response response =
        CapacityRefusal(work_.passage, why, std::chrono::seconds(1), work_.passage.Hash() >> 8, server_);
    std::move(work_.passage.responder).Send(std::move(response));
  }

 private:
  struct InWork {
    Passage passage;
    Permit permit;
  };

  Operations& operations_;
  http::Server& server_;
  InWork work_;
};

}  // namespace

AnswerTag AnswerTag::Shed(telemetry::Shed why, uint64_t hash) {
  return AnswerTag((hash & kHashBits) | (kShedBits + static_cast<uint64_t>(why)));
}

AnswerTag::Kind AnswerTag::kind() const {
  const uint64_t low = bits_ & ~kHashBits;
  if (low == kCompletedBits) return Kind::kCompleted;
  return low >= kShedBits ? Kind::kShed : Kind::kOther;
}

telemetry::Shed AnswerTag::shed() const { return static_cast<telemetry::Shed>((bits_ & ~kHashBits) - kShedBits); }

uint64_t HashOf(const http::Request& request) {
  const std::string_view credentials = request.Header("authorization");
  const uint64_t hash = credentials.empty()
                            ? admission::RequestHash(request.client().ToString(), request.endpoint(), request.target())
                            : admission::RequestHash(credentials, request.endpoint(), request.target());
  return hash & AnswerTag::kHashBits;
}

std::string_view Detail(Shed shed) {
  switch (shed) {
    case Shed::kAuth:
      return resource::kBadToken;
    case Shed::kQuota:
      return "is used up";
    case Shed::kAdaptive:
      return "is lowered while the service is overloaded";
    case Shed::kCeiling:
      return "the service is at its admitted rate";
    case Shed::kConcurrency:
      return "the pod works on as many requests as it can";
    case Shed::kQueueFull:
      return "too many requests are waiting";
    case Shed::kQueueTimeout:
      return "the request waited too long";
    case Shed::kPreempted:
      return "the request gave way to a more important one";
  }
  return "";
}

http::Response RefusalOf(Passage& passage, int status, Shed shed, nanoseconds wait, uint64_t random,
                         std::string_view detail) {
  http::Response response = http::Problem(passage.request(), status, detail);
  response.AddHeader("Retry-After", std::to_string(RetryAfterSeconds(wait, random)));
  response.set_tag(AnswerTag::Shed(shed, passage.Hash()).bits());
  return response;
}

http::Response CapacityRefusal(Passage& passage, Shed shed, nanoseconds wait, uint64_t random, http::Server& server) {
  http::Response response = RefusalOf(passage, 503, shed, wait, random, Detail(shed));
  if (server.MayMoveRefused()) response.CloseConnection();
  return response;
}

std::unique_ptr<Job> MakeRequestJob(Operations& operations, http::Server& server, Passage passage, Permit permit) {
  return std::make_unique<RequestJob>(operations, server, std::move(passage), std::move(permit));
}

}  // namespace flyball::service::api
