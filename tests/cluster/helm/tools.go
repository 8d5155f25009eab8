//go:build tools

// Package helm pins the helm that the cluster tests build from its Go module.
package helm

import _ "helm.sh/helm/v3/cmd/helm"
