{{/*
The files that the agent reads, all in one projected volume below /etc/kvm-agent: by name, the variable that tells the agent of it and
where it comes from. Inline text goes to a Secret, as any of it may be one.
*/}}
{{- define "kvm-agent.files" -}}
{{- dict
    "ca.crt" (dict "env" "IMG_CA_FILE" "from" .Values.image.caFile "as" "image.caFile")
    "headers" (dict "env" "IMG_HEADERS_FILE" "from" .Values.image.headersFile "as" "image.headersFile")
    "registry-auth.json" (dict "env" "REGISTRY_AUTH_FILE" "from" .Values.image.registryAuthFile "as" "image.registryAuthFile")
    "tls.crt" (dict "env" "IMG_CLIENT_CERT_FILE" "from" .Values.image.clientCertFile "as" "image.clientCertFile")
    "tls.key" (dict "env" "IMG_CLIENT_KEY_FILE" "from" .Values.image.clientKeyFile "as" "image.clientKeyFile")
    "coordinator-ca.crt" (dict "env" "COORDINATOR_CA_FILE" "from" .Values.coordinator.ca "as" "coordinator.ca")
    "metadata" (dict "env" "METADATA_FILE" "from" .Values.configDrive.metadata "as" "configDrive.metadata")
    "userdata" (dict "env" "USERDATA_FILE" "from" .Values.configDrive.userdata "as" "configDrive.userdata")
    "vendordata" (dict "env" "VENDORDATA_FILE" "from" .Values.configDrive.vendordata "as" "configDrive.vendordata")
    "networkdata" (dict "env" "NETWORKDATA_FILE" "from" .Values.configDrive.networkdata "as" "configDrive.networkdata")
    | toJson -}}
{{- end -}}

{{/* Directories beside that volume: whatever keys a Secret has become files there. */}}
{{- define "kvm-agent.sshKeyDirs" -}}
{{- $directories := list -}}
{{- range .Values.configDrive.sshKeySecrets }}{{ $directories = append $directories (printf "/etc/kvm-agent-ssh-keys/%s" .) }}{{ end -}}
{{- $directories | toJson -}}
{{- end -}}

{{/* Empty where VNC asks for none. */}}
{{- define "kvm-agent.vncSecret" -}}
{{- if and .Values.vnc.enabled (ne .Values.vnc.password "none") -}}
{{- default (printf "%s-vnc" (include "kvm-agent.fullname" .)) .Values.vnc.passwordSecret.name -}}
{{- end -}}
{{- end -}}

{{- define "kvm-agent.vncSecretKey" -}}
{{- ternary .Values.vnc.passwordSecret.key "password" (ne .Values.vnc.passwordSecret.name "") -}}
{{- end -}}

{{/* The sources of the projected volume. */}}
{{- define "kvm-agent.fileSources" -}}
{{- $full := include "kvm-agent.fullname" . -}}
{{- range $name, $file := include "kvm-agent.files" . | fromJson }}
{{- with $file.from }}
{{- if .value }}
- secret:
    name: {{ $full }}-files
    items: [{key: {{ $name }}, path: {{ $name }}}]
{{- else if .secret }}
- secret:
    name: {{ .secret }}
    items: [{key: {{ .key }}, path: {{ $name }}}]
{{- else if .configMap }}
- configMap:
    name: {{ .configMap }}
    items: [{key: {{ .key }}, path: {{ $name }}}]
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.specFile }}
- configMap:
    name: {{ $full }}-spec
    items: [{key: spec.yaml, path: spec.yaml}]
{{- end }}
{{- with include "kvm-agent.vncSecret" . }}
- secret:
    name: {{ . }}
    items: [{key: {{ include "kvm-agent.vncSecretKey" $ }}, path: vnc-password}]
{{- end }}
{{- end -}}
