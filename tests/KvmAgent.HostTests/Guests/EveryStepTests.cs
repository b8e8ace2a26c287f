using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>The agent ended at each step of its start. What it has made by then shows how far it is.</summary>
public sealed class EveryStepTests : IAsyncLifetime
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(1);

    /// <summary>
    /// In the order in which they appear, more or less: image, network and config drive are made side by side. What lasts for a moment
    /// only has a second name, in case that the moment was missed.
    /// </summary>
    private static readonly string[] Steps =
    [
        "run/lock", "run/control.sock", "run/journal", "image/.*.claim|*.qcow2", "image/.*.part|*.qcow2", "run/config-drive.iso", "run/dnsmasq.conf", "run/dnsmasq.pid",
        "image/*.json", "image/*.qcow2", "vm/.*.tmp|*.qcow2", "vm/*.qcow2", "run/console.sock", "run/qemu.pid", "run/qemu/qmp.sock", "run/qemu/vnc.sock",
    ];

    private PodNamespace _pod = null!;

    public async Task InitializeAsync() => _pod = await PodNamespace.CreateAsync(new PodOptions());

    public async Task DisposeAsync() => await _pod.DisposeAsync();

    [Fact]
    public async Task A_killed_agent_is_followed_by_one_that_starts_well_in_what_it_left()
    {
        foreach (var step in Steps)
        {
            Clear();
            await using (var killed = await StartAsync())
            {
                await ReachAsync(killed, step);
                killed.Kill();
                await killed.ExitAsync();
            }

            // By its record: what has none has never begun.
            await _pod.QemuGoneAsync();
            await using var next = await StartAsync();
            await next.WaitForLineAsync("Running");
        }

        await using var last = await StartAsync();
        await LifeOfAGuestTests.UpAsync(last);
        (await _pod.GetAsync("/status.json")).ShouldContain("192.168.254.2");
    }

    [Fact]
    public async Task An_agent_that_is_stopped_leaves_all_as_it_was()
    {
        var before = await _pod.SnapshotAsync();
        foreach (var step in Steps)
        {
            Clear();
            await using var stopped = await StartAsync(("GRACE_PERIOD", "1s"));
            await ReachAsync(stopped, step);
            stopped.Terminate();
            // A guest that has just begun to boot has no power button yet.
            (await stopped.ExitAsync()).ShouldBeOneOf([0, 83], $"{step}\n{string.Join('\n', stopped.Lines)}");
            (await _pod.SnapshotAsync()).ShouldBe(before, step);
            Refusal.HalfMade(stopped).ShouldBeEmpty(step);
        }
    }

    private Task<AgentProcess> StartAsync(params (string Name, string Value)[] environment) => LifeOfAGuestTests.StartAsync(_pod, environment);

    /// <summary>Of earlier steps, so that what appears is this agent's.</summary>
    private void Clear()
    {
        foreach (var volume in new[] { "image", "vm", "run" }.Select(name => Path.Combine(_pod.Directory, name)).Where(Directory.Exists))
        {
            Directory.Delete(volume, recursive: true);
        }
    }

    private async Task ReachAsync(AgentProcess agent, string step)
    {
        var directory = Path.Combine(_pod.Directory, Path.GetDirectoryName(step)!);
        var names = Path.GetFileName(step).Split('|');
        var started = TimeProvider.System.GetTimestamp();
        while (!Directory.Exists(directory) || !names.Any(name => Directory.EnumerateFileSystemEntries(directory, name).Any()))
        {
            if (agent.HasExited || TimeProvider.System.GetElapsedTime(started) > AgentProcess.Patience)
            {
                throw new TimeoutException($"no {step}; the agent said:\n{string.Join('\n', agent.Lines)}");
            }

            await Task.Delay(Glance, TimeProvider.System);
        }
    }
}
