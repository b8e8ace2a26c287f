{{/*
What the agent needs to make a bridge, a tap, nft tables and a DHCP server, to make /dev/net/tun where it is not brought, and to start
QEMU as a user of its own. The guest's ports need no more: they never reach a socket of the pod.
*/}}
{{- define "kvm-agent.securityContext" -}}
{{- $context := dict "runAsUser" 0 "runAsNonRoot" false -}}
{{- if .Values.privileged -}}
{{- $_ := set $context "privileged" true -}}
{{- else -}}
{{- $capabilities := list "NET_ADMIN" "NET_RAW" "NET_BIND_SERVICE" "SETUID" "SETGID" "CHOWN" -}}
{{- if not (or .Values.tun.resource .Values.tun.hostPath) }}{{ $capabilities = append $capabilities "MKNOD" }}{{ end -}}
{{- $context = merge $context (dict
    "privileged" false
    "allowPrivilegeEscalation" false
    "capabilities" (dict "drop" (list "ALL") "add" $capabilities)
    "seccompProfile" (dict "type" "RuntimeDefault")) -}}
{{- end -}}
{{- mergeOverwrite $context (deepCopy .Values.securityContext) | toYaml -}}
{{- end -}}

{{- define "kvm-agent.podSecurityContext" -}}
{{- $sysctls := list -}}
{{- if .Values.sysctls.ipForward }}{{ $sysctls = append $sysctls (dict "name" "net.ipv4.ip_forward" "value" "1") }}{{ end -}}
{{- if .Values.sysctls.ip6Forward }}{{ $sysctls = append $sysctls (dict "name" "net.ipv6.conf.all.forwarding" "value" "1") }}{{ end -}}
{{- $context := dict -}}
{{- if $sysctls }}{{ $_ := set $context "sysctls" $sysctls }}{{ end -}}
{{- with mergeOverwrite $context (deepCopy .Values.podSecurityContext) }}{{ toYaml . }}{{ end -}}
{{- end -}}
