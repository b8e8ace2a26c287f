namespace KvmAgent.Contracts.Rest;

/// <summary>A machine on which pods run.</summary>
public sealed record NodeSummary
{
    public required string Provider { get; init; }

    public required string Name { get; init; }

    /// <summary>As kernels name it: <c>x86_64</c>, <c>aarch64</c>.</summary>
    public string? Architecture { get; init; }

    public int? Cpus { get; init; }

    public long? MemoryBytes { get; init; }

    /// <summary>Its system's name and version, such as <c>Debian GNU/Linux 12 (bookworm)</c>.</summary>
    public string? Os { get; init; }

    public string? Kernel { get; init; }

    /// <summary>Of <c>/etc/machine-id</c>.</summary>
    public string? MachineId { get; init; }

    public bool Ready { get; init; }

    /// <summary>Whether new pods come to it: it is not cordoned.</summary>
    public bool Schedulable { get; init; }

    public IReadOnlyList<string> Addresses { get; init; } = [];

    public string? Kubelet { get; init; }

    public string? ContainerRuntime { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }
}

/// <param name="Nodes">By name.</param>
public sealed record NodeList(IReadOnlyList<NodeSummary> Nodes, int Total, DateTimeOffset Timestamp);

/// <summary>A node as Uyuni's virtual-host-gatherer tells it.</summary>
public sealed record GatheredNode
{
    private const string Unknown = "(unknown)";

    public string Type { get; init; } = "kubernetes";

    public required string Name { get; init; }

    /// <summary>Of <c>/etc/machine-id</c>.</summary>
    public required string HostIdentifier { get; init; }

    /// <summary><c>x86_64</c> for amd64.</summary>
    public required string CpuArch { get; init; }

    public string CpuDescription { get; init; } = Unknown;

    public string CpuVendor { get; init; } = Unknown;

    /// <summary>Not known to Kubernetes.</summary>
    public int CpuMhz { get; init; }

    public int TotalCpuCores { get; init; }

    public int TotalCpuSockets { get; init; }

    /// <summary>Of a core.</summary>
    public int TotalCpuThreads { get; init; } = 1;

    public int RamMb { get; init; }

    public string Os { get; init; } = "";

    public string OsVersion { get; init; } = "";

    /// <summary>Always empty: VMs are pods here.</summary>
    public IReadOnlyDictionary<string, string> Vms { get; init; } = new Dictionary<string, string>();
}
