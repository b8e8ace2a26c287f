using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Machines;

/// <summary>What an administrator decides for all VM pods.</summary>
internal sealed record MachineOptions
{
    /// <summary>The agent's image.</summary>
    public required string AgentImage { get; init; }

    public string ImagePullPolicy { get; init; } = "IfNotPresent";

    public IReadOnlyList<string> ImagePullSecrets { get; init; } = [];

    /// <summary>A device plugin's resource for /dev/kvm; null: guests run in software.</summary>
    public string? KvmResource { get; init; }

    /// <summary>A device plugin's resource for /dev/net/tun; null: the agent makes it, by CAP_MKNOD.</summary>
    public string? TunResource { get; init; }

    /// <summary>Whether pods ask for <c>net.ipv4.ip_forward</c>, which the kubelet must allow, where nodes do not forward by themselves.</summary>
    public bool SysctlForward { get; init; }

    /// <summary>Directories of nodes in which hostDisk may have files; none: there are no hostDisks.</summary>
    public IReadOnlyList<string> HostDiskPaths { get; init; } = [];

    /// <summary>How agents reach the coordinator; null: they do not.</summary>
    public LinkOptions? Link { get; init; }

    /// <summary>Merged over a pod's nodeSelector: where VMs may run at all.</summary>
    public IReadOnlyDictionary<string, string> NodeSelector { get; init; } = new Dictionary<string, string>();

    /// <summary>Added to each pod's.</summary>
    public JsonArray Tolerations { get; init; } = [];
}

/// <param name="Url">Of the headless Service.</param>
/// <param name="CaCertificate">PEM.</param>
/// <param name="Audience">Of the tokens that agents show.</param>
internal sealed record LinkOptions(string Url, string CaCertificate, string Audience);
