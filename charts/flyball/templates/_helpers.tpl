{{- define "flyball.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "flyball.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "flyball.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "flyball.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "flyball.selector" -}}
app.kubernetes.io/name: {{ include "flyball.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "flyball.labels" -}}
{{ include "flyball.selector" . }}
app.kubernetes.io/part-of: flyball
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "flyball.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "flyball.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (printf "%s-autoscaler" (include "flyball.fullname" .)) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- /* The Secrets that hold the URLs; empty when there is neither an existing one nor a trial. */ -}}
{{- define "flyball.databaseSecret" -}}
{{- if .Values.database.existingSecret }}{{ .Values.database.existingSecret }}
{{- else if .Values.trial.enabled }}{{ include "flyball.fullname" . }}-postgresql{{ end }}
{{- end }}
{{- define "flyball.redisSecret" -}}
{{- if .Values.redis.existingSecret }}{{ .Values.redis.existingSecret }}
{{- else if .Values.trial.enabled }}{{ include "flyball.fullname" . }}-redis{{ end }}
{{- end }}

{{- define "flyball.trialDatabase" -}}
{{- if and .Values.trial.enabled (not .Values.database.existingSecret) }}yes{{ end }}
{{- end }}
{{- define "flyball.trialRedis" -}}
{{- if and .Values.trial.enabled (not .Values.redis.existingSecret) }}yes{{ end }}
{{- end }}

{{- /* The Pod Security Standard "restricted". */ -}}
{{- define "flyball.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "flyball.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
