using System.Collections.Frozen;

namespace KvmAgent.TestSupport.Api;

/// <summary>The kinds that are there without a CustomResourceDefinition.</summary>
internal static class BuiltInKinds
{
    private static readonly string[] PodFields =
    [
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
        "status.nominatedNodeName",
    ];

    private static readonly string[] EventFields =
    [
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
        "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
    ];

    private static readonly string[] EventTop =
    [
        "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type", "eventTime", "series", "action",
        "related", "reportingComponent", "reportingInstance",
    ];

    public static IEnumerable<ResourceType> All() =>
    [
        Of(new("", "namespaces", "Namespace", false) { ShortNames = ["ns"], Names = NameRule.Label, Selectable = ["status.phase", "name"], Fields = Spec, Subresources = ["finalize"] }, "v1", true),
        Of(new("", "pods", "Pod", true) { ShortNames = ["po"], ReturnsDeleted = true, Selectable = PodFields, Fields = Spec, Subresources = ["binding", "eviction", PodLogs.Subresource] }, "v1", true),
        Of(new("", "services", "Service", true) { ShortNames = ["svc"], ReturnsDeleted = true, Names = NameRule.Label, Selectable = ["spec.clusterIP", "spec.type"], Fields = Spec, CreateOnUpdate = true }, "v1", true),
        Of(new("", "configmaps", "ConfigMap", true) { ShortNames = ["cm"], Fields = Top("data", "binaryData", "immutable") }, "v1"),
        Of(new("", "secrets", "Secret", true) { Selectable = ["type"], Fields = Top("data", "stringData", "type", "immutable") }, "v1"),
        Of(new("", "events", "Event", true) { ShortNames = ["ev"], Selectable = EventFields, CreateOnUpdate = true, Fields = Top(EventTop) }, "v1"),
        Of(new("", "nodes", "Node", false) { ShortNames = ["no"], Selectable = ["spec.unschedulable"], Fields = Spec }, "v1", true),
        Of(new("", "serviceaccounts", "ServiceAccount", true) { ShortNames = ["sa"], ReturnsDeleted = true, UnconditionalUpdate = false, Fields = Top("secrets", "imagePullSecrets", "automountServiceAccountToken"), Subresources = ["token"] }, "v1"),
        Of(new("", "persistentvolumeclaims", "PersistentVolumeClaim", true) { ShortNames = ["pvc"], ReturnsDeleted = true, Fields = Spec }, "v1", true),
        Of(new("", "persistentvolumes", "PersistentVolume", false) { ShortNames = ["pv"], ReturnsDeleted = true, Fields = Spec }, "v1", true),
        Of(new("", "resourcequotas", "ResourceQuota", true) { ShortNames = ["quota"], ReturnsDeleted = true, Fields = Spec }, "v1", true),
        Of(new("", "endpoints", "Endpoints", true) { ListKind = "EndpointsList", ShortNames = ["ep"], CreateOnUpdate = true, Fields = Top("subsets") }, "v1"),
        Of(new("apps", "deployments", "Deployment", true) { ShortNames = ["deploy"], Generations = true, Fields = Spec }, "v1", true),
        Of(new("coordination.k8s.io", "leases", "Lease", true) { CreateOnUpdate = true, UnconditionalUpdate = false, Fields = Top("spec") }, "v1"),
        Of(new("discovery.k8s.io", "endpointslices", "EndpointSlice", true) { Generations = true, Fields = Top("addressType", "endpoints", "ports") }, "v1"),
        Of(new("storage.k8s.io", "storageclasses", "StorageClass", false) { ListKind = "StorageClassList", ShortNames = ["sc"], ReturnsDeleted = true, Fields = Top("provisioner", "parameters", "reclaimPolicy", "mountOptions", "allowVolumeExpansion", "volumeBindingMode", "allowedTopologies") }, "v1"),
        Of(new("policy", "poddisruptionbudgets", "PodDisruptionBudget", true) { ShortNames = ["pdb"], UnconditionalUpdate = false, Generations = true, Fields = Spec }, "v1", true),
        Of(new("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", false) { ShortNames = ["crd", "crds"], UnconditionalUpdate = false, Generations = true, Fields = Spec }, "v1", true),
        Of(new("apiregistration.k8s.io", "apiservices", "APIService", false) { UnconditionalUpdate = false, Fields = Spec }, "v1", true),
        Of(new("rbac.authorization.k8s.io", "roles", "Role", true) { Names = NameRule.PathSegment, Fields = Top("rules") }, "v1"),
        Of(new("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", false) { Names = NameRule.PathSegment, Fields = Top("rules", "aggregationRule") }, "v1"),
        Of(new("rbac.authorization.k8s.io", "rolebindings", "RoleBinding", true) { Names = NameRule.PathSegment, Fields = Top("subjects", "roleRef") }, "v1"),
        Of(new("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", false) { Names = NameRule.PathSegment, Fields = Top("subjects", "roleRef") }, "v1"),
        Of(new("authentication.k8s.io", "tokenreviews", "TokenReview", false) { Virtual = true, Fields = Spec }, "v1"),
        Of(new("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", false) { Virtual = true, Fields = Spec }, "v1"),
        Of(new("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false) { Virtual = true, Fields = Spec }, "v1"),
    ];

    private static FrozenSet<string> Spec => Top("spec", "status");

    private static FrozenSet<string> Top(params string[] names) => names.ToFrozenSet();

    private static ResourceType Of(ResourceType type, string version, bool status = false)
    {
        type.Versions = [new ServedVersion(type, version) { Status = status, Fields = new BuiltInFields("") }];
        return type;
    }
}
