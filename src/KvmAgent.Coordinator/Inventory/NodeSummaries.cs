using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Inventory;

/// <summary>Nodes as people and Uyuni read them.</summary>
internal static class NodeSummaries
{
    public static NodeSummary Of(string provider, Node node) => new()
    {
        Provider = provider,
        Name = node.Metadata.Name ?? "",
        Architecture = Architecture(node),
        Cpus = Cpus(node),
        MemoryBytes = Memory(node),
        Os = node.Status?.NodeInfo?.OsImage,
        Kernel = node.Status?.NodeInfo?.KernelVersion,
        MachineId = node.Status?.NodeInfo?.MachineId,
        Ready = node.Status?.Conditions?.Any(static c => c is { Type: "Ready", Status: Condition.True }) == true,
        Schedulable = node.Spec?.Unschedulable != true,
        Addresses = [.. (node.Status?.Addresses ?? []).Where(static a => a.Type is "InternalIP" or "ExternalIP").Select(static a => a.Address)],
        Kubelet = node.Status?.NodeInfo?.KubeletVersion,
        ContainerRuntime = node.Status?.NodeInfo?.ContainerRuntimeVersion,
        CreatedAt = node.Metadata.CreationTimestamp,
    };

    /// <summary>What Kubernetes does not know (sockets, vendor) is as the gatherer's own module has it.</summary>
    public static GatheredNode Gathered(Node node)
    {
        var cpus = Cpus(node) ?? 0;
        var os = node.Status?.NodeInfo?.OsImage ?? "";
        // "Debian GNU/Linux 12 (bookworm)": the version begins where the first number does.
        var version = os.Split(' ').FirstOrDefault(static word => word.Length > 0 && char.IsAsciiDigit(word[0])) ?? "";
        return new GatheredNode
        {
            Name = node.Metadata.Name ?? "",
            HostIdentifier = node.Status?.NodeInfo?.MachineId ?? "",
            CpuArch = Architecture(node) ?? "",
            TotalCpuCores = cpus,
            TotalCpuSockets = cpus,
            RamMb = (int)Math.Min((Memory(node) ?? 0) >> 20, int.MaxValue),
            Os = os,
            OsVersion = version,
        };
    }

    private static string? Architecture(Node node) => node.Status?.NodeInfo?.Architecture switch
    {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "386" => "i686",
        var other => other,
    };

    private static int? Cpus(Node node) => Capacity(node, "cpu") is { } quantity && quantity.TryValue(out var value) && value is >= 0 and <= int.MaxValue ? (int)value : null;

    private static long? Memory(Node node) => Capacity(node, "memory") is { } quantity && quantity.TryBytes(out var bytes) ? bytes : null;

    private static Quantity? Capacity(Node node, string resource) => node.Status?.Capacity?.TryGetValue(resource, out var quantity) == true ? quantity : null;
}
