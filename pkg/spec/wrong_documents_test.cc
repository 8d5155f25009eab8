// Wrong documents and every problem that is found in them, with its place. The texts are what a user sees first.
#include <gtest/gtest.h>

#include "pkg/spec/reader.h"

namespace flyball::spec {
namespace {

std::string Indented(std::string_view text, size_t by) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.append(by, ' ').append(text.substr(0, end)).append("\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string Document(std::string_view kind, std::string_view name, const std::string& spec) {
  return "apiVersion: flyball.io/v1alpha1\nkind: " + std::string(kind) + "\nmetadata: {name: " + std::string(name) +
         "}\nspec:\n" + spec;
}

// The spec begins in line 5, indented by 2.
std::string AppWith(std::string_view spec) { return Document("App", "t", Indented(spec, 2)); }
std::string GovernorWith(std::string_view spec) { return Document("Governor", "t", Indented(spec, 2)); }
// The resource tasks begins in line 7, indented by 6.
std::string TasksWith(std::string_view resource) {
  return Document("App", "t", "  resources:\n    tasks:\n" + Indented(resource, 6));
}

struct Wrong {
  std::string name, document, problems;
};

std::string Problems(const std::string& document) {
  std::string out;
  for (const Problem& problem : Read({{"f", document}}).problems) out += Format(problem).substr(2) + "\n";
  return out;
}

class WrongDocuments : public testing::TestWithParam<Wrong> {};

TEST_P(WrongDocuments, HaveEveryProblemReported) {
  EXPECT_EQ(Problems(GetParam().document), GetParam().problems) << GetParam().document;
}

// clang-format off: the tables are documents, which read best as they are written.

// Parts of an App.
INSTANTIATE_TEST_SUITE_P(
    Apps, WrongDocuments,
    testing::ValuesIn(std::vector<Wrong>{
        {"UnknownKeys", AppWith(R"(feilds: {}
bass: /x
resources: {tasks: {fields: {title: {type: string, maxlength: 3}}, aces: {}}})"),
         R"(5:3: unknown key 'feilds' in spec; did you mean 'files'?
6:3: unknown key 'bass' in spec; did you mean 'base'?
7:54: unknown key 'maxlength' in spec.resources.tasks.fields.title; did you mean 'maxLength'?
7:70: unknown key 'aces' in spec.resources.tasks; expected 'fields', 'required', 'indexes', 'access', 'list', 'criticality', 'maxBody'
)"},
        {"NotBuiltInApps", AppWith(R"(jobs: {}
stats: {}
cors: {origins: [https://a.example], methods: [GET]}
trust: {}
mail: {}
alerts: []
gateway: {}
versions: []
services: {}
deploy: {ingress: {host: x}, trustedProxies: [10.0.0.0/8], args: [x]}
resources: {t: {fields: {a: {type: string}}}})"),
         R"(5:3: spec.jobs is not built yet in this version
6:3: spec.stats is not built yet in this version
7:40: spec.cors.methods is not built yet in this version
8:3: spec.trust is not built yet in this version
9:3: spec.mail is not built yet in this version
10:3: spec.alerts is not built yet in this version
11:3: spec.gateway is not built yet in this version
12:3: spec.versions is not built yet in this version
13:3: spec.services is not built yet in this version
14:12: spec.deploy.ingress is not built yet in this version
14:62: spec.deploy.args is not built yet in this version
)"},
        {"NotBuiltInAuth", AppWith(R"(auth:
  accounts: users
  tokens: {refresh: 7d, reuseGrace: 10s}
  oidc: {}
  keys: {}
  roles: {user: {signup: true}}
limits: {a: {by: [ip, account], rate: 5/1m}, b: {by: ip, algorithm: sliding-window, rate: 5/1m, apply: ['auth.login:failed', auth.refresh]}}
resources: {users: {fields: {email: {type: string, unique: true}}, required: [email]}})"),
         R"(7:14: spec.auth.tokens.refresh is not built yet in this version
7:27: spec.auth.tokens.reuseGrace is not built yet in this version
8:5: spec.auth.oidc is not built yet in this version
9:5: spec.auth.keys is not built yet in this version
11:20: spec.limits.a.by as a list is not built yet in this version; write one, as in by: ip
11:71: spec.limits.b.algorithm: sliding-window is not built yet in this version; write token-bucket
11:107: spec.limits.b.apply: auth.login:failed is not built yet in this version; write auth.login
11:128: spec.limits.b.apply: auth.refresh is not built yet in this version
)"},
        {"Cors",
         AppWith(
             R"(cors: {origins: [https://a.example/, HTTPS://b.example, 'null', https://c.example, https://c.example], maxAge: 2d, origin: x}
resources: {t: {fields: {a: {type: string}}}})"),
         R"(5:20: an entry of spec.cors.origins must be an origin as browsers send it, not the text 'https://a.example/'; write it like https://app.example.org: lower case, no path, no default port
5:40: an entry of spec.cors.origins must be an origin as browsers send it, not the text 'HTTPS://b.example'; write it like https://app.example.org: lower case, no path, no default port
5:59: an entry of spec.cors.origins must be an origin as browsers send it, not the text 'null'; write it like https://app.example.org: lower case, no path, no default port
5:86: spec.cors.origins names 'https://c.example' twice
5:114: spec.cors.maxAge must be a duration from 0s to 1d, not the text '2d'
5:118: unknown key 'origin' in spec.cors; did you mean 'origins'?
)"},
        {"CorsForEverybody", AppWith(R"(cors: {origins: ['*', https://c.example], credentials: true}
resources: {t: {fields: {a: {type: string}}}})"),
         R"(5:19: spec.cors.origins names '*' beside others, which it stands for already
5:45: spec.cors.credentials and the origin '*' exclude each other; name the origins that may
)"},
        {"CorsNeedsOrigins", AppWith(R"(cors: {}
http: {maxBody: 1MB}
deploy: {trustedProxies: []}
resources: {t: {fields: {a: {type: string}}, maxBody: 65MiB}})"),
         R"(5:9: spec.cors.origins is missing; write origins: [https://app.example.org]
6:19: spec.http.maxBody must be a size from 1KiB to 64MiB, not the text '1MB'; write it like 64KiB or 1MiB
7:28: spec.deploy.trustedProxies is empty; write trustedProxies: [10.0.0.0/8], or leave it out
8:57: spec.resources.t.maxBody must be a size from 1KiB to 64MiB, not the text '65MiB'; write it like 64KiB or 1MiB
)"},
        {"TrustedProxies",
         AppWith(R"(deploy: {trustedProxies: [10.0.0.1/8, 10.0.0.0/33, proxy.example.org, 10.0.0.0/8, 10.0.0.0/8]}
resources: {t: {fields: {a: {type: string}}}})"),
         R"(5:29: spec.deploy.trustedProxies: '10.0.0.1/8' has bits behind its prefix (the network is 10.0.0.0/8); write it like 10.0.0.0/8 or 2001:db8::1
5:41: spec.deploy.trustedProxies: '10.0.0.0/33' has a prefix that is not 0 to 32; write it like 10.0.0.0/8 or 2001:db8::1
5:54: spec.deploy.trustedProxies: 'proxy.example.org' is no address or network; write it like 10.0.0.0/8 or 2001:db8::1
5:85: spec.deploy.trustedProxies names '10.0.0.0/8' twice
)"},
        {"Deploy", AppWith(R"(deploy:
  image: 'not an image'
  imagePullPolicy: Sometimes
  imagePullSecrets: [registry, {name: A}]
  replicas: -1
  resources: {requests: {cpu: 2, memory: lots, 'a b': 1}, limits: {cpu: 1500m}, limit: {}}
  database: {secretRef: {key: url}}
  redis: {name: x}
  env: {FLYBALL_ALLOW_FAULTS: true, FLYBALL_PORT: "80", 1X: a}
  nodeSelector: {'-x': arm}
resources: {t: {fields: {a: {type: string}}}})"),
         R"(6:12: spec.deploy.image: 'not an image' is no image; write it like registry.example.org/flyball:0.1.0
7:22: spec.deploy.imagePullPolicy cannot be 'Sometimes'; expected 'Always', 'IfNotPresent', 'Never'
8:24: an entry of spec.deploy.imagePullSecrets must be a mapping, not the text 'registry'
8:41: the name of an entry of spec.deploy.imagePullSecrets must be the name of a Secret, not the text 'A'; write it like registry
9:15: spec.deploy.replicas must be a whole number from 0 to 1000, not the number -1
10:17: spec.deploy.resources.requests.cpu is more than its limit, 2 and 1500m
10:44: spec.deploy.resources.requests.memory must be a quantity, not the text 'lots'; write it like 500m or 2 for cpu, 256Mi for memory
10:50: spec.deploy.resources.requests: 'a b' is no resource; write cpu or memory
10:83: unknown key 'limit' in spec.deploy.resources; did you mean 'limits'?
11:27: spec.deploy.database.secretRef.name is missing; write name: tasks-database
12:12: spec.deploy.redis.secretRef is missing; write secretRef: {name: tasks-database, key: url}
12:13: unknown key 'name' in spec.deploy.redis; expected 'secretRef'
13:33: spec.deploy.env.FLYBALL_ALLOW_FAULTS must be text, not the boolean true; write 'true'
13:39: spec.deploy.env.FLYBALL_PORT is what the operator sets; leave it out
13:59: spec.deploy.env: '1X' is no name for one; write it like FLYBALL_ACCESS_LOG: all
14:20: spec.deploy.nodeSelector: '-x' is no name for one; write a label of nodes like kubernetes.io/arch: amd64
)"},
        {"AppNeeds", AppWith(R"(base: /api/v1)"),
         R"(5:3: spec.resources is missing; write resources: {tasks: {fields: {title: {type: string}}}}
)"},
        {"Bases", AppWith(R"(base: api/v1/
resources: {t: {fields: {a: {type: string}}}})"),
         R"(5:9: spec.base must be a path such as /api/v1, not the text 'api/v1/'; begin with '/', end without, use lower-case letters, digits, '-', '_' and '.'
)"},
        {"ReservedBase", AppWith(R"(base: /metrics/x
resources: {t: {fields: {a: {type: string}}}})"),
         R"(5:9: spec.base begins with /metrics, which is reserved; write base: /api/v1
)"},
        {"ResourceNames", AppWith(R"(resources:
  auth: {fields: {a: {type: string}}}
  Tasks: {fields: {a: {type: string}}}
  'a b': {fields: {a: {type: string}}}
  flyball_x: {fields: {a: {type: string}}}
  items: {fields: {a: {type: string}}}
  iTems: {fields: {a: {type: string}}}
  items: {fields: {a: {type: string}}}
  empty: {fields: {}}
  none: {})"),
         R"(6:5: the resource name 'auth' is reserved; choose another name
7:5: 'Tasks' cannot name a resource; a name is a lower-case letter, then up to 62 letters, digits, '-' or '_'
8:5: 'a b' cannot name a resource; a name is a lower-case letter, then up to 62 letters, digits, '-' or '_'
9:5: the resource name 'flyball_x' is reserved; choose another name
11:5: the resources 'iTems' and 'items' differ only by case; choose another name
12:5: the key 'items' stands twice in this mapping; the first is in line 10
13:21: spec.resources.empty.fields is empty
14:11: spec.resources.none.fields is missing; write fields: {title: {type: string}}
)"},
        {"Refs", AppWith(R"(resources:
  users: {fields: {name: {type: string}}}
  tasks:
    fields:
      a: {ref: user}
      b: {ref: users, onDelete: setnull}
      c: {ref: users, onDelete: setNull}
      d: {type: integer, ref: users}
      e: {type: string, onDelete: cascade}
      f: {ref: 3}
    required: [c])"),
         R"(9:9: spec.resources.tasks.fields.a refers to 'user', which is no resource; did you mean 'users'?
10:35: spec.resources.tasks.fields.b.onDelete cannot be 'setnull'; did you mean 'setNull'?
11:9: spec.resources.tasks.fields.c is required, so onDelete cannot set it to null; write onDelete: restrict or cascade
12:28: spec.resources.tasks.fields.d.ref has no meaning here; it goes with a text without enum or format
13:27: spec.resources.tasks.fields.e.onDelete has no meaning here; it goes with ref
14:18: spec.resources.tasks.fields.f.ref must be text, not the number 3; write '3'
)"},
        {"RequiredRefsInACircle", AppWith(R"(resources:
  a: {fields: {b: {ref: b}}, required: [b]}
  b: {fields: {c: {ref: c}}, required: [c]}
  c: {fields: {a: {ref: a}}, required: [a]}
  d: {fields: {d: {ref: d}}, required: [d]}
  e: {fields: {e: {ref: e}}})"),
         R"(8:18: required references form a circle (a -> b -> c -> a), so no row could be first; let one of them be optional
9:18: required references form a circle (d -> d), so no row could be first; let one of them be optional
)"},
        {"Accounts", AppWith(R"(auth: {accounts: user, roles: {user: {signup: true}}}
resources: {users: {fields: {email: {type: string}}}})"),
         R"(5:20: spec.auth.accounts names 'user', which is no resource; did you mean 'users'?
)"},
        {"AccountsNeedAnEmail", AppWith(R"(auth: {accounts: users, roles: {user: {signup: true}}}
resources: {users: {fields: {email: {type: string}, role: {type: string}, password: {type: string}}}})"),
         R"(6:32: spec.resources.users holds the accounts, so it needs a required and unique field email; write email: {type: string, format: email, unique: true} and required: [email]
6:55: the field name 'role' is reserved: accounts have it already; leave it out
6:77: the field name 'password' is reserved: accounts have it already; leave it out
)"},
        {"AccountsWithoutEmail", AppWith(R"(auth: {accounts: users, roles: {user: {signup: true}}}
resources: {users: {fields: {name: {type: string}}}})"),
         R"(6:15: spec.resources.users holds the accounts, so it needs a required and unique field email; write email: {type: string, format: email, unique: true} and required: [email]
)"},
        {"Auth", AppWith(R"(auth:
  tokens: {access: 0s, issuer: ''}
  password: {cost: 20, minLength: 80}
  roles: {}
  account: users
resources: {users: {fields: {name: {type: string}}}})"),
         R"(6:5: spec.auth.accounts is missing; write accounts: users, the resource that holds them
6:22: spec.auth.tokens.access must be a duration from 1s to 30d, not the text '0s'
6:34: spec.auth.tokens.issuer must be text, not the text ''
7:22: spec.auth.password.cost must be a whole number from 4 to 16, not the number 20
7:37: spec.auth.password.minLength must be a whole number from 1 to 72, not the number 80
9:5: unknown key 'account' in spec.auth; did you mean 'accounts'?
)"},
        {"Roles", AppWith(R"(auth:
  accounts: users
  roles:
    user: {signup: true, includes: [admin]}
    admin: {includes: [user, ghost], signup: true}
    anonymous: {}
    Big Boss: {}
    x: {includes: user}
resources: {users: {fields: {email: {type: string, unique: true}}, required: [email]}})"),
         R"(8:39: the roles of spec.auth.roles include each other in a circle ('user' includes 'admin'); take one of the includes out
9:32: spec.auth.roles.admin includes 'ghost', which is no role; expected 'user', 'admin', 'x'
9:40: more than one role of spec.auth.roles is given at sign-up; keep signup: true in exactly one
10:7: the role 'anonymous' is always there; leave it out
11:7: 'Big Boss' cannot name a role; a name is up to 63 lower-case letters, digits and '-'
12:21: spec.auth.roles.x.includes must be a list, not the text 'user'; as in includes: [user]
)"},
        {"NoSignupRole", AppWith(R"(auth: {accounts: users, roles: {user: {}}}
resources: {users: {fields: {email: {type: string, unique: true}}, required: [email]}})"),
         R"(5:34: no role of spec.auth.roles is given at sign-up; write signup: true in one, as in user: {signup: true}
)"},
        {"Limits", AppWith(R"(limits:
  a: {by: ip}
  b: {by: ip, rate: 5}
  c: {by: ip, rate: 5/0s}
  d: {by: ip, rate: 5/1m, window: 1m}
  e: {by: account, rate: 5/1m}
  f: {by: ip, window: 1m, quota: {user: 5}}
  g: {by: ip, window: 1m, quota: {anonymous: 0}}
  h: {by: ips, rate: 5/1m, whenStoreDown: shut, adaptive: 1, burst: 0}
  i: {rate: 5/1m}
  j: {by: ip, rate: 5/1m, apply: [auth.login, t.lst, t.list]}
  k: {by: ip, rate: 5/1m, apply: []}
  L: {by: ip, rate: 5/1m}
resources: {t: {fields: {a: {type: string}}}})"),
         R"(6:8: spec.limits.a does not say how much; write rate: 5/1m, or window: 15m and quota: {anonymous: 100}
7:23: spec.limits.b.rate must be requests by a duration from 1s to 30d, not the number 5; write it like 5/1m
8:23: spec.limits.c.rate must be requests by a duration from 1s to 30d, not the text '5/0s'; write it like 5/1m
9:17: spec.limits.d has both a rate and a quota; write rate: 5/1m, or window and quota
10:13: spec.limits.e.by cannot be 'account' in an app without spec.auth; write by: ip
11:36: spec.limits.f.quota says nothing about 'anonymous'; give every role a number
11:37: spec.limits.f.quota names 'user', which is no role; expected 'anonymous'
12:48: spec.limits.g.quota.anonymous must be a whole number from 1 to 1000000000, not the number 0
13:13: spec.limits.h.by cannot be 'ips'; did you mean 'ip'?
13:45: spec.limits.h.whenStoreDown cannot be 'shut'; expected 'local', 'open', 'closed'
13:61: spec.limits.h.adaptive must be true or false, not the number 1
13:71: spec.limits.h.burst must be a whole number from 1 to 1000000000, not the number 0
14:8: spec.limits.i.by is missing; write by: principal, or by: ip
15:37: spec.limits.j.apply names the unknown endpoint 'auth.login'; expected 't.create', 't.list', 't.read', 't.update', 't.delete'
15:49: spec.limits.j.apply names the unknown endpoint 't.lst'; did you mean 't.list'?
16:36: spec.limits.k.apply is empty; leave it out to mean every endpoint
17:5: 'L' cannot name a limit; a name is up to 63 lower-case letters, digits and '-'
)"},
        {"Seed", AppWith(R"(auth: {accounts: users, roles: {user: {signup: true}}}
resources:
  users: {fields: {email: {type: string, format: email, unique: true}}, required: [email]}
  tasks: {fields: {title: {type: string, maxLength: 3}, by: {ref: users}}, required: [title]}
seed:
  users:
    - {id: 1, email: a@b.org}
    - {id: u1, email: nope}
    - {email: a@b.org, password: x, role: admin}
    - {id: 00000000-0000-4000-8000-000000000001, email: c@b.org}
    - {id: 00000000-0000-4000-8000-000000000001, email: d@b.org}
  tasks:
    - {titel: abc}
    - {title: abcd, version: 3}
    - {title: abc, by: 00000000-0000-4000-8000-000000000002}
    - text
  taks: [])"),
         R"(11:14: spec.seed.users.id must be a UUID, not the number 1; write one like '00000000-0000-4000-8000-000000000001'
12:14: spec.seed.users.id must be a UUID, not the text 'u1'; write one like '00000000-0000-4000-8000-000000000001'
12:25: spec.seed.users.email must be an e-mail address, as in 'ada@example.org', not the text 'nope'
13:17: spec.seed.users has two rows with the same email; the field is unique
13:26: documents hold no passwords; leave it out; flyballctl users create gives accounts one
13:39: seeded accounts have the role of sign-up; leave it out; flyballctl users create --role gives another
15:14: spec.seed.users has two rows with the id '00000000-0000-4000-8000-000000000001'
17:9: a row of spec.seed.tasks lacks the required field 'title'
17:10: unknown field 'titel' in spec.seed.tasks; did you mean 'title'?
18:17: spec.seed.tasks.title must be at most 3 characters long, not the text 'abcd'
18:23: spec.seed.tasks.version is set by the server; leave it out
19:26: spec.seed.tasks.by refers to the text '00000000-0000-4000-8000-000000000002', which is no seeded row of users; did you mean '00000000-0000-4000-8000-000000000001'?
20:9: a row of spec.seed.tasks must be a mapping, not the text 'text'
21:5: spec.seed names 'taks', which is no resource; did you mean 'tasks'?
)"},
        {"SeedInACircle", AppWith(R"(resources: {t: {fields: {up: {ref: t}}}}
seed:
  t:
    - {id: 00000000-0000-4000-8000-000000000001, up: 00000000-0000-4000-8000-000000000002}
    - {id: 00000000-0000-4000-8000-000000000002, up: 00000000-0000-4000-8000-000000000001})"),
         R"(7:5: rows of spec.seed refer to each other in a circle; leave one of the references out
)"},
    }),
    [](const auto& tested) { return tested.param.name; });

// Parts of a resource.
INSTANTIATE_TEST_SUITE_P(
    Resources, WrongDocuments,
    testing::ValuesIn(std::vector<Wrong>{
        {"NotBuiltInResources",
         TasksWith(
             R"(fields: {title: {type: string, pattern: a, multipleOf: 2, items: {}}, price: {type: decimal}, tags: {type: array}, maybe: {type: [string, 'null']}}
cache: {ttl: 5m}
events: {}
softDelete: true
audit: true
list: {page: cursor, search: [title], expand: [title]}
criticality: {update: critical})"),
         R"(7:38: spec.resources.tasks.fields.title.pattern is not built yet in this version
7:50: spec.resources.tasks.fields.title.multipleOf is not built yet in this version
7:65: spec.resources.tasks.fields.title.items is not built yet in this version
7:91: spec.resources.tasks.fields.price.type: decimal is not built yet in this version; expected 'string', 'integer', 'number', 'boolean'
7:114: spec.resources.tasks.fields.tags.type: array is not built yet in this version; expected 'string', 'integer', 'number', 'boolean'
7:136: spec.resources.tasks.fields.maybe.type as a list is not built yet in this version; name one type; a field that is not required may be null
8:7: spec.resources.tasks.cache is not built yet in this version
9:7: spec.resources.tasks.events is not built yet in this version
10:7: spec.resources.tasks.softDelete is not built yet in this version
11:7: spec.resources.tasks.audit is not built yet in this version
12:20: spec.resources.tasks.list.page: cursor is not built yet in this version; write offset
12:28: spec.resources.tasks.list.search is not built yet in this version
12:45: spec.resources.tasks.list.expand is not built yet in this version
13:21: spec.resources.tasks.criticality.update is not built yet in this version
)"},
        {"FieldNames", TasksWith(R"(fields:
  id: {type: string}
  Version: {type: string}
  limit: {type: string}
  auth: {type: string}
  1st: {type: string}
  due-date: {type: string}
  title: {type: string}
  TITLE: {type: string}
  on: {type: string})"),
         R"(8:9: the field name 'id' is reserved: every resource has id already; choose another name
9:9: the field name 'Version' is reserved: every resource has version already; choose another name
10:9: the field name 'limit' is reserved: it is a query parameter of every list; choose another name
11:9: the field name 'auth' is reserved: it is a word of the rule language; choose another name
12:9: '1st' cannot name a field; a name is a letter, then up to 62 letters, digits or '_'
13:9: 'due-date' cannot name a field; a name is a letter, then up to 62 letters, digits or '_'
15:9: the fields 'TITLE' and 'title' differ only by case; choose another name
16:9: 'on' means different things to different YAML readers; write true for the boolean, or 'on' for the text
)"},
        {"FieldTypes", TasksWith(R"(fields:
  a: {type: int}
  b: {type: datetime}
  c: {type: strng}
  d: {maxLength: 3}
  e: string
  f: {type: string, format: emial}
  g: {type: integer, format: email}
  h: {type: true}
  i: {type: string, format: ipv4}
  j:)"),
         R"(8:19: spec.resources.tasks.fields.a.type cannot be 'int'; write integer
9:19: spec.resources.tasks.fields.b.type cannot be 'datetime'; write {type: string, format: date-time}
10:19: spec.resources.tasks.fields.c.type cannot be 'strng'; did you mean 'string'?
11:12: spec.resources.tasks.fields.d.type is missing; write type: string, integer, number or boolean
12:12: spec.resources.tasks.fields.e must be a mapping, not the text 'string'
13:35: spec.resources.tasks.fields.f.format cannot be 'emial'; did you mean 'email'?
14:28: spec.resources.tasks.fields.g.format has no meaning here; it goes with type: string
15:19: spec.resources.tasks.fields.h.type must be one of 'string', 'integer', 'number', 'boolean', not the boolean true
16:35: spec.resources.tasks.fields.i.format: ipv4 is not built yet in this version; expected 'date-time', 'date', 'email', 'uuid', 'uri'
17:9: spec.resources.tasks.fields.j must be a mapping, not nothing
)"},
        {"FieldBounds", TasksWith(R"(fields:
  a: {type: string, minLength: 5, maxLength: 3}
  b: {type: integer, minimum: 3, maximum: 2}
  c: {type: number, minimum: 1, exclusiveMaximum: 1}
  d: {type: integer, maxLength: 3}
  e: {type: string, minimum: 3}
  f: {type: string, minLength: -1}
  g: {type: string, maxLength: '5'}
  h: {type: number, minimum: 1e999}
  i: {enum: [a], maxLength: 3})"),
         R"(8:41: spec.resources.tasks.fields.a.maxLength is less than minLength
9:12: spec.resources.tasks.fields.b allows no number at all; mend its minimum or maximum
10:12: spec.resources.tasks.fields.c allows no number at all; mend its minimum or maximum
11:28: spec.resources.tasks.fields.d.maxLength has no meaning here; it goes with type: string
12:27: spec.resources.tasks.fields.e.minimum has no meaning here; it goes with type: integer or number
13:38: spec.resources.tasks.fields.f.minLength must be a whole number from 0 to 1000000, not the number -1
14:38: spec.resources.tasks.fields.g.maxLength must be a whole number from 0 to 1000000, not the text '5'; write it without quotes
15:36: spec.resources.tasks.fields.h.minimum must be a number, not the number 1e999
16:24: spec.resources.tasks.fields.i.maxLength has no meaning here; it goes with type: string
)"},
        {"Enums", TasksWith(R"(fields:
  a: {enum: [low, 2, true, low]}
  b: {enum: []}
  c: {enum: low}
  d: {type: integer, enum: [a]}
  e: {enum: [yes, 'no']}
  f: {enum: [null]})"),
         R"(8:25: a member of spec.resources.tasks.fields.a.enum must be text, not the number 2; write '2'
8:28: a member of spec.resources.tasks.fields.a.enum must be text, not the boolean true; write 'true'
8:34: spec.resources.tasks.fields.a.enum holds 'low' twice
9:19: spec.resources.tasks.fields.b.enum is empty; name 1 to 200 texts
10:19: spec.resources.tasks.fields.c.enum must be a list, not the text 'low'; as in enum: [low, high]
11:28: spec.resources.tasks.fields.d.enum has no meaning here; it goes with type: string
12:20: 'yes' means different things to different YAML readers; write true for the boolean, or 'yes' for the text
13:20: a member of spec.resources.tasks.fields.f.enum must be text, not nothing
)"},
        {"Defaults", TasksWith(R"(fields:
  a: {enum: [pending, done], default: pendign}
  b: {type: integer, default: 1.5}
  c: {type: integer, default: '1'}
  d: {type: boolean, default: 1}
  e: {type: string, maxLength: 2, default: abc}
  f: {type: string, format: email, default: nobody}
  g: {type: string, format: date-time, default: '2026-02-30T00:00:00Z'}
  h: {type: string, format: date, default: 2026-02-30}
  i: {type: integer, maximum: 3, default: 4}
  j: {type: integer, default: 9007199254740993}
  k: {ref: tasks, default: x}
  l: {type: string, format: uuid, default: x}
  m: {type: string, format: uri, default: x}
  n1: {type: string, default: 5}
required: [a])"),
         R"(8:45: spec.resources.tasks.fields.a.default must be one of 'pending', 'done', not the text 'pendign'; did you mean 'pending'?
9:37: spec.resources.tasks.fields.b.default must be a whole number from -9007199254740991 to 9007199254740991, not the number 1.5
10:37: spec.resources.tasks.fields.c.default must be a whole number from -9007199254740991 to 9007199254740991, not the text '1'; write it without quotes
11:37: spec.resources.tasks.fields.d.default must be true or false, not the number 1
12:50: spec.resources.tasks.fields.e.default must be at most 2 characters long, not the text 'abc'
13:51: spec.resources.tasks.fields.f.default must be an e-mail address, as in 'ada@example.org', not the text 'nobody'
14:55: spec.resources.tasks.fields.g.default must be a time, as in '2026-02-28T09:30:00Z', not the text '2026-02-30T00:00:00Z'
15:50: spec.resources.tasks.fields.h.default must be a date that exists, as in '2026-02-28', not the text '2026-02-30'
16:49: spec.resources.tasks.fields.i.default must be at most 3, not the number 4
17:37: spec.resources.tasks.fields.j.default must be a whole number from -9007199254740991 to 9007199254740991, not the number 9007199254740993
18:25: spec.resources.tasks.fields.k.default has no meaning here; it goes with a field without ref
19:50: spec.resources.tasks.fields.l.default must be a UUID, as in '018f2f6e-7c9a-7d3e-8a51-0242ac120002', not the text 'x'
20:49: spec.resources.tasks.fields.m.default must be a URI, as in 'https://example.org/x', not the text 'x'
21:37: spec.resources.tasks.fields.n1.default must be text, not the number 5; write '5'
)"},
        {"RequiredFields",
         TasksWith(
             R"(fields: {title: {type: string, default: x}, by: {type: string, initial: auth.id}, n1: {type: integer}}
required: [titel, title, by, n1, n1, 3])"),
         R"(7:16: spec.resources.tasks.fields.title is required, so its default is never used; keep one of the two
7:51: spec.resources.tasks.fields.by is required, but with initial nobody may set it; keep one of the two
8:18: spec.resources.tasks.required names the unknown field 'titel'; did you mean 'title'?
8:40: spec.resources.tasks.required names 'n1' twice
8:44: a name in spec.resources.tasks.required must be text, not the number 3; write '3'
)"},
        {"Initial", TasksWith(R"(fields:
  a: {type: string, initial: auth.id, default: x}
  b: {type: integer, initial: auth.id}
  c: {type: string, initial: pending}
  d: {type: string, initial: 3}
  e: {type: boolean, initial: auth.id})"),
         R"(8:27: spec.resources.tasks.fields.a has both default and initial; keep one of them
9:37: spec.resources.tasks.fields.b.initial: this is auth.id (string), but integer is needed here
10:36: spec.resources.tasks.fields.c.initial: unknown field 'pending'; text is written in quotes, as in 'pending'
11:36: spec.resources.tasks.fields.d.initial must be a rule such as auth.id != null, not the number 3
12:37: spec.resources.tasks.fields.e.initial: this is auth.id (string), but boolean is needed here; compare it with something, as in auth.id != null
)"},
        {"Rules",
         TasksWith(
             R"(fields: {title: {type: string}, createdBy: {type: string}, status: {enum: [pending, done]}, broken: {type: strng}}
access:
  list: createdby == auth.id
  read: title
  update: status == 'dnoe' && tilte == 'x'
  delete: broken == 3
  create: auth.role == 'admin'
  patch: 'true')"),
         R"(7:114: spec.resources.tasks.fields.broken.type cannot be 'strng'; did you mean 'string'?
9:15: spec.resources.tasks.access.list: unknown field 'createdby'; did you mean 'createdBy'?
10:15: spec.resources.tasks.access.read: this is field 'title' (string), but boolean is needed here; compare it with something, as in title != null
11:27: spec.resources.tasks.access.update: 'status' is never 'dnoe'; did you mean 'done'?
11:37: spec.resources.tasks.access.update: unknown field 'tilte'; did you mean 'title'?
14:9: unknown key 'patch' in spec.resources.tasks.access; expected 'create', 'list', 'read', 'update', 'delete'
)"},
        {"RuleSpellings", TasksWith(R"(fields: {title: {type: string}}
access:
  create: true
  list: "title == 'é' && zip == 1"
  read: 'title == ''x'' && zip == 1'
  update: |
    auth.id != null
      && zip == 1
  delete: auth.id != null
    && zip == 1)"),
         R"(10:32: spec.resources.tasks.access.list: unknown field 'zip'; text is written in quotes, as in 'zip'
11:34: spec.resources.tasks.access.read: unknown field 'zip'; text is written in quotes, as in 'zip'
14:16: spec.resources.tasks.access.update: unknown field 'zip'; text is written in quotes, as in 'zip'
16:14: spec.resources.tasks.access.delete: unknown field 'zip'; text is written in quotes, as in 'zip'
)"},
        {"RuleReferences", TasksWith(R"(fields: {title: {type: string}}
access:
  create: =read
  list: =update
  read: =list
  update: =read
  delete: =lits)"),
         R"(12:17: spec.resources.tasks.access.update refers to itself in a circle; write the rule out in one of them
13:17: spec.resources.tasks.access.delete refers to the unknown rule 'lits'; did you mean 'list'?
)"},
        {"RuleReferenceToNothing", TasksWith(R"(fields: {title: {type: string}}
access: {read: =list})"),
         R"(8:22: spec.resources.tasks.access.read refers to the rule 'list', which is absent; write that rule, or leave this one out: what has no rule is denied
)"},
        {"RulesAreText", TasksWith(R"(fields: {title: {type: string}}
access:
  read: [a]
  list: 3
  update:
  delete: ''
  create: !title)"),
         R"(9:15: spec.resources.tasks.access.read must be a rule such as auth.id != null, not a list
10:15: spec.resources.tasks.access.list must be a rule such as auth.id != null, not the number 3
11:9: spec.resources.tasks.access.update must be a rule such as auth.id != null, not nothing
12:18: spec.resources.tasks.access.delete: the rule is empty; write a condition such as auth.id != null
13:17: YAML tags (!name) are not supported; put a text that begins with '!' in quotes
)"},
        {"Indexes", TasksWith(R"(fields: {title: {type: string}}
indexes: [[titel, -createdAt], title, [], [title, -title]])"),
         R"(8:18: spec.resources.tasks.indexes names the unknown field 'titel'; did you mean 'title'?
8:38: an entry of spec.resources.tasks.indexes must be a list, not the text 'title'; as in [status, -createdAt]
8:45: an index has 1 to 8 fields
8:57: an index names 'title' twice
)"},
        {"Lists", TasksWith(R"(fields: {title: {type: string}, secret: {type: string, hidden: true}}
list: {limit: {default: 200, max: 100, min: 1}, sort: [-secret, titel, title, -title], page: ofset})"),
         R"(8:36: spec.resources.tasks.list.limit: default (200) is more than max (100)
8:46: unknown key 'min' in spec.resources.tasks.list.limit; expected 'default', 'max'
8:62: spec.resources.tasks.list.sort names 'secret', which is hidden; its order would show its value
8:71: spec.resources.tasks.list.sort names the unknown field 'titel'; did you mean 'title'?
8:85: spec.resources.tasks.list.sort names 'title' twice
8:100: spec.resources.tasks.list.page cannot be 'ofset'; did you mean 'offset'?
)"},
        {"ListLimits", TasksWith(R"(fields: {title: {type: string}}
list: {limit: {default: 0, max: 5000}})"),
         R"(8:31: spec.resources.tasks.list.limit.default must be a whole number from 1 to 1000, not the number 0
8:39: spec.resources.tasks.list.limit.max must be a whole number from 1 to 1000, not the number 5000
)"},
        {"Criticality", TasksWith(R"(fields: {title: {type: string}}
criticality: {read: important, write: normal, reed: normal})"),
         R"(8:27: spec.resources.tasks.criticality.read cannot be 'important'; expected 'critical', 'normal', 'sheddable'
8:53: unknown key 'reed' in spec.resources.tasks.criticality; did you mean 'read'?
)"},
    }),
    [](const auto& tested) { return tested.param.name; });

// Governors.
INSTANTIATE_TEST_SUITE_P(
    Governors, WrongDocuments,
    testing::ValuesIn(std::vector<Wrong>{
        {"Governor", GovernorWith(R"(targetRef: {kind: deployment, apiVersion: v1, name: x}
mode: enforce
paused: no
replicas: {min: 5, max: 3}
slo: {latency: 250, percentile: 100, availability: high}
forecast: {season: 5m}
schedule: [{cron: "0 25 * * *", timeZone: "../etc", duration: 30s}]
targetUtilization: 80
signals: {backlog: {queue: mail}, cpu: {target: 70}, demand: {latency: x}, gpu: {}}
capacity: {hint: 400, workers: 0}
limits: {enforce: 1, fleet: none, criticality: {critical: -1}, quotaFloor: 2}
metrics: {scrape: 1ms, source: Pods, prometheusURL: x})"),
         R"(5:21: spec.targetRef.kind cannot be 'deployment'; did you mean 'Deployment'?
5:45: spec.targetRef.apiVersion: 'v1' is no group and version; write it like apps/v1
6:9: spec.mode cannot be 'enforce'; did you mean 'Enforce'?
7:11: 'no' means different things to different YAML readers; write false for the boolean, or 'no' for the text
8:22: spec.replicas.max (3) is less than min (5)
9:18: spec.slo.latency must be a duration from 1ms to 10m, not the number 250; add a unit, as in 250ms or 250s
9:35: spec.slo.percentile must be a number from 50 to 99.99, not the number 100
9:54: spec.slo.availability must be a number from 50 to 99.9999, not the text 'high'
10:22: spec.forecast.season must be a duration from 1h to 7d, not the text '5m'
11:14: an entry of spec.schedule.minReplicas is missing; write minReplicas: 6
11:21: spec.schedule.cron: '25' is no hour from 0 to 23; write it like "0 8 * * 1-5"
11:45: spec.schedule.timeZone: '../etc' is no name of a time zone; write it like Europe/Paris
11:65: an entry of spec.schedule.duration must be a duration from 1m to 7d, not the text '30s'
12:22: spec.targetUtilization must be a share from 10% to 99%, not the number 80; did you mean 80%?
13:13: spec.signals.backlog is not built yet in this version
13:51: spec.signals.cpu.target must be a share from 1% to 100%, not the number 70; did you mean 70%?
13:64: spec.signals.demand.requests is missing; write requests: http_requests_total
13:78: unknown key 'gpu' in spec.signals; did you mean 'cpu'?
14:20: spec.capacity.hint must be requests a second of one replica, from 0.01rps to 10000000rps, not the number 400; write it like 400rps
14:34: spec.capacity.workers must be a whole number from 1 to 1024, not the number 0
15:21: spec.limits.enforce must be true or false, not the number 1
15:31: spec.limits.fleet cannot be 'none'; expected 'ceiling', 'off'
15:61: spec.limits.criticality.critical must be a number from 0.001 to 1000, not the number -1
15:78: spec.limits.quotaFloor must be a share from 1% to 100%, not the number 2; did you mean 2%?
16:21: spec.metrics.scrape must be a duration from 100ms to 1m, not the text '1ms'
16:34: spec.metrics.source cannot be 'Pods'; did you mean 'pods'?
16:55: spec.metrics.prometheusURL: 'x' is no URL of a server; write it like http://127.0.0.1:9090
)"},
        {"GovernorNeeds", GovernorWith(R"(mode: Observe)"),
         R"(5:3: spec.targetRef is missing; write targetRef: {kind: App, name: tasks}
5:3: spec.replicas is missing; write replicas: {min: 2, max: 10}
)"},
        {"GovernorBounds", GovernorWith(R"(targetRef: {kind: App, name: t}
replicas: {min: 0, max: 3}
behavior:
  scaleUp: {stabilizationWindowSeconds: -1, selectPolicy: max, tolerance: 2}
  scaleDown: {policies: [{type: Percentage, value: 0}, {value: 3, periodSeconds: 15}]})"),
         R"(6:19: spec.replicas.min: 0 (scale to zero) is not built yet in this version; write min: 1
8:43: spec.behavior.scaleUp.stabilizationWindowSeconds must be a whole number from 0 to 3600, not the number -1
8:61: spec.behavior.scaleUp.selectPolicy cannot be 'max'; did you mean 'Max'?
8:77: spec.behavior.scaleUp.tolerance must be a number from 0 to 1, not the number 2
9:28: an entry of spec.behavior.scaleDown.policies.periodSeconds is missing; write periodSeconds: 15
9:35: spec.behavior.scaleDown.policies.type cannot be 'Percentage'; did you mean 'Percent'?
9:54: an entry of spec.behavior.scaleDown.policies.value must be a whole number from 1 to 100000, not the number 0
9:58: an entry of spec.behavior.scaleDown.policies.type is missing; write type: Percent
)"},
        {"ForeignTarget", GovernorWith(R"y(targetRef: {kind: Deployment, name: web}
replicas: {max: 3}
limits: {enforce: true}
signals:
  demand: {requests: "rate(http_requests_total[1m])", latency: "request_seconds_bucket{le=\"1\"}", inFlight: "in_flight{a=1}", shed: 'x{code=~"5("}'}
metrics: {source: prometheus, port: 0, path: metrics, podLabel: a-b})y"),
         R"y(7:21: spec.limits.enforce: only Flyball's own pods obey limits, not Deployment web; write enforce: false
9:24: spec.signals.demand.requests: an expression such as rate(...) cannot be given; write a metric and its labels like http_requests_total{handler="/api"}
9:66: spec.signals.demand.latency is the name of a histogram, without _bucket; write request_seconds
9:112: spec.signals.demand.inFlight: the value of the label 'a' needs quotes; write a metric and its labels like http_requests_total{handler="/api"}
9:136: spec.signals.demand.shed: the regular expression of 'code': missing ): 5(; write a metric and its labels like http_requests_total{handler="/api"}
10:12: spec.metrics.source: prometheus needs a server to ask; add prometheusURL: http://127.0.0.1:9090
10:39: spec.metrics.port must be a whole number from 1 to 65535, not the number 0
10:48: spec.metrics.path: 'metrics' is no path of a URL; write it like /metrics
10:67: spec.metrics.podLabel must be the name of a label, not the text 'a-b'; write it like pod or instance
)y"},
        {"ForeignTargetWithoutDemand", GovernorWith(R"(targetRef: {kind: Rollout, name: web}
replicas: {max: 3})"),
         R"(5:3: spec.signals.demand must say which metrics count the requests of Rollout web; write signals: {demand: {requests: http_requests_total}}
5:14: spec.targetRef.apiVersion is missing; write apiVersion: group/v1, whatever kind Rollout has
)"},
        {"AppWithForeignMetrics", GovernorWith(R"(targetRef: {kind: App, name: t}
replicas: {max: 3}
signals: {demand: {requests: x}}
metrics: {source: prometheus, port: 9100})"),
         R"(7:21: spec.signals.demand names metrics, but an App counts its own; write demand: {}
8:12: spec.metrics.source: an App's pods are asked themselves; write source: pods
8:12: spec.metrics: an App's pods say themselves where their metrics are; leave port and path away
)"},
        {"GovernorFallback", GovernorWith(R"(targetRef: {kind: App, name: t}
replicas: {min: 2, max: 3, fallback: 1})"),
         R"(6:30: spec.replicas.fallback must be from min to max (2 to 3)
)"},
        {"FleetOffNeedsQuotes", GovernorWith(R"(targetRef: {kind: App, name: t}
replicas: {max: 3}
limits: {fleet: off})"),
         R"(7:19: 'off' means different things to different YAML readers; write false for the boolean, or 'off' for the text
)"},
    }),
    [](const auto& tested) { return tested.param.name; });

// Files and streams.
INSTANTIATE_TEST_SUITE_P(
    Streams, WrongDocuments,
    testing::ValuesIn(std::vector<Wrong>{
        {"Envelope", R"(apiVersion: flyball.io/v1
kind: Deployment
metadata: {name: My App, namespace: UP, labels: {a: 1}, uid: x}
status: {}
)",
         R"(1:1: spec is missing; write spec: with what the kind needs
1:13: apiVersion cannot be 'flyball.io/v1'; expected 'flyball.io/v1alpha1'
2:7: kind cannot be 'Deployment'; expected 'App', 'Governor'
3:18: metadata.name must be a DNS label, not the text 'My App'; write up to 63 lower-case letters, digits and '-', as in tasks
3:37: metadata.namespace must be a DNS label, not the text 'UP'; write up to 63 lower-case letters, digits and '-', as in tasks
3:53: metadata.labels.a must be text, not the number 1; write '1'
3:57: unknown key 'uid' in metadata; expected 'name', 'namespace', 'labels', 'annotations'
4:1: status is not built yet in this version
)"},
        {"EnvelopeNeeds", R"(a: 1
)",
         R"(1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1
1:1: kind is missing; write kind: App, or kind: Governor
1:1: metadata is missing; write metadata: {name: tasks}
1:1: spec is missing; write spec: with what the kind needs
1:1: unknown key 'a'; expected 'apiVersion', 'kind', 'metadata', 'spec'
)"},
        {"NotAMapping", R"(- a
---
just text
)",
         R"(1:1: a document must be a mapping, not a list; it begins with apiVersion: flyball.io/v1alpha1
3:1: a document must be a mapping, not the text 'just text'; it begins with apiVersion: flyball.io/v1alpha1
)"},
        {"Empty", "",
         R"(1:1: the file holds no document; expected kind: App or kind: Governor
)"},
        {"OnlyComments", R"(# nothing
---
# here
)",
         R"(1:1: the file holds no document; expected kind: App or kind: Governor
)"},
        {"AmbiguousScalars", R"(a: [yes, No, ON, off, y, N, True, FALSE]
b: [0123, 0x1F, 1_000, 12:30, +5, .5, 5., 0o17, 0b1, .inf]
c: [fine, 2026-11-21, 15m, 70%, 1.5, -3, 1e3, 5/1m, 12:75, 'yes', "0123", /x]
)",
         R"(1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1
1:1: kind is missing; write kind: App, or kind: Governor
1:1: metadata is missing; write metadata: {name: tasks}
1:1: spec is missing; write spec: with what the kind needs
1:1: unknown key 'a'; expected 'apiVersion', 'kind', 'metadata', 'spec'
1:5: 'yes' means different things to different YAML readers; write true for the boolean, or 'yes' for the text
1:10: 'No' means different things to different YAML readers; write false for the boolean, or 'No' for the text
1:14: 'ON' means different things to different YAML readers; write true for the boolean, or 'ON' for the text
1:18: 'off' means different things to different YAML readers; write false for the boolean, or 'off' for the text
1:23: 'y' means different things to different YAML readers; write true for the boolean, or 'y' for the text
1:26: 'N' means different things to different YAML readers; write false for the boolean, or 'N' for the text
1:29: 'True' means different things to different YAML readers; write true for the boolean, or 'True' for the text
1:35: 'FALSE' means different things to different YAML readers; write false for the boolean, or 'FALSE' for the text
2:1: unknown key 'b'; expected 'apiVersion', 'kind', 'metadata', 'spec'
2:5: '0123' means different things to different YAML readers; YAML 1.1 reads it as an octal number; for the text write '0123'
2:11: '0x1F' means different things to different YAML readers; write the number in decimal; for the text write '0x1F'
2:17: '1_000' means different things to different YAML readers; write 1000; for the text write '1_000'
2:24: '12:30' means different things to different YAML readers; YAML 1.1 reads it as a number to the base 60; for the text write '12:30'
2:31: '+5' means different things to different YAML readers; write 5; for the text write '+5'
2:35: '.5' means different things to different YAML readers; write 0.5; for the text write '.5'
2:39: '5.' means different things to different YAML readers; write 5; for the text write '5.'
2:43: '0o17' means different things to different YAML readers; write the number in decimal; for the text write '0o17'
2:49: '0b1' means different things to different YAML readers; write the number in decimal; for the text write '0b1'
2:54: '.inf' means different things to different YAML readers; infinity and NaN are not numbers here; for the text write '.inf'
3:1: unknown key 'c'; expected 'apiVersion', 'kind', 'metadata', 'spec'
)"},
        {"Aliases", R"(a: &a [x]
b: *a
c: {<<: *a}
)",
         R"(1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1
1:1: kind is missing; write kind: App, or kind: Governor
1:1: metadata is missing; write metadata: {name: tasks}
1:1: spec is missing; write spec: with what the kind needs
1:1: unknown key 'a'; expected 'apiVersion', 'kind', 'metadata', 'spec'
1:4: anchors (&a) are not supported; write the value out where it is needed
2:1: unknown key 'b'; expected 'apiVersion', 'kind', 'metadata', 'spec'
2:4: aliases (*name) are not supported; write the value out
3:1: unknown key 'c'; expected 'apiVersion', 'kind', 'metadata', 'spec'
3:5: merge keys (<<) are not supported; write the values out
3:9: aliases (*name) are not supported; write the value out
)"},
        {"AliasBomb", R"(a: &a [lol, lol]
b: &b [*a, *a]
c: &c [*b, *b]
)",
         R"(1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1
1:1: kind is missing; write kind: App, or kind: Governor
1:1: metadata is missing; write metadata: {name: tasks}
1:1: spec is missing; write spec: with what the kind needs
1:1: unknown key 'a'; expected 'apiVersion', 'kind', 'metadata', 'spec'
1:4: anchors (&a) are not supported; write the value out where it is needed
2:1: unknown key 'b'; expected 'apiVersion', 'kind', 'metadata', 'spec'
2:4: anchors (&b) are not supported; write the value out where it is needed
2:8: aliases (*name) are not supported; write the value out
2:12: aliases (*name) are not supported; write the value out
3:1: unknown key 'c'; expected 'apiVersion', 'kind', 'metadata', 'spec'
3:4: anchors (&c) are not supported; write the value out where it is needed
3:8: aliases (*name) are not supported; write the value out
3:12: aliases (*name) are not supported; write the value out
)"},
        {"Tags", R"(a: !!str 5
b: !x {}
c: ! d
)",
         R"(1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1
