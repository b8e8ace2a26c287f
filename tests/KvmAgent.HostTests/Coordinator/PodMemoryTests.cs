using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Resources;
using KvmAgent.TestSupport.Charts;

namespace KvmAgent.HostTests.Coordinator;

/// <summary>The coordinator and charts/kvm-agent give the same VM the same memory.</summary>
public sealed class PodMemoryTests
{
    private static readonly HelmChart Chart = new("kvm-agent", "vm", "vms", "KvmAgent.Tests");

    [HelmTheory]
    [InlineData("1Gi", 1, null, true)]
    [InlineData("1Gi", 1, null, false)]
    [InlineData("4Gi", 4, null, true)]
    [InlineData("513Mi", 3, null, true)]
    [InlineData("16Mi", 255, null, false)]
    [InlineData("1Ti", 64, null, true)]
    [InlineData("2Gi", 2, "2Mi", true)]
    [InlineData("2Gi", 2, "1Gi", false)]
    [InlineData("1Gi", 1, null, true, true)]
    public async Task The_coordinators_numbers_are_the_charts(string memory, int cpus, string? hugepages, bool kvm, bool spice = false)
    {
        var domain = new Domain
        {
            Cpu = new Cpu { Cores = cpus },
            Memory = new Memory { Guest = new Quantity(memory), Hugepages = hugepages is null ? null : new Hugepages { PageSize = hugepages } },
        };
        new Quantity(memory).TryBytes(out var bytes).ShouldBeTrue();

        var ours = GuestMemory.Resources(domain, bytes, spice, new MachineOptions { AgentImage = "agent", KvmResource = kvm ? "devices.example/kvm" : null });
        var chart = new RenderedChart(await Chart.TemplateAsync(
            "--set-string", $"vm.memory={memory}",
            "--set", $"image.target=a.qcow2,vm.cpus={cpus},vm.display={(spice ? "spice" : "")},{(kvm ? "vm.accel=kvm,kvm.enabled=true" : "vm.accel=tcg")}{(hugepages is null ? "" : $",specFile.memory.hugepages={hugepages}")}"));

        foreach (var name in new[] { "memory", "cpu", $"hugepages-{hugepages}" })
        {
            foreach (var (kind, mine) in new[] { ("requests", ours.Requests!), ("limits", ours.Limits!) })
            {
                var theirs = (string?)chart.Container["resources"]![kind]![name];
                if (theirs is not null)
                {
                    Value(mine[name].Text).ShouldBe(Value(theirs), $"{kind}.{name}");
                }
            }
        }
    }

    private static decimal Value(string quantity)
    {
        new Quantity(quantity).TryValue(out var value).ShouldBeTrue(quantity);
        return value;
    }
}
