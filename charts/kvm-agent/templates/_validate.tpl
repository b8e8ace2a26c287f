{{/*
What no single value is wrong about and what would leave a pod that never comes up. All errors at once; what the agent itself finds wrong
with its settings is left to it.
*/}}
{{- define "kvm-agent.validate" -}}
{{- $v := .Values -}}
{{- $errors := list -}}

{{- $spec := $v.specFile -}}
{{- $boot := or $v.image.source $v.image.target $v.vm.cdrom
    (dig "image" "source" "" $spec) (dig "image" "target" "" $spec) $spec.cdrom $spec.disks -}}
{{- range $v.blockVolumes }}{{ if eq .name "root" }}{{ $boot = true }}{{ end }}{{ end -}}
{{- range $v.extraEnv }}{{ if has .name (list "IMG_SOURCE" "IMG_TARGET" "VM_CDROM") }}{{ $boot = true }}{{ end }}{{ end -}}
{{- if not $boot -}}
{{- $errors = append $errors "there is nothing to boot from: set image.source to the URL or full path of an image, image.target to a base that is on the image volume, vm.cdrom (with disk.size) to install from an ISO, disks in specFile, or a block volume named root" -}}
{{- end -}}

{{- if and (eq (include "kvm-agent.accel" .) "kvm") (not $v.kvm.enabled) (not $v.privileged) -}}
{{- $errors = append $errors "vm.accel=kvm, but an unprivileged pod has no /dev/kvm: set kvm.enabled=true where a device plugin offers kvm.resource, or privileged=true" -}}
{{- end -}}
{{- if and $v.kvm.enabled (not $v.kvm.resource) (not $v.privileged) -}}
{{- $errors = append $errors "kvm.enabled=true with an empty kvm.resource: name the device plugin's resource, such as devices.kubevirt.io/kvm, or set privileged=true" -}}
{{- end -}}

{{- range include "kvm-agent.files" . | fromJson -}}
{{- $given := list -}}
{{- range $key, $value := pick .from "value" "configMap" "secret" "path" }}{{ if $value }}{{ $given = append $given $key }}{{ end }}{{ end -}}
{{- if gt (len $given) 1 -}}
{{- $errors = append $errors (printf "%s has more than one source (%s): leave one" .as (join ", " $given)) -}}
{{- end -}}
{{- end -}}

{{- if gt (len $v.vnc.password) 8 -}}
{{- $errors = append $errors (printf "vnc.password has %d bytes: VNC takes 8 at most" (len $v.vnc.password)) -}}
{{- end -}}
{{- if and $v.vnc.password $v.vnc.passwordSecret.name -}}
{{- $errors = append $errors "vnc.password and vnc.passwordSecret.name are both set: leave one" -}}
{{- end -}}
{{- if and $v.service.vnc (not $v.vnc.enabled) -}}
{{- $errors = append $errors "service.vnc=true, but there is no VNC: set vnc.enabled=true" -}}
{{- end -}}
{{- if $spec.vnc -}}
{{- $errors = append $errors "specFile.vnc is the chart's to decide: set vnc.enabled, vnc.password or vnc.passwordSecret" -}}
{{- end -}}
{{- $ca := list -}}
{{- range $key, $value := pick $v.coordinator.ca "value" "configMap" "secret" "path" }}{{ if $value }}{{ $ca = append $ca $key }}{{ end }}{{ end -}}
{{- if and $ca (not $v.coordinator.url) -}}
{{- $errors = append $errors (printf "coordinator.ca.%s is set, but there is no coordinator: set coordinator.url" (first $ca)) -}}
{{- end -}}
{{- if $spec.coordinator -}}
{{- $errors = append $errors "specFile.coordinator is the chart's to decide, as the token belongs to it: set coordinator.url and coordinator.ca" -}}
{{- end -}}
{{- if and $v.configDrive.sshKeySecrets (eq $v.configDrive.format "none") -}}
{{- $errors = append $errors "configDrive.sshKeySecrets is set, but configDrive.format=none leaves no way to hand the keys over: set it to openstack or nocloud" -}}
{{- end -}}
{{- if not (or (eq $v.service.type "Headless") $v.service.ports $v.service.vnc) -}}
{{- $errors = append $errors (printf "service.type=%s needs service.ports; only a Headless one does without" $v.service.type) -}}
{{- end -}}

{{- $image := 0 -}}
{{- range list $v.imageVolume.existingClaim $v.imageVolume.hostPath $v.imageVolume.emptyDir }}{{ if . }}{{ $image = add1 $image }}{{ end }}{{ end -}}
{{- if gt (int $image) 1 -}}
{{- $errors = append $errors "imageVolume has more than one of existingClaim, hostPath and emptyDir: leave one" -}}
{{- end -}}
{{- if and $v.vmVolume.existingClaim $v.vmVolume.emptyDir -}}
{{- $errors = append $errors "vmVolume has both existingClaim and emptyDir: leave one" -}}
{{- end -}}
{{- range $v.blockVolumes -}}
{{- if not (or .existingClaim .size) -}}
{{- $errors = append $errors (printf "the block volume %s needs an existingClaim or a size" .name) -}}
{{- end -}}
{{- end -}}

{{- if $errors }}{{ fail (printf "\n- %s" (join "\n- " $errors)) }}{{ end -}}
{{- end -}}
