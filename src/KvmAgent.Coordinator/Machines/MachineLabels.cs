namespace KvmAgent.Coordinator.Machines;

/// <summary>Labels and annotations of the objects that belong to a machine; those of KubeVirt's are what its clients look for.</summary>
internal static class MachineLabels
{
    /// <summary>On pods, always <see cref="Launcher"/>.</summary>
    public const string Role = "kubevirt.io";

    public const string Launcher = "virt-launcher";

    /// <summary>On pods: the UID of their instance.</summary>
    public const string CreatedBy = "kubevirt.io/created-by";

    /// <summary>On pods: the name of their instance. Kept through the deletion of the instance, so that the next one waits for the pod.</summary>
    public const string InstanceName = "vm.kubevirt.io/name";

    /// <summary>On pods, an annotation: as <see cref="InstanceName"/>, whole even where a label would be too long.</summary>
    public const string Domain = "kubevirt.io/domain";

    /// <summary>On pods that others made, <c>true</c>: their agent links to the coordinator. charts/kvm-agent sets it.</summary>
    public const string Linked = "kvmagent.io/linked";

    /// <summary>On instances, <c>true</c>: made for a pod that was there before. With that pod as its owner it is one, see <see cref="Adoption.AdoptedPod"/>.</summary>
    public const string Adopted = "kvmagent.io/adopted";

    /// <summary>On instances, an annotation: what their machine's template was when they were made.</summary>
    public const string TemplateHash = "kvmagent.io/template-hash";

    /// <summary>On an instance's template, annotations: the agent's own way to a root disk, an overlay on a base that all VMs of a volume share.</summary>
    public const string ImageSource = "kvmagent.io/image-source", ImageTarget = "kvmagent.io/image-target", ImageChecksum = "kvmagent.io/image-checksum",
        ImageClaim = "kvmagent.io/image-claim", DiskClaim = "kvmagent.io/disk-claim", DiskSize = "kvmagent.io/disk-size";

    /// <summary>On an instance's template, and on a pod that is adopted, an annotation: the agent's VM_DISPLAY, <c>vnc</c> or <c>spice</c>.</summary>
    public const string Display = "kvmagent.io/display";

    /// <summary>
    /// Annotations by which a container runtime or an old kubelet takes a container's confinement away, or gives it devices of the node.
    /// Who may make a VM may not make any pod, so they do not come from a template.
    /// </summary>
    private static readonly string[] Confinement =
    [
        "container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/", "container.seccomp.security.alpha.kubernetes.io/",
        "io.kubernetes.cri-o.", "io.katacontainers.",
    ];

    /// <summary>Labels that templates may not set on pods: these prove nothing, but others find pods by them.</summary>
    public static bool IsOursAsLabel(string name) => name is Role or CreatedBy or InstanceName;

    /// <summary>Annotations that do not go from an instance to its pod.</summary>
    public static bool StaysOffPods(string name) =>
        name is Domain or TemplateHash || name.StartsWith("kubectl.kubernetes.io/", StringComparison.Ordinal)
        || Confinement.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>A name as a label's value: cut to 63 characters.</summary>
    public static string Value(string name) => name.Length <= 63 ? name : name[..63].TrimEnd('-', '.', '_');
}
