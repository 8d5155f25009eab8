#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/http/request.h"
#include "pkg/http/response.h"
#include "pkg/identity/signing_key.h"
#include "pkg/service/api/endpoints.h"
#include "pkg/spec/app.h"
#include "pkg/store/store.h"

namespace flyball::service::api {

// Who asks, as far as the request path is concerned.
struct Caller {
  enum class Kind { kAnonymous, kAccount, kRefused } kind = Kind::kAnonymous;  // kRefused: credentials that do not hold
  std::string id;                                                              // of the account
  std::string role;                                                            // "anonymous" or the account's
};

// What endpoints do, in terms of HTTP: maps requests to the resource and identity rooms and their answers back.
class Operations {
 public:
  struct Settings {
    std::optional<identity::SigningKey> key;  // there when the app has accounts
    int reactors = 1;
  };
  // Makes the tables and the seed. `store`, `app` and `clock` outlive it.
  static Result<std::unique_ptr<Operations>> Make(const spec::App& app, const Settings& settings, store::Store& store,
                                                  const Clock& clock);
  ~Operations();

  // On reactor `reactor`: verifies the bearer token, mostly from that reactor's cache. Never waits.
  Caller Identify(const http::Request& request, int reactor);

  // On a worker. `done` is called once: here, or for writes on the store's thread after the commit. `request` stays
  // valid until `done` is called.
  using Done = std::function<void(http::Response)>;
  void Run(const Endpoint& endpoint, const http::Request& request, const Caller& caller, store::Reader& reader,
           Done done);

 private:
  struct Impl;
  explicit Operations(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::service::api
