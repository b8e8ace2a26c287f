using System.Globalization;
using System.Text;
using KvmAgent.Contracts;

namespace KvmAgent.Status;

/// <summary>The status as OpenMetrics 1.0 text.</summary>
internal static class OpenMetrics
{
    public static string Render(VmStatus status)
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
        Family(text, "kvm_agent_guest_starts", "counter", "How often this agent started the guest.");
        Sample(text, "kvm_agent_guest_starts_total", labels, status.Starts);
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
        return text.Append("# EOF\n").ToString();

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
