{{/* Helm reads numbers as floats and would print 1e+09. */}}
{{- define "kvm-agent.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else if not (kindIs "invalid" .) }}{{ . }}{{ end -}}
{{- end -}}

{{/* What holds for a setting, as the agent decides: (value, spec file's value, the agent's default). */}}
{{- define "kvm-agent.effective" -}}
{{- $texts := list -}}
{{- range . }}{{ $texts = append $texts (include "kvm-agent.text" .) }}{{ end -}}
{{- coalesce (index $texts 0) (index $texts 1) (index $texts 2) -}}
{{- end -}}

{{/* A quantity in whole MiB, rounded up. */}}
{{- define "kvm-agent.mebibytes" -}}
{{- $factors := dict "" 1 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624
    "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "P" 1000000000000000 -}}
{{- $suffix := regexFind "[A-Za-z]*$" . -}}
{{- $number := trimSuffix $suffix . -}}
{{- if not (and (hasKey $factors $suffix) (regexMatch "^([0-9]+[.]?[0-9]*|[.][0-9]+)(e[0-9]+)?$" $number)) -}}
{{- fail (printf "memory %q is not a quantity; write for example 512Mi, 1.5Gi or 2G" .) -}}
{{- end -}}
{{- divf (mulf (float64 $number) (get $factors $suffix)) 1048576 | ceil | int64 -}}
{{- end -}}

{{/* A duration in seconds: 30, 30s, 2m, 1h. */}}
{{- define "kvm-agent.seconds" -}}
{{- if not (regexMatch "^[0-9]+[smh]?$" .) -}}
{{- fail (printf "gracePeriod %q is not a duration; write seconds, or for example 30s, 2m or 1h" .) -}}
{{- end -}}
{{- mul (regexFind "^[0-9]+" .) (get (dict "" 1 "s" 1 "m" 60 "h" 3600) (regexFind "[smh]?$" .)) -}}
{{- end -}}
