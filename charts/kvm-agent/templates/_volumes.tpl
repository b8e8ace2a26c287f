{{- define "kvm-agent.volumeMounts" -}}
- name: image
  mountPath: {{ .Values.imageVolume.dir }}
- name: vm
  mountPath: {{ .Values.vm.dir }}
{{- if include "kvm-agent.fileSources" . | fromYamlArray }}
- name: files
  mountPath: /etc/kvm-agent
  readOnly: true
{{- end }}
{{- range $index, $directory := include "kvm-agent.sshKeyDirs" . | fromJsonArray }}
- name: ssh-keys-{{ $index }}
  mountPath: {{ $directory }}
  readOnly: true
{{- end }}
{{- if .Values.coordinator.url }}
- name: link-token
  mountPath: /var/run/secrets/kvm-agent
  readOnly: true
{{- end }}
{{- if .Values.tun.hostPath }}
- name: tun
  mountPath: /dev/net/tun
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "kvm-agent.volumes" -}}
{{- $full := include "kvm-agent.fullname" . -}}
- name: image
  {{- with .Values.imageVolume }}
  {{- if .hostPath }}
  hostPath:
    path: {{ .hostPath }}
    type: DirectoryOrCreate
  {{- else if .emptyDir }}
  emptyDir: {}
  {{- else }}
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-image" $full) .existingClaim }}
  {{- end }}
  {{- end }}
{{- if .Values.vmVolume.existingClaim }}
- name: vm
  persistentVolumeClaim:
    claimName: {{ .Values.vmVolume.existingClaim }}
{{- else if .Values.vmVolume.emptyDir }}
- name: vm
  emptyDir: {}
{{- end }}
{{- with include "kvm-agent.fileSources" . | fromYamlArray }}
- name: files
  projected:
    defaultMode: 0400
    sources:
      {{- toYaml . | nindent 6 }}
{{- end }}
{{- range $index, $secret := .Values.configDrive.sshKeySecrets }}
- name: ssh-keys-{{ $index }}
  secret:
    secretName: {{ $secret }}
    defaultMode: 0400
{{- end }}
{{- if .Values.coordinator.url }}
- name: link-token
  projected:
    sources:
      - serviceAccountToken:
          audience: {{ .Values.coordinator.audience | quote }}
          expirationSeconds: 3600
          path: token
{{- end }}
{{- if .Values.tun.hostPath }}
- name: tun
  hostPath:
    path: /dev/net/tun
    type: CharDevice
{{- end }}
{{- range .Values.blockVolumes }}
{{- if .existingClaim }}
- name: block-{{ .name }}
  persistentVolumeClaim:
    claimName: {{ .existingClaim }}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Claims that the StatefulSet makes; they stay when it goes. */}}
{{- define "kvm-agent.claimTemplates" -}}
{{- $claims := list -}}
{{- with .Values.vmVolume -}}
{{- if not (or .existingClaim .emptyDir) -}}
{{- $claims = append $claims (merge (dict "volume" "vm" "mode" "Filesystem") .) -}}
{{- end -}}
{{- end -}}
{{- range .Values.blockVolumes -}}
{{- if not .existingClaim }}{{ $claims = append $claims (merge (dict "volume" (printf "block-%s" .name) "mode" "Block") .) }}{{ end -}}
{{- end -}}
{{- range $index, $claim := $claims }}
{{- if $index }}
{{ end -}}
{{- with $claim -}}
- metadata:
    name: {{ .volume }}
  spec:
    accessModes: [{{ default "ReadWriteOnce" .accessMode }}]
    volumeMode: {{ .mode }}
    {{- with include "kvm-agent.storageClass" .storageClass }}
    {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .size }}
{{- end }}
{{- end }}
{{- end -}}
