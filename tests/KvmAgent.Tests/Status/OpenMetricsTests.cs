using System.Text.RegularExpressions;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Status;

namespace KvmAgent.Tests.Status;

public sealed partial class OpenMetricsTests
{
    private static readonly VmStatus Running = Boards.New().Up().Current with
    {
        Machine = new VmMachineStatus("tcg", "VM_ACCEL=tcg", 2, 1L << 30, "7.2", 42),
        Warnings = ["a", "b"],
        GuestAgent = Boards.GuestAgent(answers: true),
    };

    private static readonly VmUsage Usage = new(12.5, 1L << 29, new NetworkUsage(1, 2, 3, 4), new BlockUsage(5, 6, 7, 8));

    [Theory]
    [InlineData("kvm_agent_phase{name=\"web-1\",namespace=\"prod\",kvm_agent_phase=\"Running\"} 1")]
    [InlineData("kvm_agent_phase{name=\"web-1\",namespace=\"prod\",kvm_agent_phase=\"Failed\"} 0")]
    [InlineData("kvm_agent_ready{name=\"web-1\",namespace=\"prod\"} 1")]
    [InlineData("kvm_agent_guest_starts_total{name=\"web-1\",namespace=\"prod\"} 1")]
    [InlineData("kvm_agent_warnings{name=\"web-1\",namespace=\"prod\"} 2")]
    [InlineData("kvm_agent_guest_memory_bytes{name=\"web-1\",namespace=\"prod\"} 1073741824")]
    [InlineData("kvm_agent_guest_cpus{name=\"web-1\",namespace=\"prod\"} 2")]
    [InlineData("kvm_agent_accelerator_info{name=\"web-1\",namespace=\"prod\",accelerator=\"tcg\"} 1")]
    [InlineData("kvm_agent_lease{name=\"web-1\",namespace=\"prod\"} 1")]
    [InlineData("kvm_agent_guest_agent_up{name=\"web-1\",namespace=\"prod\"} 1")]
    [InlineData("kvm_agent_phase_since_seconds{name=\"web-1\",namespace=\"prod\"} 0")]
    [InlineData("kubevirt_vmi_cpu_usage_seconds_total{name=\"web-1\",namespace=\"prod\"} 12.5")]
    [InlineData("kubevirt_vmi_memory_resident_bytes{name=\"web-1\",namespace=\"prod\"} 536870912")]
    [InlineData("kubevirt_vmi_network_receive_bytes_total{name=\"web-1\",namespace=\"prod\"} 1")]
    [InlineData("kubevirt_vmi_network_receive_packets_total{name=\"web-1\",namespace=\"prod\"} 2")]
    [InlineData("kubevirt_vmi_network_transmit_bytes_total{name=\"web-1\",namespace=\"prod\"} 3")]
    [InlineData("kubevirt_vmi_network_transmit_packets_total{name=\"web-1\",namespace=\"prod\"} 4")]
    [InlineData("kubevirt_vmi_storage_read_traffic_bytes_total{name=\"web-1\",namespace=\"prod\"} 5")]
    [InlineData("kubevirt_vmi_storage_iops_read_total{name=\"web-1\",namespace=\"prod\"} 6")]
    [InlineData("kubevirt_vmi_storage_write_traffic_bytes_total{name=\"web-1\",namespace=\"prod\"} 7")]
    [InlineData("kubevirt_vmi_storage_iops_write_total{name=\"web-1\",namespace=\"prod\"} 8")]
    public void A_status_is_told_in_samples(string line) => OpenMetrics.Render(Running, Usage).Split('\n').ShouldContain(line);

    /// <summary>OpenMetrics 1.0: each family is announced once before its samples, a phase is exactly one, the text ends with EOF.</summary>
    [Fact]
    public void The_text_is_well_formed()
    {
        foreach (var text in new[] { OpenMetrics.Render(Running, Usage), OpenMetrics.Render(Boards.New().Current, null) })
        {
            text.ShouldEndWith("\n# EOF\n");
            string? family = null;
            var families = new List<string>();
            foreach (var line in text.Split('\n')[..^2])
            {
                if (Type().Match(line) is { Success: true } type)
                {
                    families.Add(family = type.Groups[1].Value);
                }
                else if (!line.StartsWith($"# HELP {family} ", StringComparison.Ordinal))
                {
                    Sample().Match(line).Groups[1].Value.ShouldStartWith(family!);
                }
            }

            families.ShouldBeUnique();
            text.Split('\n').Count(l => l.StartsWith("kvm_agent_phase{", StringComparison.Ordinal) && l.EndsWith(" 1", StringComparison.Ordinal)).ShouldBe(1);
        }
    }

    [Fact]
    public void What_would_end_a_label_is_escaped() =>
        OpenMetrics.Render(Running with { Namespace = "a\"b\\c\nd" }, null).ShouldContain("namespace=\"a\\\"b\\\\c\\nd\"}");

    [GeneratedRegex("^# TYPE ([a-z_]+) (gauge|counter|info|stateset)$")]
    private static partial Regex Type();

    [GeneratedRegex("^([a-z_]+)\\{[^{}]+\\} [0-9.E+]+$")]
    private static partial Regex Sample();
}
