{{/* 50 characters: with "-agents" it is a Service's name, which ends at 63. */}}
{{- define "kvm-coordinator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "kvm-coordinator.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kvm-coordinator.labels" -}}
{{ include "kvm-coordinator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "kvm-coordinator.tlsSecret" -}}
{{- default (printf "%s-tls" (include "kvm-coordinator.fullname" .)) .Values.tls.secret -}}
{{- end -}}

{{/* The aggregated APIs, each as group and version. */}}
{{- define "kvm-coordinator.apis" -}}
{{- $apis := list (dict "group" "subresources.kubevirt.io" "version" "v1") (dict "group" "subresources.kubevirt.io" "version" "v1alpha3") -}}
{{- if .Values.imports.concurrency }}{{ $apis = append $apis (dict "group" "upload.cdi.kubevirt.io" "version" "v1beta1") }}{{ end -}}
{{- $apis | toJson -}}
{{- end -}}

{{/* Whether a file's kind is the coordinator's to have: an importer's own are left to it where it is there. */}}
{{- define "kvm-coordinator.hasKind" -}}
{{- if or .root.Values.imports.concurrency (not (contains "cdi.kubevirt.io" .path)) -}}true{{- end -}}
{{- end -}}
