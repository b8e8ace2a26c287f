using System.Globalization;
using KvmAgent.Contracts;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>What a running agent tells, and what its QEMU may do.</summary>
[Collection(nameof(RunningGuest))]
public class AskTheAgentTests(RunningGuest guest)
{
    private AgentProcess Agent => guest.Agent;

    [Fact]
    public async Task Status_says_how_the_vm_is()
    {
        await Until.TrueAsync(async () => (await Agent.StatusAsync()).GuestAgent is { Answers: true });
        var status = await Agent.StatusAsync();
        status.Phase.ShouldBe(VmPhase.Running);
        status.Ready.ShouldBeTrue();
        status.Namespace.ShouldBe("team");
        status.Network!.PodIp.ShouldBe(PodNamespace.Address);
        status.Network.LeaseGiven.ShouldBeTrue();
        status.Machine!.Accelerator.ShouldBe("tcg");
        status.GuestAgent!.HostName.ShouldBe("fixture");
        status.GuestAgent.Interfaces.ShouldContain(i => i.Addresses.Contains("192.168.254.2/30"));

        var table = await Agent.CommandAsync(["status"]);
        table.Output.ShouldContain("Running since");
        table.Output.ShouldNotContain("\u001b");
    }

    [Fact]
    public async Task Probes_are_files_that_are_newer_than_now()
    {
        foreach (var probe in new[] { "ready", "live" })
        {
            var test = await Agent.Pod.Pod.TryRunAsync(["test", Path.Combine(Agent.RunDir, probe), "-nt", "/proc/self"]);
            test.ExitCode.ShouldBe(0, probe);
        }

        (await Agent.CommandAsync(["probe", "live"])).ExitCode.ShouldBe(0);
        (await Agent.CommandAsync(["probe", "ready", "--tcp", "80"])).ExitCode.ShouldBe(0);
        var closed = await Agent.CommandAsync(["probe", "ready", "--tcp", "81"]);
        closed.ExitCode.ShouldBe(75);
        closed.Error.ShouldContain("81");
    }

    [Fact]
    public async Task Metrics_are_open_metrics()
    {
        var metrics = (await Agent.CommandAsync(["metrics"])).Output;
        metrics.ShouldContain("kvm_agent_phase{name=\"web\",namespace=\"team\",kvm_agent_phase=\"Running\"} 1\n");
        metrics.ShouldEndWith("# EOF\n");
    }

    [Fact]
    public async Task Qemu_runs_as_a_user_of_its_own_without_capabilities_and_under_seccomp()
    {
        var pid = (await Agent.StatusAsync()).Machine!.QemuPid!.Value;
        var status = (await File.ReadAllLinesAsync($"/proc/{pid}/status"))
            .Select(l => l.Split(':', 2))
            .ToDictionary(l => l[0], l => l[1].Trim());
        status["Uid"].ShouldBe("107\t107\t107\t107");
        status["Gid"].ShouldBe("107\t107\t107\t107");
        foreach (var set in new[] { "CapInh", "CapPrm", "CapEff", "CapAmb" })
        {
            ulong.Parse(status[set], NumberStyles.HexNumber, CultureInfo.InvariantCulture).ShouldBe(0UL, set);
        }

        status["NoNewPrivs"].ShouldBe("1");
        status["Seccomp"].ShouldBe("2");
    }

    [Fact]
    public async Task The_console_shows_what_was_and_takes_input()
    {
        var answer = await Agent.CommandAsync(["console"], "echo $((6*7))-is-the-answer\n");
        answer.ExitCode.ShouldBe(0, answer.Error);
        answer.Output.ShouldContain("42-is-the-answer");
    }

    /// <summary>script(1) is the terminal.</summary>
    [Fact]
    public async Task On_a_terminal_each_key_goes_to_the_guest_and_one_leaves()
    {
        var settings = string.Join(' ', Agent.Environment.Select(static v => $"'{v.Key}={v.Value}'"));
        await using var terminal = Agent.Pod.Pod.Start("script", "--quiet", "--return", "--command", $"env {settings} dotnet {AgentProcess.Program} console", "/dev/null");
        await terminal.WaitForLineAsync("Ctrl-]");
        // Ctrl-C is the guest's, too: it ends what stands on its line.
        await terminal.Input.WriteAsync("half a line\u0003echo $((6*7))-on-a-terminal\r");
        await terminal.Input.FlushAsync();
        await terminal.WaitForLineAsync("42-on-a-terminal");
        await terminal.Input.WriteAsync("\u001d");
        await terminal.Input.FlushAsync();
        (await terminal.ExitAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task A_second_agent_for_the_same_run_directory_or_disk_is_told_so()
    {
        await using var second = AgentProcess.Start(Agent.Pod, new Dictionary<string, string>
        {
            ["IMG_TARGET"] = Path.GetFileName(await TestGuest.ImageAsync()),
            ["RUN_DIR"] = Path.Combine(Agent.Pod.Directory, "run2"),
        });
        (await second.ExitAsync()).ShouldBe(75);
        second.Lines.ShouldContain(l => l.Contains("in use by another agent", StringComparison.Ordinal));
    }
}
