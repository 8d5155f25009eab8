// Registration and login over the resource that holds the accounts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pkg/identity/signing_key.h"
#include "pkg/identity/token.h"
#include "pkg/resource/answer.h"
#include "pkg/resource/model.h"
#include "pkg/resource/resource.h"

namespace flyball::resource {

// Immutable and thread-safe; must outlive the completion of its writes. Register, Login and CreateUser take the time of
// a bcrypt hash (about 0.2 s at cost 12) on the calling thread. Bodies are judged as in Resource.
class Accounts {
 public:
  // `accounts` is the Resource of app.auth.accounts and is borrowed. The access rules of the resource do not apply
  // here. kInvalid when it has no unique text field `email`, or no role has `signup`.
  static Result<Accounts> Make(const Resource& accounts, identity::KeySet keys);

  // The account's fields plus `password`. 201 {"user":{...},"accessToken","tokenType":"Bearer","expiresIn"} with
  // Location; the role is the one of sign-up. `role` in the body is 403, a taken e-mail address 409.
  void Register(const Context& context, const WriteInput& input, Done done) const;

  // {"email","password"}: 200 with the same body as Register. An unknown account and a wrong password give the same
  // 401 after the same work.
  Answer Login(const Context& context, const WriteInput& input) const;

  // 200 {"id",...,"role"} of who asks; 401 for anonymous and for accounts that are gone.
  Answer Me(const Context& context, const ReadInput& input) const;

  // As Register, with a given role, waiting for the store; for tools. 201 without a token, 422 for an unknown role.
  Answer CreateUser(const Context& context, std::string_view body, std::string_view role) const;

  // For token verification: issuer is app.auth.issuer, audience the app's name.
  const identity::TokenOptions& token_options() const { return options_; }
  const identity::KeySet& keys() const { return keys_; }

 private:
  Accounts(const Resource& accounts, identity::KeySet keys, int email, std::string signup_role);

  std::optional<store::Row> ReadAccount(const Context& context, const WriteInput& input, std::string_view role,
                                        Answer& refusal) const;
  std::string SignedIn(const store::Row& row, WallTime now) const;

  const Resource* accounts_;
  identity::KeySet keys_;
  identity::TokenOptions options_;
  int email_;
  std::string signup_role_;
};

}  // namespace flyball::resource
