{{/* The agent's settings as variables; those that say nothing are left out. A test holds the list equal to the agent's. */}}
{{- define "kvm-agent.env" -}}
{{- $v := .Values -}}
{{- $settings := list
    (list "IMG_SOURCE" $v.image.source)
    (list "IMG_TARGET" $v.image.target)
    (list "IMG_CHECKSUM" $v.image.checksum)
    (list "IMG_ALLOW_ADDRESS" (join "," $v.image.allowAddress))
    (list "IMG_CONNECTIONS" $v.image.connections)
    (list "IMG_INSECURE_TLS" (ternary "true" "" $v.image.insecureTls))
    (list "IMG_S3_ENDPOINT" $v.image.s3.endpoint)
    (list "IMG_S3_REGION" $v.image.s3.region)
    (list "VM_NAME" $v.vm.name)
    (list "VM_CPUS" $v.vm.cpus)
    (list "VM_CPU_MODEL" $v.vm.cpuModel)
    (list "VM_MEMORY" $v.vm.memory)
    (list "VM_DISK_SIZE" $v.disk.size)
    (list "VM_DISK_BUS" $v.disk.bus)
    (list "VM_DISK_CACHE" $v.disk.cache)
    (list "VM_DISK_IO" $v.disk.io)
    (list "VM_CDROM" $v.vm.cdrom)
    (list "VM_ACCEL" $v.vm.accel)
    (list "VM_MACHINE" $v.vm.machine)
    (list "VM_FIRMWARE" $v.vm.firmware)
    (list "VM_MAC" $v.nic.mac)
    (list "VM_NIC_MODEL" $v.nic.model)
    (list "VM_IP" $v.network.ip)
    (list "VM_GW" $v.network.gateway)
    (list "VM_IP6" $v.network.ip6)
    (list "POD_PORTS" (join "," $v.network.podPorts))
    (list "NO_VNC" (ternary "" "1" $v.vnc.enabled))
    (list "VNC_PASSWORD_FILE" (ternary "/etc/kvm-agent/vnc-password" "" (ne "" (include "kvm-agent.vncSecret" .))))
    (list "VM_DISPLAY" $v.vm.display)
    (list "CONFIG_DRIVE" $v.configDrive.format)
    (list "SSH_KEY_DIRS" (include "kvm-agent.sshKeyDirs" . | fromJsonArray | join ","))
    (list "IMAGE_DIR" $v.imageVolume.dir)
    (list "VM_DIR" $v.vm.dir)
    (list "RUN_DIR" $v.runDir)
    (list "VM_SPEC_FILE" (ternary "/etc/kvm-agent/spec.yaml" "" (gt (len $v.specFile) 0)))
    (list "GRACE_PERIOD" $v.gracePeriod)
    (list "VM_ON_POWEROFF" $v.vm.onPoweroff)
    (list "VM_START_PAUSED" (ternary "true" "" $v.vm.startPaused))
    (list "QEMU_ARGS" $v.qemuArgs)
    (list "LOG_FORMAT" $v.log.format)
    (list "LOG_LEVEL" $v.log.level)
    (list "COORDINATOR_URL" $v.coordinator.url)
    (list "COORDINATOR_TOKEN_FILE" (ternary "/var/run/secrets/kvm-agent/token" "" (ne "" $v.coordinator.url))) -}}
{{- range $name, $file := include "kvm-agent.files" . | fromJson -}}
{{- $mounted := or $file.from.value $file.from.secret $file.from.configMap -}}
{{- $settings = append $settings (list $file.env (ternary (printf "/etc/kvm-agent/%s" $name) $file.from.path (not (empty $mounted)))) -}}
{{- end -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- if $v.coordinator.url }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
{{- end }}
{{- with $v.image.credentials }}{{ if .secret }}
- name: IMG_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: {{ .accessKeyIdKey }}}
- name: IMG_SECRET_KEY
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: {{ .secretKeyKey }}}
{{- end }}{{ end }}
{{- range $setting := $settings }}
{{- with include "kvm-agent.text" (index $setting 1) }}
- name: {{ index $setting 0 }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- with $v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
