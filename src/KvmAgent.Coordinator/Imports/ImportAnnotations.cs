using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports;

/// <summary>
/// The annotations of a claim that ask for its import, and that tell how far it is: those of the Containerized Data Importer's first
/// releases, and those of today. What is asked is read under either name, what is told is written under both.
/// </summary>
internal static class ImportAnnotations
{
    public const string CreatedByEarly = Early + "createdByController", CreatedBy = Modern + "createdByController", Yes = "yes";

    public const string Phase = Modern + "pod.phase", PodName = Modern + "import.importPodName", Restarts = Modern + "pod.restarts", Progress = Modern + "import.progress",
        Running = Modern + "condition.running", RunningReason = Running + ".reason", RunningMessage = Running + ".message",
        Bound = Modern + "condition.bound", BoundReason = Bound + ".reason", BoundMessage = Bound + ".message",
        RetainPod = Modern + "pod.retainAfterCompletion", ContentType = Modern + "contentType", Preallocation = Modern + "preallocation.requested",
        BindNow = Modern + "bind.immediate.requested";

    public const string EarlyPhase = EarlyImport + "pod.phase", EarlyPodName = EarlyImport + "importPodName", EarlyProgress = EarlyImport + "progress";

    /// <summary>Of the pod and of the claim: which request it is for. What was refused is tried again when it is another.</summary>
    public const string Request = "kvmagent.io/import-request";

    /// <summary>Of the claim, in CDI's words: the claim that it shall be a copy of, as <c>namespace/name</c>.</summary>
    public const string CloneRequest = "k8s.io/CloneRequest";

    /// <summary>Of the claim: somebody will send its image.</summary>
    public const string UploadTarget = Modern + "upload.target";

    /// <summary>Of the claim: an importer waits for what is sent.</summary>
    public const string PodReady = Modern + "pod.ready";

    /// <summary>Of the claim, in CDI's words: how the storage itself fills it.</summary>
    public const string CloneType = "cdi.kubevirt.io/cloneType";

    /// <summary>Of the pod: from where it copies.</summary>
    public const string CloneServer = "kvmagent.io/clone-server";

    /// <summary>Of the claim: which pod may tell how far its import is; a name proves nothing.</summary>
    public const string PodUid = "kvmagent.io/importer-uid";

    /// <summary>Of a DataVolume that does not say how large it is: the disk's bytes, as the request's source has them.</summary>
    public const string VirtualSize = "kvmagent.io/virtual-size";

    /// <summary>Of the importer's pod and of the claim, as CDI has it.</summary>
    public const string AppLabel = "app", App = "containerized-data-importer";

    private const string Early = "kubevirt.io/storage.", EarlyImport = Early + "import.", Modern = "cdi.kubevirt.io/storage.", ModernImport = Modern + "import.";

    /// <summary>What is asked: <c>endpoint</c>, <c>source</c>, <c>secretName</c>, <c>checksum</c> and so on.</summary>
    public static string? Asked(ObjectMeta meta, string name) =>
        (meta.Annotation(ModernImport + name) ?? meta.Annotation(EarlyImport + name))?.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>The annotation by which that is asked today.</summary>
    public static string NameOf(string name) => ModernImport + name;

    /// <summary>Those of a list: <c>extraHeaders.0</c> and so on, in the order of their names.</summary>
    public static IReadOnlyList<string> AskedAll(ObjectMeta meta, string name) =>
        [.. (meta.Annotations ?? new Dictionary<string, string>())
            .Where(a => a.Key.StartsWith($"{ModernImport}{name}", StringComparison.Ordinal))
            .OrderBy(static a => a.Key.Length).ThenBy(static a => a.Key, StringComparer.Ordinal)
            .Select(static a => a.Value)];

    /// <summary>Whether the claim asks to be filled.</summary>
    public static bool IsAsked(ObjectMeta meta) => Asked(meta, "endpoint") is not null || Asked(meta, "source") is not null || meta.Annotation(CloneRequest) is not null || meta.Annotation(UploadTarget) is not null;

    /// <summary>Whether it is read by the coordinator at all.</summary>
    public static bool IsRead(string name) =>
        name.StartsWith(EarlyImport, StringComparison.Ordinal) || name.StartsWith(Modern, StringComparison.Ordinal) || name is Request or PodUid or CloneRequest or CloneType;
}
