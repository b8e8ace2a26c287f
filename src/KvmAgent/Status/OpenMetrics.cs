using System.Globalization;
using System.Text;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Status;

/// <summary>
/// The status as OpenMetrics 1.0 text, and what the VM uses under the names that KubeVirt has for it, so that dashboards know them. All of the
/// guest's disks are counted together, so there is no label for the drive.
/// </summary>
internal static class OpenMetrics
{
    /// <param name="usage">Null while no guest runs.</param>
    public static string Render(VmStatus status, VmUsage? usage)
    {
        var text = new StringBuilder();
        var labels = $"name=\"{Escape(status.Name)}\",namespace=\"{Escape(status.Namespace)}\"";
        Family(text, "kvm_agent_phase", "stateset", "Where the VM is in its life.");
        foreach (var phase in Enum.GetValues<VmPhase>())
        {
            Sample(text, "kvm_agent_phase", $"{labels},kvm_agent_phase=\"{phase}\"", phase == status.Phase ? 1 : 0);
        }

        Gauge("kvm_agent_ready", "Whether the guest has its lease and its guest agent, if any, answers.", status.Ready ? 1 : 0);
        Gauge("kvm_agent_phase_since_seconds", "When the VM got there, in Unix time.", status.Since.ToUnixTimeMilliseconds() / 1000.0);
        Counter("kvm_agent_guest_starts", "How often this agent started the guest.", status.Starts);
        Gauge("kvm_agent_warnings", "How much is wrong that does not stop the VM.", status.Warnings.Count);
        if (status.Machine is { } machine)
        {
            Gauge("kvm_agent_guest_memory_bytes", "The guest's memory.", machine.MemoryBytes);
            Gauge("kvm_agent_guest_cpus", "The guest's virtual CPUs.", machine.Cpus);
            Family(text, "kvm_agent_accelerator", "info", "How the guest's CPUs are run.");
            Sample(text, "kvm_agent_accelerator_info", $"{labels},accelerator=\"{Escape(machine.Accelerator)}\"", 1);
        }

        if (status.Network is { } network)
        {
            Gauge("kvm_agent_lease", "Whether the guest asked for its address.", network.LeaseGiven ? 1 : 0);
        }

        Gauge("kvm_agent_guest_agent_up", "Whether the guest agent answers.", status.GuestAgent is { Answers: true } ? 1 : 0);
        if (usage is not null)
        {
            Counter("kubevirt_vmi_cpu_usage_seconds", "CPU time of QEMU and its virtual CPUs.", usage.CpuSeconds);
            Gauge("kubevirt_vmi_memory_resident_bytes", "Memory of QEMU that is resident, the guest's included.", usage.ResidentBytes);
            Counter("kubevirt_vmi_network_receive_bytes", "What the guest received.", usage.Network.ReceivedBytes);
            Counter("kubevirt_vmi_network_receive_packets", "Packets that the guest received.", usage.Network.ReceivedPackets);
            Counter("kubevirt_vmi_network_transmit_bytes", "What the guest sent.", usage.Network.SentBytes);
            Counter("kubevirt_vmi_network_transmit_packets", "Packets that the guest sent.", usage.Network.SentPackets);
            Counter("kubevirt_vmi_storage_read_traffic_bytes", "What the guest read of its disks.", usage.Block.ReadBytes);
            Counter("kubevirt_vmi_storage_write_traffic_bytes", "What the guest wrote to its disks.", usage.Block.WrittenBytes);
            Counter("kubevirt_vmi_storage_iops_read", "Reads of the guest's disks.", usage.Block.ReadOperations);
            Counter("kubevirt_vmi_storage_iops_write", "Writes to the guest's disks.", usage.Block.WriteOperations);
        }

        return text.Append("# EOF\n").ToString();

        void Counter(string name, string help, double value)
        {
            Family(text, name, "counter", help);
            Sample(text, $"{name}_total", labels, value);
        }

        void Gauge(string name, string help, double value)
        {
            Family(text, name, "gauge", help);
            Sample(text, name, labels, value);
        }
    }

    private static void Family(StringBuilder text, string name, string type, string help) =>
        text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} {type}\n# HELP {name} {help}\n");

    private static void Sample(StringBuilder text, string name, string labels, double value) =>
        text.Append(CultureInfo.InvariantCulture, $"{name}{{{labels}}} {value}\n");

    public static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal);
}
