{{/*
What would leave a cluster in a worse state than before: two that realise the same kinds. All errors at once. Where charts are rendered
without access to a cluster, nothing is known of it.
*/}}
{{- define "kvm-coordinator.validate" -}}
{{- $errors := list -}}

{{- $ports := list (toString .Values.listen.agentsPort) (toString .Values.listen.apiPort) (toString .Values.listen.managementPort) (toString .Values.listen.healthPort) (toString .Values.listen.uploadPort) -}}
{{- if lt (len (uniq $ports)) 5 -}}
{{- $errors = append $errors (printf "listen.agentsPort, listen.apiPort, listen.managementPort, listen.healthPort and listen.uploadPort are %s: give each a port of its own" (join ", " $ports)) -}}
{{- end -}}

{{- $type := .Values.database.type -}}
{{- $sqlite := .Values.database.sqlite -}}
{{- if eq $type "sqlite" -}}
{{- if ne (int .Values.replicas) 1 -}}
{{- $errors = append $errors (printf "database.type is sqlite, a file of one replica's own, and replicas is %v: set replicas to 1, or database.type to postgresql" .Values.replicas) -}}
{{- end -}}
{{- if not (or $sqlite.size $sqlite.existingClaim) -}}
{{- $errors = append $errors "database.type is sqlite, and there is no storage for it: set database.sqlite.size, such as 1Gi, or database.sqlite.existingClaim" -}}
{{- else if and $sqlite.existingClaim (or $sqlite.size $sqlite.storageClass) -}}
{{- $errors = append $errors (printf "database.sqlite.existingClaim is %s, and database.sqlite.size or storageClass, which are for a claim that is made, are set too: set one of them" $sqlite.existingClaim) -}}
{{- end -}}
{{- else if or $sqlite.size $sqlite.storageClass $sqlite.existingClaim -}}
{{- $errors = append $errors (printf "database.sqlite is set, and database.type is %q: set it to sqlite, or leave database.sqlite out" $type) -}}
{{- end -}}
{{- if and (eq $type "postgresql") (not .Values.database.postgresql.secret) -}}
{{- $errors = append $errors "database.type is postgresql, and nothing says where it is: set database.postgresql.secret to a Secret of the release's namespace with the connection string in the key database.postgresql.key" -}}
{{- else if and (ne $type "postgresql") .Values.database.postgresql.secret -}}
{{- $errors = append $errors (printf "database.postgresql.secret is %s, and database.type is %q: set it to postgresql, or leave database.postgresql out" .Values.database.postgresql.secret $type) -}}
{{- end -}}

{{- if and .Values.imports.concurrency (or (lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "cdis.cdi.kubevirt.io") (.Capabilities.APIVersions.Has "cdi.kubevirt.io/v1beta1/CDI")) -}}
{{- $errors = append $errors "this cluster has the Containerized Data Importer (the kind CDI of cdi.kubevirt.io is there): both would fill the same claims; set imports.concurrency to 0 to leave them to it" -}}
{{- end -}}

{{- if or (lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "kubevirts.kubevirt.io") (.Capabilities.APIVersions.Has "kubevirt.io/v1/KubeVirt") -}}
{{- $errors = append $errors "this cluster has KubeVirt (the kind KubeVirt of kubevirt.io is there): both would realise the same VirtualMachines; install the coordinator in another cluster, or delete KubeVirt with its CustomResourceDefinitions first" -}}
{{- else -}}
{{- $foreign := list -}}
{{- range $path, $_ := .Files.Glob "files/crds/*.yaml" -}}
{{- $name := base $path | trimSuffix ".yaml" -}}
{{- with ternary (lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $name) dict (eq "true" (include "kvm-coordinator.hasKind" (dict "path" $path "root" $))) -}}
{{- $notes := default dict .metadata.annotations -}}
{{- if not (and (eq (default "" (get $notes "meta.helm.sh/release-name")) $.Release.Name) (eq (default "" (get $notes "meta.helm.sh/release-namespace")) $.Release.Namespace)) -}}
{{- $foreign = append $foreign $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $foreign -}}
{{- $errors = append $errors (printf "CustomResourceDefinitions are there that are not of the release %s in %s: %s. If they are KubeVirt's or another coordinator's, install this one in another cluster; if they stayed of a former release of this chart, use its name and namespace, or make them this release's:\n    kubectl label --overwrite crd %s app.kubernetes.io/managed-by=Helm\n    kubectl annotate --overwrite crd %s meta.helm.sh/release-name=%s meta.helm.sh/release-namespace=%s" $.Release.Name $.Release.Namespace (join ", " .) (join " " .) (join " " .) $.Release.Name $.Release.Namespace) -}}
{{- end -}}
{{- end -}}

{{- if $errors }}{{ fail (printf "\n- %s" (join "\n- " $errors)) }}{{ end -}}
{{- end -}}
