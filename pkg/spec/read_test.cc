// What is read from documents that are right.
#include <gtest/gtest.h>

#include "pkg/spec/locate.h"
#include "pkg/spec/reader.h"

namespace flyball::spec {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kShop = R"(
apiVersion: flyball.io/v1alpha1
kind: App
metadata: {name: shop, namespace: default, labels: {team: a}, annotations: {note: "x"}}
spec:
  base: /shop/v2
  auth:
    accounts: people
    tokens: {access: 1h30m}
    password: {cost: 4, minLength: 12}
    roles: {user: {signup: true}, clerk: {includes: [user]}, admin: {includes: [clerk]}}
  limits:
    api: {by: principal, window: 1h, quota: {anonymous: 10, user: 20, clerk: 30, admin: 40}, burst: 7}
    login: {by: account, rate: 5/1m, apply: [auth.login, orders.create], whenStoreDown: open}
  cors: {origins: [https://shop.example, "http://localhost:3000"], credentials: true, maxAge: 1h}
  http: {maxBody: 512KiB}
  deploy:
    trustedProxies: [10.0.0.0/8, "2001:db8::1"]
    image: registry.example.org:5000/team/flyball:0.1@sha256:00ff
    imagePullPolicy: IfNotPresent
    imagePullSecrets: [{name: registry}]
    replicas: 3
    resources: {requests: {cpu: 500m, memory: 128Mi}, limits: {cpu: 1, memory: "0.5Gi"}}
    database: {secretRef: {name: shop-db, key: uri}}
    redis: {secretRef: {name: shop-redis}}
    env: {FLYBALL_ALLOW_FAULTS: "true", FLYBALL_FAULT: delay=20ms}
    nodeSelector: {kubernetes.io/arch: amd64}
  resources:
    orders:
      maxBody: 16KiB
      fields:
        code: {type: string, minLength: 2, maxLength: 8, unique: true, immutable: true}
        amount: {type: integer, minimum: 1, exclusiveMaximum: 100, default: 1}
        weight: {type: number, default: 2}
        paid: {type: boolean, default: false}
        note: {type: string, hidden: true, default: ""}
        state: {enum: ["new", "yes", done], default: "yes"}
        due: {type: string, format: date-time, default: 2026-12-01T10:00:00+01:00}
        day: {type: string, format: date}
        link: {type: string, format: uri}
        buyer: {ref: people, initial: auth.id, onDelete: cascade}
        parent: {ref: orders, onDelete: setNull}
      required: [code]
      indexes: [[buyer, -due], [createdAt]]
      access:
        create: true
        list: auth.role in ['admin', 'clerk'] || buyer == auth.id
        read: =list
        update: "= read"
      list: {limit: {default: 5, max: 50}, sort: [-due, code], page: offset}
      criticality: {read: sheddable, write: critical}
    people:
      fields: {email: {type: string, format: email, unique: true}, born: {type: string, format: date}}
      required: [email]
  seed:
    orders:
      - {code: A2, parent: 00000000-0000-4000-8000-000000000011, buyer: 00000000-0000-4000-8000-000000000001}
      - {code: A1, id: 00000000-0000-4000-8000-000000000011, due: 2026-12-01T00:00:00Z, weight: 3, parent: null}
    people:
      - {id: 00000000-0000-4000-8000-000000000001, email: ada@example.org}
)";

Documents ReadGood(std::string_view text) {
  Documents documents = Read({{"good.yaml", std::string(text)}});
  for (const Problem& problem : documents.problems) ADD_FAILURE() << Format(problem);
  return documents;
}

App Shop() {
  Documents documents = ReadGood(kShop);
  return documents.apps.size() == 1 ? documents.apps[0] : App{};
}

TEST(ReadApp, HowItRunsInACluster) {
  const Deploy deploy = Shop().deploy;
  using Texts = std::map<std::string, std::string>;
  EXPECT_EQ(deploy.image, "registry.example.org:5000/team/flyball:0.1@sha256:00ff");
  EXPECT_EQ(deploy.image_pull_policy, "IfNotPresent");
  EXPECT_EQ(deploy.image_pull_secrets, std::vector<std::string>{"registry"});
  EXPECT_EQ(deploy.replicas, 3);
  EXPECT_EQ(deploy.requests, (Texts{{"cpu", "500m"}, {"memory", "128Mi"}}));
  EXPECT_EQ(deploy.limits, (Texts{{"cpu", "1"}, {"memory", "0.5Gi"}}));
  ASSERT_TRUE(deploy.database && deploy.redis);
  EXPECT_EQ(deploy.database->name, "shop-db");
  EXPECT_EQ(deploy.database->key, "uri");
  EXPECT_EQ(deploy.redis->name, "shop-redis");
  EXPECT_EQ(deploy.redis->key, "url");
  EXPECT_EQ(deploy.env, (Texts{{"FLYBALL_ALLOW_FAULTS", "true"}, {"FLYBALL_FAULT", "delay=20ms"}}));
  EXPECT_EQ(deploy.node_selector, (Texts{{"kubernetes.io/arch", "amd64"}}));
}

// As the API server gives documents back: JSON, keys in its own order.
TEST(ReadApp, JsonIsADocumentToo) {
  const Documents read = ReadGood(R"({
  "apiVersion": "flyball.io/v1alpha1",
  "kind": "App",
  "metadata": {"name": "t", "namespace": "default"},
  "spec": {
    "base": "/api\/v2",
    "deploy": {"image": "flyball:1", "replicas": 2},
    "resources": {"t": {"fields": {"a": {"default": 1.5, "type": "number"}, "b": {"enum": ["\u0079es", "no"]}}}}
  }
})");
  ASSERT_EQ(read.apps.size(), 1u);
  EXPECT_EQ(read.apps[0].base, "/api/v2");
  EXPECT_EQ(read.apps[0].deploy.replicas, 2);
  EXPECT_EQ(read.apps[0].resources[0].fields[1].enum_values[0], "yes");
}

TEST(ReadApp, NameBaseAndAuth) {
  const App app = Shop();
  EXPECT_EQ(app.name, "shop");
  EXPECT_EQ(app.base, "/shop/v2");
  EXPECT_EQ(app.auth.accounts, "people");
  EXPECT_EQ(app.auth.access_ttl, minutes(90));
  EXPECT_EQ(app.auth.issuer, "shop");
  EXPECT_EQ(app.auth.bcrypt_cost, 4);
  EXPECT_EQ(app.auth.min_password_length, 12);
  ASSERT_EQ(app.auth.roles.size(), 3u);
  EXPECT_TRUE(app.auth.roles[0].signup);
  EXPECT_EQ(app.auth.roles[2].includes, (std::vector<std::string>{"admin", "clerk", "user"}));
}

TEST(ReadApp, Http) {
  const App app = Shop();
  EXPECT_EQ(app.cors.origins, (std::vector<std::string>{"https://shop.example", "http://localhost:3000"}));
  EXPECT_TRUE(app.cors.credentials);
  EXPECT_EQ(app.cors.max_age, minutes(60));
  EXPECT_EQ(app.max_body_bytes, 512 * 1024);
  EXPECT_EQ(app.Find("orders")->max_body_bytes, 16 * 1024);
  EXPECT_EQ(app.Find("people")->max_body_bytes, 0) << "the app's";
  EXPECT_EQ(app.trusted_proxies, (std::vector<std::string>{"10.0.0.0/8", "2001:db8::1"}));
}

TEST(ReadApp, Limits) {
  const App app = Shop();
  ASSERT_EQ(app.limits.size(), 2u);
  EXPECT_EQ(app.limits[0].by, Limit::By::kPrincipal);
  EXPECT_EQ(app.limits[0].window, minutes(60));
  EXPECT_EQ(app.limits[0].quota.at("clerk"), 30);
  EXPECT_EQ(app.limits[0].burst, 7);
  EXPECT_FALSE(app.limits[0].adaptive);
  EXPECT_EQ(app.limits[0].when_store_down, Limit::WhenStoreDown::kLocal);
  EXPECT_EQ(app.limits[1].by, Limit::By::kAccount);
  EXPECT_EQ(app.limits[1].window, minutes(1));
  EXPECT_EQ(app.limits[1].quota.size(), 4u);
  EXPECT_EQ(app.limits[1].quota.at("admin"), 5);
  EXPECT_EQ(app.limits[1].apply, (std::vector<std::string>{"auth.login", "orders.create"}));
}

TEST(ReadApp, Fields) {
  const App app = Shop();
  const Resource* orders = app.Find("orders");
  ASSERT_NE(orders, nullptr);
  ASSERT_EQ(orders->fields.size(), 11u);
  const Field& code = *orders->Find("code");
  EXPECT_TRUE(code.required && code.unique && code.immutable && !code.nullable);
  EXPECT_EQ(code.min_length, 2);
  EXPECT_EQ(code.max_length, 8);
  const Field& amount = *orders->Find("amount");
  EXPECT_EQ(amount.type, FieldType::kInteger);
  EXPECT_EQ(amount.minimum, 1);
  EXPECT_EQ(amount.exclusive_maximum, 100);
  EXPECT_EQ(amount.default_value, Value(int64_t{1}));
  EXPECT_FALSE(amount.nullable);
  EXPECT_EQ(orders->Find("weight")->default_value, Value(2.0));
  EXPECT_EQ(orders->Find("paid")->default_value, Value(false));
  EXPECT_EQ(orders->Find("note")->default_value, Value(std::string()));
  EXPECT_TRUE(orders->Find("note")->hidden);
  EXPECT_EQ(orders->Find("state")->enum_values, (std::vector<std::string>{"new", "yes", "done"}));
  EXPECT_EQ(orders->Find("due")->default_value, Value(std::string("2026-12-01T09:00:00.000Z")));
  EXPECT_EQ(orders->Find("day")->type, FieldType::kDate);
  EXPECT_TRUE(orders->Find("day")->nullable);
  EXPECT_EQ(orders->Find("link")->format, Format::kUri);
  EXPECT_EQ(orders->Find("nothing"), nullptr);
}

TEST(ReadApp, References) {
  const App app = Shop();
  const Field& buyer = *app.Find("orders")->Find("buyer");
  EXPECT_EQ(buyer.ref, "people");
  EXPECT_EQ(buyer.on_delete, OnDelete::kCascade);
  ASSERT_TRUE(buyer.initial.has_value());
  const expr::Auth ada = {std::string("ada"), Value{}};
  EXPECT_EQ(expr::Evaluate(*buyer.initial, ada, nullptr), Value(std::string("ada")));
  EXPECT_EQ(app.Find("orders")->Find("parent")->on_delete, OnDelete::kSetNull);
}

TEST(ReadApp, Access) {
  const App app = Shop();
  const Access& access = app.Find("orders")->access;
  EXPECT_EQ(access.create.text(), "true");
  EXPECT_EQ(access.read.text(), access.list.text());
  EXPECT_EQ(access.update.text(), "auth.role in ['admin', 'clerk'] || buyer == auth.id");
  EXPECT_EQ(access.remove.root(), nullptr);  // absent: denies
  EXPECT_TRUE(expr::Allows(access.create, {}, nullptr));
}

TEST(ReadApp, IndexesListAndCriticality) {
  const App app = Shop();
  const Resource &orders = *app.Find("orders"), &people = *app.Find("people");
  ASSERT_EQ(orders.indexes.size(), 2u);
  EXPECT_EQ(orders.indexes[0].keys[1].field, "due");
  EXPECT_TRUE(orders.indexes[0].keys[1].descending);
  EXPECT_EQ(orders.list.default_limit, 5);
  EXPECT_EQ(orders.list.max_limit, 50);
  ASSERT_EQ(orders.list.sort.size(), 3u);
  EXPECT_EQ(orders.list.sort[2].field, "id");
  EXPECT_EQ(orders.read_criticality, Criticality::kSheddable);
  EXPECT_EQ(orders.write_criticality, Criticality::kCritical);
  ASSERT_EQ(people.list.sort.size(), 1u);
  EXPECT_EQ(people.list.sort[0].field, "id");
  EXPECT_EQ(Name(people.read_criticality), "normal");
}

TEST(ReadApp, SeedPutsReferencesFirst) {
  const App app = Shop();
  ASSERT_EQ(app.seed.size(), 3u);
  auto first = [&](size_t row) { return std::get<std::string>(app.seed[row].values[0].second); };
  EXPECT_EQ(first(0), "A1");
  EXPECT_EQ(app.seed[1].resource, "people");
  EXPECT_EQ(first(2), "A2");
  EXPECT_EQ(app.seed[0].values.size(), 4u);  // the null is left out
  EXPECT_EQ(app.seed[0].values[2].second, Value(std::string("2026-12-01T00:00:00.000Z")));
  EXPECT_EQ(app.seed[0].values[3].second, Value(3.0));
}

TEST(ReadApp, TheSmallest) {
  const Documents documents = ReadGood(
      "apiVersion: flyball.io/v1alpha1\nkind: App\nmetadata: {name: a}\nspec: {resources: {t: {fields: {x: {type: "
      "string}}}}}\n");
  ASSERT_EQ(documents.apps.size(), 1u);
  EXPECT_EQ(documents.apps[0].base, "/api/v1");
  EXPECT_TRUE(documents.apps[0].auth.accounts.empty());
}

TEST(ReadGovernor, Everything) {
  const Documents documents = ReadGood(R"(
apiVersion: flyball.io/v1alpha1
kind: Governor
metadata: {name: g}
spec:
  targetRef: {apiVersion: flyball.io/v1alpha1, kind: App, name: shop}
  mode: Observe
  paused: true
  targetUtilization: 75%
  slo: {latency: 100ms, percentile: 95, availability: 99.5}
  replicas: {min: 3, max: 30, startup: 20s, fallback: 4}
  signals:
    demand: {}
    cpu: {target: 70%}
    latency: {p99: 2s}
    external: [{name: lag, promql: sum(queue_lag), target: 100}]
  capacity: {hint: 400rps, workers: 16}
  limits: {enforce: false, fleet: "off", criticality: {critical: 2, sheddable: 0.5}, quotaFloor: 0.5}
  behavior:
    scaleUp: {selectPolicy: Min, tolerance: 0.2}
    scaleDown: {stabilizationWindowSeconds: 120, policies: [{type: Pods, value: 2, periodSeconds: 60}]}
  forecast: {enabled: true, season: 7d}
  schedule: [{cron: "0 8 * * mon-fri", timeZone: Europe/Paris, duration: 2h, minReplicas: 6}]
  metrics: {scrape: 5s, source: pods, prometheusURL: "http://127.0.0.1:9090"}
)");
  ASSERT_EQ(documents.governors.size(), 1u);
  const Governor& governor = documents.governors[0];
  EXPECT_EQ(governor.name, "g");
  EXPECT_EQ(governor.target.api_version, "flyball.io/v1alpha1");
  EXPECT_EQ(governor.target.kind, "App");
  EXPECT_EQ(governor.target.name, "shop");
  EXPECT_EQ(governor.mode, Governor::Mode::kObserve);
  EXPECT_TRUE(governor.paused);
  EXPECT_DOUBLE_EQ(governor.target_utilization, 0.75);
  EXPECT_EQ(governor.slo.latency, milliseconds(100));
  EXPECT_EQ(governor.slo.percentile, 95);
  EXPECT_EQ(governor.slo.availability, 99.5);
  EXPECT_EQ(governor.replicas.min, 3);
  EXPECT_EQ(governor.replicas.max, 30);
  EXPECT_EQ(governor.replicas.startup, seconds(20));
  EXPECT_EQ(governor.replicas.fallback, 4);
  EXPECT_DOUBLE_EQ(governor.cpu_target.value(), 0.7);
  EXPECT_EQ(governor.capacity_hint_rps, 400);
  EXPECT_EQ(governor.workers, 16);
  EXPECT_FALSE(governor.enforce_limits);
  EXPECT_FALSE(governor.fleet_ceiling);
  EXPECT_EQ(governor.weights.critical, 2);
  EXPECT_EQ(governor.weights.normal, 1);
  EXPECT_EQ(governor.weights.sheddable, 0.5);
  EXPECT_EQ(governor.quota_floor, 0.5);
  EXPECT_EQ(governor.scale_up.select, ScalingRules::Select::kMin);
  EXPECT_EQ(governor.scale_up.tolerance, 0.2);
  EXPECT_FALSE(governor.scale_up.stabilization_window.has_value());
  EXPECT_EQ(governor.scale_down.stabilization_window, seconds(120));
  ASSERT_EQ(governor.scale_down.policies.size(), 1u);
  EXPECT_EQ(governor.scale_down.policies[0].type, ScalingPolicy::Type::kPods);
  EXPECT_EQ(governor.scale_down.policies[0].value, 2);
  EXPECT_EQ(governor.scale_down.policies[0].period, seconds(60));
  EXPECT_EQ(governor.latency->quantile, 0.99);
  EXPECT_EQ(governor.latency->target, seconds(2));
  ASSERT_EQ(governor.external.size(), 1u);
  EXPECT_EQ(governor.external[0].name, "lag");
  EXPECT_EQ(governor.external[0].promql, "sum(queue_lag)");
  EXPECT_EQ(governor.external[0].target, 100);
  EXPECT_EQ(governor.prometheus_url, "http://127.0.0.1:9090");
  EXPECT_TRUE(governor.forecast.enabled);
  EXPECT_EQ(governor.forecast.season, std::chrono::hours(24 * 7));
  ASSERT_EQ(governor.schedule.size(), 1u);
  EXPECT_EQ(governor.schedule[0].cron.text(), "0 8 * * mon-fri");
  EXPECT_EQ(governor.schedule[0].time_zone, "Europe/Paris");
  EXPECT_EQ(governor.schedule[0].duration, std::chrono::hours(2));
  EXPECT_EQ(governor.schedule[0].min_replicas, 6);
  EXPECT_EQ(governor.scrape, seconds(5));
}

TEST(ReadGovernor, AProgramOfOtherPeopleByItsOwnMetrics) {
  const Documents documents = ReadGood(R"(
apiVersion: flyball.io/v1alpha1
kind: Governor
metadata: {name: g}
spec:
  targetRef: {kind: Deployment, name: prometheus}
  replicas: {max: 5}
  signals:
    demand:
      requests: prometheus_http_requests_total{handler="/api/v1/query"}
      latency: prometheus_http_request_duration_seconds{handler="/api/v1/query"}
      inFlight: prometheus_engine_queries
      shed: 'prometheus_http_requests_total{handler="/api/v1/query",code=~"503|429"}'
  metrics: {source: prometheus, prometheusURL: "http://127.0.0.1:9090", port: 9090, path: "/m?x=1", podLabel: instance}
)");
  const Governor& governor = documents.governors.at(0);
  EXPECT_EQ(governor.target.api_version, "apps/v1");
  EXPECT_EQ(governor.target.kind, "Deployment");
  EXPECT_FALSE(governor.enforce_limits || governor.fleet_ceiling);  // nobody there obeys them
  ASSERT_TRUE(governor.demand);
  EXPECT_EQ(ToPromQL(governor.demand->requests), R"(prometheus_http_requests_total{handler="/api/v1/query"})");
  EXPECT_EQ(governor.demand->latency->name, "prometheus_http_request_duration_seconds");
  EXPECT_EQ(governor.demand->in_flight->name, "prometheus_engine_queries");
  ASSERT_EQ(governor.demand->shed->matchers.size(), 2u);
  EXPECT_EQ(governor.demand->shed->matchers[1].op, LabelMatcher::Op::kMatch);
  EXPECT_EQ(governor.metrics.kind, MetricsSource::Kind::kPrometheus);
  EXPECT_EQ(governor.metrics.port, 9090);
  EXPECT_EQ(governor.metrics.path, "/m?x=1");
  EXPECT_EQ(governor.metrics.pod_label, "instance");
}

TEST(ReadGovernor, DefaultsAreSafe) {
  const Documents documents = ReadGood(
      "apiVersion: flyball.io/v1alpha1\nkind: Governor\nmetadata: {name: g}\n"
      "spec: {targetRef: {kind: App, name: x}, replicas: {max: 3}}\n");
  const Governor& governor = documents.governors.at(0);
  EXPECT_EQ(governor.mode, Governor::Mode::kEnforce);
  EXPECT_EQ(governor.replicas.min, 1);
  EXPECT_TRUE(governor.enforce_limits && governor.fleet_ceiling && !governor.paused);
}

TEST(Read, SeveralFilesAreOneStream) {
  const std::string app =
      "apiVersion: flyball.io/v1alpha1\nkind: App\nmetadata: {name: a}\nspec: {resources: {t: "
      "{fields: {x: {type: string}}}}}\n";
  const std::string governor =
      "# with a comment\n---\napiVersion: flyball.io/v1alpha1\nkind: Governor\nmetadata: "
      "{name: g}\nspec: {targetRef: {kind: App, name: b}, replicas: {max: 3}}\n...\n";
  const Documents documents = Read({{"a.yaml", app}, {"g.yaml", governor}});
  ASSERT_EQ(documents.problems.size(), 1u);
  EXPECT_EQ(Format(documents.problems[0]),
            "g.yaml:6:37: spec.targetRef names App 'b', which these documents do not "
            "hold; expected 'a'");
  EXPECT_TRUE(Read({{"g.yaml", governor}}).ok());  // the App may be in the cluster already
}

TEST(Read, WindowsFilesAndByteOrderMarks) {
  const Documents documents = Read({{"w.yaml", "\xEF\xBB\xBFkind: App\r\nmetadata: {name: \xC3\xA9, x: 1}\r\n"}});
  std::vector<std::string> problems;
  for (const Problem& problem : documents.problems) problems.push_back(Format(problem));
  EXPECT_EQ(problems, (std::vector<std::string>{
                          "w.yaml:1:1: apiVersion is missing; write apiVersion: flyball.io/v1alpha1",
                          "w.yaml:1:1: spec is missing; write spec: with what the kind needs",
                          "w.yaml:2:18: metadata.name must be a DNS label, not the text '\xC3\xA9'; write up to 63 "
                          "lower-case letters, digits and '-', as in tasks",
                          "w.yaml:2:21: unknown key 'x' in metadata; expected 'name', 'namespace', 'labels', "
                          "'annotations'"}));
}

TEST(ProblemAt, FindsWhereAFieldIsDeclared) {
  const std::vector<Source> sources = {{"g.yaml", "kind: Governor\nspec: {resources: {tasks: {}}}\n"},
                                       {"a.yaml",
                                        "kind: App\nspec:\n  resources:\n    users: {fields: {}}\n    tasks:\n      "
                                        "fields:\n        due: {type: date}\n"}};
  EXPECT_EQ(Format(*ProblemAt(sources, "tasks", "due", "does not fit")), "a.yaml:7:9: does not fit");
  EXPECT_EQ(Format(*ProblemAt(sources, "tasks", "version", "does not fit")), "a.yaml:5:5: does not fit");
  EXPECT_FALSE(ProblemAt(sources, "notes", "due", "does not fit"));
  EXPECT_FALSE(ProblemAt({{"bad.yaml", "kind: ["}, {"b.yaml", "kind: App\n"}}, "tasks", "due", ""));
}

TEST(Format, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(Format({"a.yaml", 12, 7, "unknown key 'feilds'", "did you mean 'fields'?"}),
            "a.yaml:12:7: unknown key 'feilds'; did you mean 'fields'?");
  EXPECT_EQ(Format({"a.yaml", 0, 0, "the file does not exist", ""}), "a.yaml: the file does not exist");
}

}  // namespace
}  // namespace flyball::spec
