{{/*
Memory beside the guest's own, in MiB. The kernel's share is charged to the pod as well; page cache is not counted, it gives way.
  guest/512    page tables that map the guest: 8 bytes for each page of 4 KiB
  100          QEMU itself, its I/O thread, the screen
  8 per vCPU   stacks and state of the CPU threads
  64           the agent and dnsmasq
  64           a command of the agent's that a person runs by kubectl exec
  32           a SPICE screen: its picture, what it keeps of it to send, the channels
  256          unless KVM is demanded: QEMU's cache of translated code, touched as it fills; auto may fall back to it
*/}}
{{- define "kvm-agent.overhead" -}}
{{- add (divf .guest 512 | ceil) 100 (mul 8 .cpus) 64 64 (ternary 32 0 (eq .display "spice")) (ternary 0 256 (eq .accel "kvm")) -}}
{{- end -}}

{{/* As the agent counts: VM_CPUS, else cpu.count, else sockets x cores x threads. */}}
{{- define "kvm-agent.cpus" -}}
{{- $cpu := dig "cpu" dict .Values.specFile -}}
{{- $topology := mul (default 1 $cpu.sockets) (default 1 $cpu.cores) (default 1 $cpu.threads) -}}
{{- include "kvm-agent.effective" (list .Values.vm.cpus $cpu.count $topology) -}}
{{- end -}}

{{- define "kvm-agent.accel" -}}
{{- include "kvm-agent.effective" (list .Values.vm.accel (dig "machine" "accel" "" .Values.specFile) "auto") -}}
{{- end -}}

{{- define "kvm-agent.display" -}}
{{- include "kvm-agent.effective" (list .Values.vm.display (dig "display" "" .Values.specFile) "vnc") -}}
{{- end -}}

{{- define "kvm-agent.resources" -}}
{{- $spec := .Values.specFile -}}
{{- $cpus := include "kvm-agent.cpus" . | int64 -}}
{{- $guest := include "kvm-agent.effective" (list .Values.vm.memory (dig "memory" "size" "" $spec) "1Gi")
    | include "kvm-agent.mebibytes" | int64 -}}
{{- $overhead := include "kvm-agent.overhead" (dict "guest" $guest "cpus" $cpus "accel" (include "kvm-agent.accel" .) "display" (include "kvm-agent.display" .)) -}}
{{- $limits := dict "memory" (printf "%dMi" (add $guest $overhead)) -}}
{{- /* Huge pages are an account of their own. */ -}}
{{- with dig "memory" "hugepages" "" $spec -}}
{{- $limits = dict "memory" (printf "%sMi" $overhead) (printf "hugepages-%s" .) (printf "%dMi" $guest) -}}
{{- end -}}
{{- if and .Values.kvm.enabled .Values.kvm.resource }}{{ $_ := set $limits .Values.kvm.resource "1" }}{{ end -}}
{{- with .Values.tun.resource }}{{ $_ := set $limits . "1" }}{{ end -}}
{{- $limits = mergeOverwrite $limits (deepCopy .Values.resources.limits) -}}
{{- $requests := dict "cpu" (printf "%dm" (mul 100 $cpus)) "memory" $limits.memory -}}
{{- $requests = mergeOverwrite $requests (deepCopy .Values.resources.requests) -}}
{{- dict "limits" $limits "requests" $requests | toYaml -}}
{{- end -}}
