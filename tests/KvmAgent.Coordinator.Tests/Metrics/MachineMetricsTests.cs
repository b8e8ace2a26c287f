using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Metrics;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Tests.Metrics;

public sealed class MachineMetricsTests
{
    private static readonly VmUsage Usage = new(1.5, 1 << 20, new NetworkUsage(10, 1, 20, 2), new BlockUsage(30, 3, 40, 4));

    [Fact]
    public void Machines_are_told_under_KubeVirts_names()
    {
        var text = MachineMetrics.Text([Instance("web", "uid-1"), Instance("old", null)], uid => uid == "uid-1" ? new AgentFigures(Status(), Usage) : null);
        string[] lines = text.Split('\n');
        lines.ShouldContain("""kubevirt_vmi_info{node="n1",namespace="shop",name="web",phase="running",os="A \"guest\"\n"} 1""");
        lines.ShouldContain("""kubevirt_vmi_phase_count{phase="running",node="n1"} 1""");
        lines.ShouldContain("""kubevirt_vmi_phase_count{phase="pending",node=""} 1""");
        lines.ShouldContain("""kubevirt_vmi_cpu_usage_seconds_total{node="n1",namespace="shop",name="web"} 1.5""");
        lines.ShouldContain("""kubevirt_vmi_memory_domain_bytes{node="n1",namespace="shop",name="web"} 268435456""");
        lines.ShouldContain("""kubevirt_vmi_storage_iops_write_total{node="n1",namespace="shop",name="web"} 4""");
        lines.Count(static l => l.StartsWith("kubevirt_vmi_network_receive_bytes_total", StringComparison.Ordinal)).ShouldBe(1);
        text.ShouldEndWith("# EOF\n");
    }

    [Fact]
    public void Every_family_comes_once_before_its_samples()
    {
        var text = MachineMetrics.Text([Instance("a", "1"), Instance("b", "2")], static _ => new AgentFigures(Status(), Usage));
        var families = text.Split('\n').Where(static l => l.StartsWith("# TYPE", StringComparison.Ordinal)).Select(static l => l.Split(' ')[2]).ToList();
        families.ShouldBeUnique();
        string? family = null;
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line[0] == '#')
            {
                family = line.StartsWith("# TYPE", StringComparison.Ordinal) ? line.Split(' ')[2] : family;
            }
            else
            {
                line.Split('{')[0].ShouldBeOneOf(family, family + "_total");
            }
        }
    }

    private static VirtualMachineInstance Instance(string name, string? pod) => new()
    {
        Metadata = new ObjectMeta { Name = name, Namespace = "shop" },
        Status = pod is null ? null : new VmiStatus
        {
            Phase = "Running",
            NodeName = "n1",
            ActivePods = new Dictionary<string, string> { [pod] = "n1" },
            GuestOSInfo = new KvmAgent.Coordinator.Api.GuestOsInfo { PrettyName = "A \"guest\"\n" },
        },
    };

    private static VmStatus Status() => new("web", "shop", VmPhase.Running, null, DateTimeOffset.UnixEpoch, true, null, 1)
    {
        Machine = new VmMachineStatus("kvm", "", 1, 256 << 20, null, null),
    };
}
