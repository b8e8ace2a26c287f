using KvmAgent.Contracts;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>Starting, stopping, restarting and dying, each with a guest of its own.</summary>
public class LifeOfAGuestTests
{
    private const int Abort = 6;

    [Fact]
    public async Task Sigterm_is_a_power_button_and_the_disk_is_kept_over_a_restart_in_the_same_namespace()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        string uuid;
        await using (var first = await StartAsync(pod))
        {
            await UpAsync(first);
            await pod.Node.RunAsync("curl", "-sSf", "--max-time", "10", "--data-binary", "kept", $"http://{PodNamespace.Address}/store");
            uuid = (await pod.GuestStatusAsync()).GetProperty("machine_uuid").GetString()!;
            first.Terminate();
            (await first.ExitAsync()).ShouldBe(0, string.Join('\n', first.Lines));
            first.Lines.ShouldContain(l => l.Contains("test-guest: powering off", StringComparison.Ordinal));
            (await pod.Pod.RunAsync("ip", "-o", "link")).ShouldNotContain("vmbr0");
            (await pod.Pod.RunAsync("nft", "list", "ruleset")).ShouldNotContain("kvm_agent");
            Directory.GetFiles(first.RunDir).Select(Path.GetFileName).Order().ShouldBe(["journal", "lock"]);
        }

