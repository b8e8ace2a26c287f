using KvmAgent.Qemu;
using KvmAgent.Settings;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Tests.Charts.AgentChart;

namespace KvmAgent.Tests.Charts;

/// <summary>The pod's memory is the guest's and QEMU's overhead, whose parts templates/_resources.tpl explains.</summary>
public sealed class ChartMemoryTests
{
    private const string Image = "image.target=debian.qcow2", Kvm = "vm.accel=kvm,kvm.enabled=true";

    // guest + guest/512 + 100 + 8 a virtual CPU + 128, in MiB
    [HelmTheory]
    [InlineData("1Gi", 1, 1024 + 2 + 100 + 8 + 128)]
    [InlineData("4Gi", 4, 4096 + 8 + 100 + 32 + 128)]
    [InlineData("1.5Gi", 2, 1536 + 3 + 100 + 16 + 128)]
    [InlineData(".5Gi", 1, 512 + 1 + 100 + 8 + 128)]
    [InlineData("513Mi", 1, 513 + 2 + 100 + 8 + 128)]
    [InlineData("524288Ki", 1, 512 + 1 + 100 + 8 + 128)]
    [InlineData("1Ti", 64, 1048576 + 2048 + 100 + 512 + 128)]
    [InlineData("512M", 1, 489 + 1 + 100 + 8 + 128)]
    [InlineData("2G", 1, 1908 + 4 + 100 + 8 + 128)]
    [InlineData("2000000k", 1, 1908 + 4 + 100 + 8 + 128)]
    [InlineData("1T", 1, 953675 + 1863 + 100 + 8 + 128)]
    [InlineData("1e9", 1, 954 + 2 + 100 + 8 + 128)]
    [InlineData("1073741824", 1, 1024 + 2 + 100 + 8 + 128)]
    [InlineData("1073741825", 1, 1025 + 3 + 100 + 8 + 128)]
    public async Task The_limit_follows_the_guests_memory(string memory, int cpus, int mebibytes)
    {
        Quantity.TryParse(memory, out var bytes).ShouldBeTrue();

        var chart = await RenderAsync("--set-string", $"vm.memory={memory}", "--set", $"{Image},{Kvm},vm.cpus={cpus}");

        Memory(chart, "limits").ShouldBe($"{mebibytes}Mi");
        Memory(chart, "requests").ShouldBe($"{mebibytes}Mi");
        ((long)mebibytes << 20).ShouldBeGreaterThan(bytes);
    }

    [HelmFact]
    public async Task A_vm_of_defaults_gets_what_the_agents_defaults_need()
    {
        var said = await RenderAsync("--set", $"{Image},{Kvm},vm.memory={Setting.VmMemory.Default},vm.cpus={Setting.VmCpus.Default},gracePeriod={Setting.GracePeriod.Default}");
        var unsaid = await RenderAsync("--set", $"{Image},{Kvm}");

        Memory(unsaid, "limits").ShouldBe(Memory(said, "limits"));
        ((string?)unsaid.Pod["terminationGracePeriodSeconds"]).ShouldBe((string?)said.Pod["terminationGracePeriodSeconds"]);
    }

    [HelmTheory]
    [InlineData("vm.accel=tcg", 1262 + QemuArguments.TranslationCacheMebibytes)]
    [InlineData("vm.accel=auto,kvm.enabled=true", 1262 + QemuArguments.TranslationCacheMebibytes)]
    [InlineData("vm.accel=kvm,kvm.enabled=true", 1262)]
    public async Task Software_emulation_needs_room_for_translated_code(string values, int mebibytes) =>
        Memory(await RenderAsync("--set", $"{Image},{values}"), "limits").ShouldBe($"{mebibytes}Mi");

    [HelmFact]
    public async Task Where_only_the_spec_file_speaks_it_counts()
    {
        var chart = await RenderAsync("--set", $"{Image},{Kvm},specFile.memory.size=2Gi,specFile.cpu.sockets=2,specFile.cpu.cores=3");

        Memory(chart, "limits").ShouldBe($"{2048 + 4 + 100 + 48 + 128}Mi");
        ((string?)chart.Container["resources"]!["requests"]!["cpu"]).ShouldBe("600m");
    }

    [HelmFact]
    public async Task Huge_pages_are_asked_for_by_their_own_name()
    {
        var chart = await RenderAsync("--set", $"{Image},{Kvm},specFile.memory.hugepages=2Mi");

        ((string?)chart.Container["resources"]!["limits"]!["hugepages-2Mi"]).ShouldBe("1024Mi");
        Memory(chart, "limits").ShouldBe($"{2 + 100 + 8 + 128}Mi");
    }

    [HelmFact]
    public async Task What_a_person_says_of_resources_wins()
    {
        var chart = await RenderAsync("--set", $"{Image},resources.limits.memory=3Gi,resources.limits.cpu=2,resources.requests.cpu=1");

        chart.Container["resources"]!.ToJsonString()
            .ShouldBe("""{"limits":{"cpu":"2","memory":"3Gi"},"requests":{"cpu":"1","memory":"3Gi"}}""");
    }

    private static async Task<RenderedChart> RenderAsync(params IEnumerable<string> arguments) => new(await Helm.TemplateAsync(arguments));

    private static string? Memory(RenderedChart chart, string kind) => (string?)chart.Container["resources"]![kind]!["memory"];
}
