// The names that the operator, the pods it makes, the chart and people agree on.
#pragma once

#include <cstdint>
#include <string_view>

namespace flyball::service::app_operator {

// Who writes; the field manager of everything the operator applies.
inline constexpr std::string_view kFieldManager = "flyball-operator";
inline constexpr std::string_view kLeaseName = "flyball-autoscaler";  // of the leader election, in the controller's
                                                                      // namespace

// An App's objects are named as the App: Deployment, Service (port 80, "http"), ConfigMap, PodDisruptionBudget.
// Its signing key is a Secret of its own, "NAME-jwt", made when there is none; key "key".
inline constexpr std::string_view kKeySecretSuffix = "-jwt";
inline constexpr std::string_view kKeySecretKey = "key";

// Labels of all of them, and of the pods.
inline constexpr std::string_view kAppLabel = "flyball.io/app";  // the App's name; what Service and Deployment select
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedBy = "flyball";
inline constexpr std::string_view kNameLabel = "app.kubernetes.io/name";  // the App's name
inline constexpr std::string_view kPartOfLabel = "app.kubernetes.io/part-of";
// On the pod template: SHA-256 of what the pods read of the documents, so that a change rolls out.
inline constexpr std::string_view kChecksumAnnotation = "flyball.io/document-checksum";
// On each object: SHA-256 of what was applied.
inline constexpr std::string_view kAppliedAnnotation = "flyball.io/applied";

// The container of a pod: command "flyball-api /etc/flyball/app/app.yaml".
inline constexpr std::string_view kContainer = "api";
inline constexpr std::string_view kDocumentKey =
    "app.yaml";  // in the ConfigMap: the App and the Governor that targets it
inline constexpr std::string_view kDocumentFolder = "/etc/flyball/app";
inline constexpr std::string_view kKeyFolder = "/etc/flyball/keys";  // the Secret NAME-jwt
inline constexpr std::string_view kDataFolder = "/var/lib/flyball";  // emptyDir
inline constexpr uint16_t kApiPort = 8080;                           // "http"
inline constexpr uint16_t kAdminPort = 9090;                         // "admin": /metrics, /healthz, /readyz
inline constexpr int kUser = 65532;

// Environment of the container (pkg/spec/app.h: kOperatorEnv), each the flag of flyball-api of that name:
//   FLYBALL_POD            the pod's name                  FLYBALL_DATABASE       from deploy.database or
//   --database-secret FLYBALL_DATA           kDataFolder                     FLYBALL_REDIS          from deploy.redis
//   or --redis-secret FLYBALL_HOST           0.0.0.0                         FLYBALL_PORT           kApiPort
//   FLYBALL_ADMIN_HOST     0.0.0.0                         FLYBALL_ADMIN_PORT     kAdminPort
//   FLYBALL_JWT_KEY_FILE   kKeyFolder/key
//   FLYBALL_DRAIN_DELAY    5s                              FLYBALL_DRAIN_TIMEOUT  30s
// Without a database Secret the pod keeps its data in SQLite in an emptyDir; more than one replica is refused then.
// Without a Redis Secret FLYBALL_REDIS is "none".
inline constexpr int kDrainDelaySeconds = 5;  // endpoints forget a pod in about a second
inline constexpr int kDrainTimeoutSeconds = 30;
inline constexpr int kGraceSeconds = 45;  // > both together

// Reason in the status of an App whose replicas could not share its data: nobody may make more of them.
inline constexpr std::string_view kNoSharedDatabase = "NoSharedDatabase";

// Secrets that hold URLs do so under this key unless said otherwise.
inline constexpr std::string_view kSecretUrlKey = "url";

}  // namespace flyball::service::app_operator