        await using var second = await StartAsync(pod);
        await UpAsync(second);
        (await pod.GetAsync("/stored")).ShouldBe("kept");
        var status = await pod.GuestStatusAsync();
        status.GetProperty("boots").GetInt32().ShouldBe(2);
        status.GetProperty("machine_uuid").GetString().ShouldBe(uuid);
    }

    [Fact]
    public async Task Without_vnc_port_5900_is_the_guests_too()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod, ("NO_VNC", "yes"));
        await UpAsync(agent);
        var answer = await pod.Node.TryRunAsync(["socat", "-t", "3", "-", $"TCP4:{PodNamespace.Address}:5900"], "hello\n");
        answer.Output.ShouldContain("hello");
        answer.Output.ShouldNotContain("RFB");
    }

    [Fact]
    public async Task A_guest_that_ignores_its_power_button_is_ended_by_force_in_time_and_a_second_signal_hurries()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod, ("USERDATA_FILE", UserData(pod, "# test-guest: ignore-powerbutton")), ("GRACE_PERIOD", "600s"));
        await UpAsync(agent);
        agent.Terminate();
        await agent.WaitForLineAsync("pressing the guest's power button");
        (await agent.StatusAsync()).Phase.ShouldBe(VmPhase.ShuttingDown);
        agent.Terminate();
        (await agent.ExitAsync()).ShouldBe(83, string.Join('\n', agent.Lines));
    }

    [Fact]
    public async Task A_guest_that_ignores_its_power_button_is_ended_when_the_grace_period_is_over()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod, ("USERDATA_FILE", UserData(pod, "# test-guest: ignore-powerbutton")), ("GRACE_PERIOD", "9s"));
        await UpAsync(agent);
        agent.Terminate();
        (await agent.ExitAsync()).ShouldBe(83, string.Join('\n', agent.Lines));
        agent.Lines.Count(l => l.Contains("pressing the guest's power button", StringComparison.Ordinal)).ShouldBe(1);
        agent.Lines.ShouldContain(l => l.Contains("the guest did not stop within 6 s", StringComparison.Ordinal)); // a third is kept for the rest
    }

    [Fact]
    public async Task A_panic_of_the_guests_kernel_ends_the_agent_with_80()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod, ("USERDATA_FILE", UserData(pod, "# test-guest: panic")));
        (await agent.ExitAsync()).ShouldBe(80, string.Join('\n', agent.Lines));
        agent.Lines.ShouldContain(l => l.Contains("Crashed: the guest's kernel panicked", StringComparison.Ordinal));
    }

    /// <summary>Under ip-netns(8) /sys has no control groups, so there is no counter to tell the kernel's kill from another's.</summary>
    [Theory]
    [InlineData(Abort, 81)]
    [InlineData(Native.SigKill, 82)]
    public async Task A_qemu_that_dies_ends_the_agent_and_all_is_undone(int signal, int code)
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod);
        await agent.WaitForLineAsync("Running");
        Children.Signal((await agent.StatusAsync()).Machine!.QemuPid!.Value, signal);
        (await agent.ExitAsync()).ShouldBe(code, string.Join('\n', agent.Lines));
        (await pod.Pod.RunAsync("ip", "-o", "link")).ShouldNotContain("vmbr0");
    }

    [Fact]
    public async Task A_qemu_that_the_kernel_kills_for_memory_ends_the_agent_with_82()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var group = await MemoryGroup.CreateAsync(pod, 200L << 20);
        await using var agent = await group.StartAsync(pod);
        (await agent.ExitAsync()).ShouldBe(82, string.Join('\n', agent.Lines));
        agent.Lines.ShouldContain(l => l.Contains("killed for memory; raise the pod's memory limit above 256Mi", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_qemu_that_somebody_else_kills_had_memory_enough()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var group = await MemoryGroup.CreateAsync(pod, 4L << 30);
        await using var agent = await group.StartAsync(pod);
        await agent.WaitForLineAsync("Running");
        Children.Signal((await agent.StatusAsync()).Machine!.QemuPid!.Value, Native.SigKill);
        (await agent.ExitAsync()).ShouldBe(81, string.Join('\n', agent.Lines));
    }

    [Fact]
    public async Task A_guest_that_is_held_after_its_poweroff_is_powered_on_by_start()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod, ("VM_ON_POWEROFF", "hold"));
        await UpAsync(agent);
        await agent.CommandAsync(["console"], "poweroff\n");
        await agent.WaitForLineAsync("the guest is powered off");
        var held = await agent.StatusAsync();
        held.Phase.ShouldBe(VmPhase.Stopped);
        held.Ready.ShouldBeFalse();
        File.Exists(Path.Combine(agent.RunDir, "ready")).ShouldBeFalse();

        var lines = agent.Lines.Length;
        (await agent.CommandAsync(["start"])).ExitCode.ShouldBe(0);
        await agent.WaitForLineAsync("test-guest: ready", lines);
        await Until.TrueAsync(async () => (await agent.StatusAsync()).Ready);
        (await agent.CommandAsync(["start"])).ExitCode.ShouldBe(75);
        (await agent.StatusAsync()).Starts.ShouldBe(2);
    }

    [Fact]
    public async Task A_guest_that_is_to_restart_after_its_poweroff_is_powered_on_until_the_agent_is_told_to_stop()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod, ("VM_ON_POWEROFF", "restart"));
        await UpAsync(agent);
        var lines = agent.Lines.Length;
        await agent.CommandAsync(["console"], "poweroff\n");
        await agent.WaitForLineAsync("test-guest: ready", lines);
        (await agent.StatusAsync()).Starts.ShouldBe(2);
        agent.Terminate();
        (await agent.ExitAsync()).ShouldBe(0, string.Join('\n', agent.Lines));
    }

    [Fact]
    public async Task A_dnsmasq_that_dies_is_started_again()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod);
        await agent.WaitForLineAsync("Running");
        var record = await File.ReadAllTextAsync(Path.Combine(agent.RunDir, "dnsmasq.pid"));
        Children.Signal(int.Parse(record.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture), Native.SigKill);
        await agent.WaitForLineAsync("dnsmasq ended");
        await UpAsync(agent);
    }

    internal static Task<AgentProcess> StartAsync(PodNamespace pod, params (string Name, string Value)[] environment) =>
        StartAsync(pod, TestGuest.ImageAsync(), environment);

    private static async Task<AgentProcess> StartAsync(PodNamespace pod, Task<string> image, (string Name, string Value)[] environment)
    {
        var all = new Dictionary<string, string> { ["IMG_SOURCE"] = await image };
        foreach (var (name, value) in environment)
        {
            all[name] = value;
        }

        return AgentProcess.Start(pod, all);
    }

    /// <summary>Up, and its services answer.</summary>
    internal static async Task UpAsync(AgentProcess agent)
    {
        await agent.UpAsync();
        await agent.WaitForLineAsync("test-guest: ready");
    }

    private static string UserData(PodNamespace pod, string line)
    {
        var path = Path.Combine(pod.Directory, "userdata");
        File.WriteAllText(path, $"#cloud-config\n{line}\n");
        return path;
    }
}