1:1: kind is missing; write kind: App, or kind: Governor
1:1: metadata is missing; write metadata: {name: tasks}
1:1: spec is missing; write spec: with what the kind needs
1:1: unknown key 'a'; expected 'apiVersion', 'kind', 'metadata', 'spec'
1:4: YAML tags (!name) are not supported; put a text that begins with '!' in quotes
2:1: unknown key 'b'; expected 'apiVersion', 'kind', 'metadata', 'spec'
2:4: YAML tags (!name) are not supported; put a text that begins with '!' in quotes
3:1: unknown key 'c'; expected 'apiVersion', 'kind', 'metadata', 'spec'
3:4: YAML tags (!name) are not supported; put a text that begins with '!' in quotes
)"},
        {"DuplicateKeys", R"(kind: App
a: {x: 1, y1: 2, x: 3}
kind: App
)",
         R"(1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1
1:1: metadata is missing; write metadata: {name: tasks}
1:1: spec is missing; write spec: with what the kind needs
2:1: unknown key 'a'; expected 'apiVersion', 'kind', 'metadata', 'spec'
2:18: the key 'x' stands twice in this mapping; the first is in line 2
3:1: the key 'kind' stands twice in this mapping; the first is in line 1
)"},
        {"OddKeys", R"({a: 1}: 2
[b]: 3
? : 4
)",
         R"(1:1: a key must be a name, not a list or mapping
