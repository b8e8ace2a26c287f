using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Metrics;

/// <summary>What an agent last told of its machine.</summary>
internal sealed record AgentFigures(VmStatus? Status, VmUsage? Usage);

/// <summary>
/// All machines as OpenMetrics text, under KubeVirt's names so that dashboards made for it work. What an agent measures is as of its last
/// report; an instance whose agent has no link to this replica has its phase alone.
/// </summary>
internal static class MachineMetrics
{
    public const string ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private static readonly (string Name, string Help, Func<VmUsage, double> Value)[] Counters =
    [
        ("kubevirt_vmi_cpu_usage_seconds", "CPU time of the machine and of what emulates it.", static u => u.CpuSeconds),
        ("kubevirt_vmi_network_receive_bytes", "Bytes that the guest received.", static u => u.Network.ReceivedBytes),
        ("kubevirt_vmi_network_receive_packets", "Packets that the guest received.", static u => u.Network.ReceivedPackets),
        ("kubevirt_vmi_network_transmit_bytes", "Bytes that the guest sent.", static u => u.Network.SentBytes),
        ("kubevirt_vmi_network_transmit_packets", "Packets that the guest sent.", static u => u.Network.SentPackets),
        ("kubevirt_vmi_storage_read_traffic_bytes", "Bytes that the guest read, of all disks.", static u => u.Block.ReadBytes),
        ("kubevirt_vmi_storage_iops_read", "Reads of the guest's, of all disks.", static u => u.Block.ReadOperations),
        ("kubevirt_vmi_storage_write_traffic_bytes", "Bytes that the guest wrote, of all disks.", static u => u.Block.WrittenBytes),
        ("kubevirt_vmi_storage_iops_write", "Writes of the guest's, of all disks.", static u => u.Block.WriteOperations),
    ];

    /// <param name="instances">All.</param>
    /// <param name="told">What a pod's agent last told; null where it has no link.</param>
    public static string Text(IEnumerable<VirtualMachineInstance> instances, Func<string, AgentFigures?> told)
    {
        var text = new MetricsText();
        var all = instances.Select(i => (Instance: Of(i), Agent: (i.Status?.ActivePods?.Keys ?? []).Select(told).OfType<AgentFigures>().FirstOrDefault()))
            .OrderBy(static a => $"{a.Instance.Namespace}/{a.Instance.Name}", StringComparer.Ordinal)
            .ToList();

        text.Family("kubevirt_vmi_info", "gauge", "The machine's instance.");
        foreach (var (instance, _) in all)
        {
            text.Sample("kubevirt_vmi_info", 1, [.. Labels(instance), ("phase", instance.Phase), ("os", instance.Os)]);
        }

        text.Family("kubevirt_vmi_phase_count", "gauge", "How many instances are in a phase, by node.");
        foreach (var group in all.GroupBy(static a => (a.Instance.Phase, a.Instance.Node)).OrderBy(static g => g.Key))
        {
            text.Sample("kubevirt_vmi_phase_count", group.Count(), ("phase", group.Key.Phase), ("node", group.Key.Node));
        }

        text.Family("kubevirt_vmi_memory_domain_bytes", "gauge", "The guest's memory.");
        foreach (var (instance, agent) in all.Where(static a => a.Agent?.Status?.Machine is not null))
        {
            text.Sample("kubevirt_vmi_memory_domain_bytes", agent!.Status!.Machine!.MemoryBytes, Labels(instance));
        }

        text.Family("kubevirt_vmi_memory_resident_bytes", "gauge", "Memory of the machine's process.");
        foreach (var (instance, agent) in all.Where(static a => a.Agent?.Usage is not null))
        {
            text.Sample("kubevirt_vmi_memory_resident_bytes", agent!.Usage!.ResidentBytes, Labels(instance));
        }

        foreach (var (name, help, value) in Counters)
        {
            text.Family(name, "counter", help);
            foreach (var (instance, agent) in all.Where(static a => a.Agent?.Usage is not null))
            {
                text.Sample(name + "_total", value(agent!.Usage!), Labels(instance));
            }
        }

        return text.End();
    }

    private static Shown Of(VirtualMachineInstance instance) => new(
        instance.Metadata.Namespace ?? "", instance.Metadata.Name ?? "", instance.Status?.NodeName ?? "",
        (instance.Status?.Phase ?? VmiPhases.Pending).ToLowerInvariant(), instance.Status?.GuestOSInfo?.PrettyName ?? "");

    private static (string Name, string Value)[] Labels(Shown instance) =>
    [
        ("node", instance.Node), ("namespace", instance.Namespace), ("name", instance.Name),
    ];

    /// <summary>What is told of an instance: thousands are not held whole meanwhile.</summary>
    private sealed record Shown(string Namespace, string Name, string Node, string Phase, string Os);
}
