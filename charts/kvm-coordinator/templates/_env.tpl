{{/* key=value, by commas. */}}
{{- define "kvm-coordinator.pairs" -}}
{{- $pairs := list -}}
{{- range $key, $value := . }}{{ $pairs = append $pairs (printf "%s=%v" $key $value) }}{{ end -}}
{{- join "," $pairs -}}
{{- end -}}

{{/* The coordinator's settings as variables; those that say nothing are left out. A test holds the list equal to the coordinator's. */}}
{{- define "kvm-coordinator.env" -}}
{{- $v := .Values -}}
{{- $full := include "kvm-coordinator.fullname" . -}}
{{- $uploads := ternary (list (printf "%s-upload.%s.svc" $full .Release.Namespace)) list (ne (int $v.imports.concurrency) 0) -}}
{{- $settings := list
    (list "AGENT_IMAGE" (printf "%s:%s" $v.agent.image.repository (default .Chart.AppVersion $v.agent.image.tag)))
    (list "AGENT_IMAGE_PULL_POLICY" $v.agent.image.pullPolicy)
    (list "AGENT_IMAGE_PULL_SECRETS" (join "," $v.agent.image.pullSecrets))
    (list "KVM_RESOURCE" $v.vm.kvmResource)
    (list "TUN_RESOURCE" $v.vm.tunResource)
    (list "SYSCTL_IP_FORWARD" (ternary "true" "" $v.vm.sysctlIpForward))
    (list "HOST_DISK_PATHS" (join "," $v.vm.hostDiskPaths))
    (list "VM_NODE_SELECTOR" (include "kvm-coordinator.pairs" $v.vm.nodeSelector))
    (list "IMPORT_CONCURRENCY" (toString $v.imports.concurrency))
    (list "IMPORTER_REQUESTS" (include "kvm-coordinator.pairs" $v.imports.requests))
    (list "IMPORTER_LIMITS" (include "kvm-coordinator.pairs" $v.imports.limits))
    (list "UPLOAD_URL" $v.imports.uploadUrl)
    (list "AGENT_URL" (default (printf "https://%s-agents.%s.svc:%v" $full .Release.Namespace $v.listen.agentsPort) $v.agent.url))
    (list "AGENT_AUDIENCE" $v.agent.audience)
    (list "LISTEN_AGENTS" (printf "%s:%v" $v.listen.address $v.listen.agentsPort))
    (list "LISTEN_API" (printf "%s:%v" $v.listen.address $v.listen.apiPort))
    (list "LISTEN_MANAGEMENT" (printf "%s:%v" $v.listen.address $v.listen.managementPort))
    (list "LISTEN_HEALTH" (printf "%s:%v" $v.listen.address $v.listen.healthPort))
    (list "LISTEN_UPLOADS" (ternary (printf "%s:%v" $v.listen.address $v.listen.uploadPort) "" (ne (int $v.imports.concurrency) 0)))
    (list "TLS_SECRET" (include "kvm-coordinator.tlsSecret" .))
    (list "TLS_NAMES" (concat (list (printf "%s.%s.svc" $full .Release.Namespace) (printf "%s-agents.%s.svc" $full .Release.Namespace) (printf "%s-management.%s.svc" $full .Release.Namespace)) $uploads $v.tls.names | join ","))
    (list "WATCH_NAMESPACE" (join "," $v.watchNamespaces))
    (list "PROVIDER_ALLOW_ADDRESS" (join "," $v.providers.allowAddresses))
    (list "DATABASE_FILE" (ternary "/var/lib/kvm-coordinator/records.db" "" (eq $v.database.type "sqlite")))
    (list "DATABASE_CONNECTION_FILE" (ternary (printf "/etc/kvm-coordinator/database/%s" $v.database.postgresql.key) "" (eq $v.database.type "postgresql")))
    (list "EVENT_HISTORY_DAYS" (ternary (toString $v.database.eventHistoryDays) "" (ne $v.database.type "")))
    (list "OTEL_EXPORTER_OTLP_ENDPOINT" $v.traces.otlpEndpoint)
    (list "LOG_FORMAT" $v.log.format)
    (list "LOG_LEVEL" $v.log.level) -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- range $setting := $settings }}
{{- with index $setting 1 }}
- name: {{ index $setting 0 }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- with $v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
