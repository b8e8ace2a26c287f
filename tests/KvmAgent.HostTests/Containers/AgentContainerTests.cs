using System.Globalization;
using KvmAgent.Contracts;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Containers;

/// <summary>The image does in a container with the documented rights what the agent does on the host with all of them.</summary>
public class AgentContainerTests
{
    [ContainerFact]
    public async Task A_guest_runs_is_watched_and_is_powered_off_with_the_documented_rights_alone()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var container = await AgentContainer.StartAsync(pod);
        await container.ReadyAsync();

        (await pod.GuestStatusAsync()).GetProperty("address").GetString().ShouldBe("192.168.254.2");
        var status = await container.StatusAsync();
        status.Phase.ShouldBe(VmPhase.Running);
        status.Network!.PodIp.ShouldBe(PodNamespace.Address);
        (await container.TryExecAsync("kvm-agent", "check")).ShouldSatisfyAllConditions(
            check => check.ExitCode.ShouldBe(0, check.Output), check => check.Output.ShouldNotContain("MISSING"));

        await AgentIsPidOneWithNothingMoreThanDocumented(container);
        await QemuIsAUserOfItsOwnWithoutCapabilities(container, status.Machine!.QemuPid!.Value);
        await OrphansAreReaped(container);

        (await container.StopAsync()).ShouldBe(0, await container.LogAsync());
        var log = await container.LogAsync();
        log.ShouldContain("test-guest: powering off");
        log.ShouldNotContain("cannot undo");
        (await pod.Pod.RunAsync("ip", "-o", "link")).ShouldNotContain("vmbr0");
        await container.RemoveAsync();
    }

    [ContainerFact]
    public async Task A_killed_container_starts_again_on_the_files_that_it_left()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var container = await AgentContainer.StartAsync(pod);
        await container.ReadyAsync();
        await container.RestartHardAsync();
        await container.ReadyAsync();
        (await pod.GuestStatusAsync()).GetProperty("boots").GetInt32().ShouldBe(2);
        (await container.StopAsync()).ShouldBe(0, await container.LogAsync());
    }

    private static async Task AgentIsPidOneWithNothingMoreThanDocumented(AgentContainer container)
    {
        var agent = await container.ProcessStatusAsync(1);
        agent["Name"].ShouldBe("kvm-agent");

        // CHOWN 0, SETGID 6, SETUID 7, NET_BIND_SERVICE 10, NET_ADMIN 12, NET_RAW 13, MKNOD 27 (include/uapi/linux/capability.h)
        int[] documented = [0, 6, 7, 10, 12, 13, 27];
        Capabilities(agent, "CapBnd").ShouldBe(documented.Aggregate(0UL, (all, bit) => all | 1UL << bit));
        agent["NoNewPrivs"].ShouldBe("1");
        agent["Seccomp"].ShouldBe("2");
    }

    private static async Task QemuIsAUserOfItsOwnWithoutCapabilities(AgentContainer container, int pid)
    {
        var qemu = await container.ProcessStatusAsync(pid);
        qemu["Name"].ShouldStartWith("qemu-system");
        qemu["Uid"].ShouldBe("107\t107\t107\t107");
        qemu["Gid"].ShouldBe("107\t107\t107\t107");
        foreach (var set in new[] { "CapInh", "CapPrm", "CapEff", "CapAmb" })
        {
            Capabilities(qemu, set).ShouldBe(0UL, set);
        }

        (await container.ExecAsync("id", "107")).ShouldStartWith("uid=107(qemu) gid=107(qemu)");
    }

    /// <summary>What an exec leaves running becomes PID 1's child.</summary>
    private static async Task OrphansAreReaped(AgentContainer container)
    {
        var pid = (await container.ExecAsync("sh", "-c", "sleep 0.5 >/dev/null 2>&1 & echo $!")).Trim();
        await Until.TrueAsync(async () => (await container.TryExecAsync("test", "-e", $"/proc/{pid}")).ExitCode != 0);
        (await container.TryExecAsync("sh", "-c", "cat /proc/[0-9]*/stat")).Output.Split('\n').ShouldNotContain(l => l.Contains(") Z ", StringComparison.Ordinal));
    }

    private static ulong Capabilities(IReadOnlyDictionary<string, string> status, string set) =>
        ulong.Parse(status[set], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
