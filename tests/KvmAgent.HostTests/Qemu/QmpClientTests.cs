using System.Diagnostics;
using KvmAgent.Qemu;

namespace KvmAgent.HostTests.Qemu;

/// <summary>The control connection against a real QEMU.</summary>
public sealed class QmpClientTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Greets_with_its_version_and_takes_commands()
    {
        await using var qemu = BareQemu.Start("-machine", "none");
        await using var qmp = await qemu.ConnectAsync();

        Version.Parse(qmp.Version).ShouldBeGreaterThanOrEqualTo(new Version(7, 2));
        (await qmp.QueryStatusAsync()).ShouldBe(new QmpStatus("prelaunch", false));
        (await qmp.QueryKvmAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task A_refused_command_names_its_class_and_leaves_the_connection_usable()
    {
        await using var qemu = BareQemu.Start("-machine", "none");
        await using var qmp = await qemu.ConnectAsync();

        var unknown = await Should.ThrowAsync<QmpException>(qmp.ExecuteAsync("make-coffee"));
        unknown.ErrorClass.ShouldBe("CommandNotFound");
        unknown.Message.ShouldContain("make-coffee");
        var device = await Should.ThrowAsync<QmpException>(qmp.ExecuteAsync("device_del", a => a.WriteString("id", "no\"such\ndisk")));
        device.ErrorClass.ShouldBe("DeviceNotFound");
        device.Message.ShouldContain("no\"such\ndisk");
        (await qmp.QueryStatusAsync()).Running.ShouldBeFalse();
    }

    [Fact]
    public async Task Answers_find_their_commands_when_many_are_under_way()
    {
        await using var qemu = BareQemu.Start("-machine", "none");
        await using var qmp = await qemu.ConnectAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(async number => number % 2 == 0
            ? (await qmp.ExecuteAsync("query-kvm")).TryGetProperty("present", out _)
            : (await qmp.ExecuteAsync("query-status")).TryGetProperty("running", out _)));

        answers.ShouldAllBe(right => right);
    }

    [Fact]
    public async Task Events_come_in_order_and_end_with_the_connection()
    {
        await using var qemu = BareQemu.Start("-machine", "q35");
        await using var qmp = await qemu.ConnectAsync();

        await qmp.ContinueAsync();
        await qmp.PauseAsync();
        await qmp.ContinueAsync();
        await qmp.QuitAsync();

        var events = await qmp.Events.ReadAllAsync().ToListAsync().AsTask().WaitAsync(Limit);
        events.Select(e => e.Name).ShouldBe(["RESUME", "STOP", "RESUME", "SHUTDOWN"]);
        events[^1].Flag("guest").ShouldBe(false);
        events[^1].Text("reason").ShouldBe("host-qmp-quit");
        events.ShouldBeInOrder(SortDirection.Ascending, Comparer<QmpEvent>.Create((a, b) => a.Time.CompareTo(b.Time)));
        (TimeProvider.System.GetUtcNow() - events[0].Time).ShouldBeLessThan(TimeSpan.FromMinutes(1));
        await qmp.Closed.WaitAsync(Limit);
    }

    [Fact]
    public async Task Killing_qemu_ends_events_and_commands()
    {
        await using var qemu = BareQemu.Start("-machine", "none");
        await using var qmp = await qemu.ConnectAsync();

        qemu.Kill();

        await qmp.Closed.WaitAsync(Limit);
        (await qmp.Events.ReadAllAsync().ToListAsync()).ShouldBeEmpty();
        await Should.ThrowAsync<IOException>(qmp.QueryStatusAsync());
    }

    [Fact]
    public async Task Fails_at_once_when_qemu_ends_instead_of_listening()
    {
        await using var qemu = BareQemu.Start("-machine", "no-such-machine");
        var clock = Stopwatch.StartNew();

        var error = await Should.ThrowAsync<IOException>(qemu.ConnectAsync());

        error.Message.ShouldContain(qemu.Qmp);
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Counts_the_disks_operations_and_names_the_cpus_threads()
    {
        await using var qemu = BareQemu.Start(
            "-machine", "q35", "-smp", "2", "-blockdev", "driver=null-co,node-name=zero,read-zeroes=on", "-device", "virtio-blk-pci,drive=zero");
        await using var qmp = await qemu.ConnectAsync();
        var threads = await qmp.QueryCpuThreadsAsync();
        (await qmp.QueryBlockUsageAsync()).ReadOperations.ShouldBe(0);

        // SeaBIOS looks for a boot sector.
        await qmp.ContinueAsync();
        using var limit = new CancellationTokenSource(Limit);
        while ((await qmp.QueryBlockUsageAsync(cancel: limit.Token)).ReadOperations == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
        }

        threads.Distinct().Count().ShouldBe(2);
        threads.ShouldAllBe(thread => File.Exists($"/proc/{qemu.Pid}/task/{thread}/stat"));
    }
}
