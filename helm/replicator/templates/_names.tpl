{{- define "replicator.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "replicator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "replicator.labels" -}}
{{ include "replicator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "replicator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "replicator.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "replicator.name" .) -}}
{{- end -}}

{{/* The configuration file: what the chart decides (service.yaml) over what the values say. */}}
{{- define "replicator.config" -}}
{{- $decided := .Files.Get "service.yaml" | fromYaml -}}
{{- if .Values.token.existingSecret -}}
{{- $_ := set $decided.api "token_file" "/run/secrets/replicator/token" -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $decided) -}}
{{- end -}}

{{/* Seconds until SIGKILL: the longest stop of a pipeline, and time to answer the last requests and to close. */}}
{{- define "replicator.graceSeconds" -}}
{{- $default := dig "limits" "stop_seconds_max" 20 .Values.config -}}
{{- $longest := ceil $default -}}
{{- range .Values.config.pipelines -}}
{{- $longest = maxf $longest (ceil (dig "limits" "stop_seconds_max" $default .)) -}}
{{- end -}}
{{- add (int $longest) 20 -}}
{{- end -}}