1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1
1:1: kind is missing; write kind: App, or kind: Governor
1:1: metadata is missing; write metadata: {name: tasks}
1:1: spec is missing; write spec: with what the kind needs
2:1: a key must be a name, not a list or mapping
3:3: a key is missing before ':'
3:3: a key must be a name, not a list or mapping
)"},
        {"Tabs", R"(kind: App
	metadata: x
  	spec: y
	# fine
)",
         R"(2:1: a tab cannot indent; use spaces
3:3: a tab cannot indent; use spaces
)"},
        {"BrokenYaml", R"(kind: App
spec: {a: [b
)",
         R"(3:1: this is not YAML: end of sequence flow not found; a '[' is not closed, or a ',' is missing
)"},
        {"BrokenIndentation", R"(kind: App
  spec: 3
)",
         R"(2:7: this is not YAML: illegal map value; check the indentation of this line, and quote a value that holds ': '
)"},
        {"OpenQuote", R"(kind: 'App
)",
         R"(1:7: this quote is not closed; the text would go on to the end of the file
)"},
        {"ColonInValue", R"(rule: a == b: c
)",
         R"(1:13: this is not YAML: illegal map value; check the indentation of this line, and quote a value that holds ': '
)"},
        {"NotUtf8", "kind: App\nname: \xC3(\n",
         R"(2:7: this is not UTF-8; save the file as UTF-8
)"},
        {"ControlCharacter", "kind: App\n\x01\n",
         R"(2:1: the control character 0x01 cannot stand in a document; is this a YAML file?
)"},
        {"AppsThatOverlap",
         Document("App", "tasks", "  {base: /api/v1, resources: {t: {fields: {a: {type: string}}}}}\n---\n") +
             Document("App", "tasks", "  {base: /api/v2, resources: {t: {fields: {a: {type: string}}}}}\n---\n") +
             Document("App", "more", "  {base: /api/v1/more, resources: {t: {fields: {a: {type: string}}}}}\n---\n") +
             Document("Governor", "tasks", "  {targetRef: {kind: App, name: task}, replicas: {max: 3}}\n---\n") +
             Document("Governor", "tasks", "  {targetRef: {kind: App, name: more}, replicas: {max: 3}}\n---\n") +
             Document("Governor", "third", "  {targetRef: {kind: App, name: more}, replicas: {max: 3}}\n"),
         R"(9:18: there is another App named 'tasks'; choose another name
17:10: the routes under /api/v1/more overlap those of App 'tasks' under /api/v1; give each App a base of its own
23:33: spec.targetRef names App 'task', which these documents do not hold; did you mean 'tasks'?
27:18: there is another Governor named 'tasks'; choose another name
35:33: there is another Governor for 'App more'; one Governor moves a target's replicas
)"},
    }),
    [](const auto& tested) { return tested.param.name; });
// clang-format on

}  // namespace
}  // namespace flyball::spec
