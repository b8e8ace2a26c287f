{{/* 50 characters: with "-0" it is the guest's host name, and with a revision's hash a label, which ends at 63. */}}
{{- define "kvm-agent.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "kvm-agent.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Not for pods and claim templates: the version in them would restart the VM, or be refused. */}}
{{- define "kvm-agent.labels" -}}
{{ include "kvm-agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Takes a storage class as the values have it. */}}
{{- define "kvm-agent.storageClass" -}}
{{- if . }}storageClassName: {{ ternary "" . (eq . "-") | quote }}{{ end -}}
{{- end -}}
