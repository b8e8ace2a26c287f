using KvmAgent.Contracts;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.HostTests.Link;

/// <summary>A guest that is paused before its first instruction.</summary>
public class StartPausedTests
{
    [Fact]
    public async Task A_guest_waits_until_it_is_unpaused()
    {
        using var authority = new TestAuthority("authority");
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var coordinator = await LinkedCoordinator.StartAsync(pod, authority);
        var settings = await LinkedCoordinator.SettingsAsync(pod, authority);
        settings["IMG_SOURCE"] = await TestGuest.ImageAsync();
        settings["VM_START_PAUSED"] = "true";
        settings["VM_ON_POWEROFF"] = "restart";
        await using var agent = AgentProcess.Start(pod, settings);
        await coordinator.ReachesAsync(VmPhase.Preparing, VmPhase.Starting, VmPhase.Paused);

        (await agent.CommandAsync(["probe", "live"])).ExitCode.ShouldBe(0);
        (await agent.CommandAsync(["probe", "ready"])).ExitCode.ShouldNotBe(0);
        (await agent.StatusAsync()).Warnings.ShouldBeEmpty();
        var used = (await agent.CommandAsync(["metrics"])).Output;
        used.ShouldContain("kubevirt_vmi_storage_iops_read_total{name=\"web\",namespace=\"team\"} 0\n");

        await coordinator.Link!.UnpauseAsync(default);
        await coordinator.ReachesAsync(VmPhase.Preparing, VmPhase.Starting, VmPhase.Paused, VmPhase.Running);
        await LifeOfAGuestTests.UpAsync(agent);
        (await agent.CommandAsync(["metrics"])).Output.ShouldContain("kubevirt_vmi_memory_resident_bytes{name=\"web\",namespace=\"team\"} ");

        // Once powered off and on it has been let go already.
        await agent.CommandAsync(["console"], "off\n");
        await coordinator.ReachesAsync(
            VmPhase.Preparing, VmPhase.Starting, VmPhase.Paused, VmPhase.Running, VmPhase.Stopped, VmPhase.Starting, VmPhase.Running);
    }

    /// <summary>There is nothing in it that could take a power button, and so nothing to wait for.</summary>
    [Fact]
    public async Task A_guest_that_never_ran_is_ended_at_once()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = AgentProcess.Start(pod, new Dictionary<string, string>
        {
            ["IMG_SOURCE"] = await TestGuest.ImageAsync(),
            ["VM_START_PAUSED"] = "true",
        });
        await agent.WaitForLineAsync("Paused: VM_START_PAUSED is set");

        agent.Terminate();
        await agent.WaitForLineAsync("the guest never ran; quitting QEMU", patience: TimeSpan.FromSeconds(10));
        (await agent.ExitAsync()).ShouldBe(0, string.Join('\n', agent.Lines));
        agent.Lines.ShouldNotContain(l => l.Contains("power button", StringComparison.Ordinal));
    }
}
