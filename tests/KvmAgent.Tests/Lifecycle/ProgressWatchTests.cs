using System.Net.Sockets;
using KvmAgent.Contracts;
using KvmAgent.Lifecycle;
using KvmAgent.Qemu;
using KvmAgent.Status;
using KvmAgent.Tests.Qemu;
using KvmAgent.Tests.Status;
using KvmAgent.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Tests.Lifecycle;

public sealed class ProgressWatchTests : IDisposable
{
    private static readonly Task Running = new TaskCompletionSource().Task;

    private readonly ManualTime _time = new();
    private readonly StatusBoard _board = Boards.New();
    private readonly SocketDirectory _sockets = SocketDirectory.Create();
    private readonly Socket _listener;

    public ProgressWatchTests()
    {
        _listener = _sockets.Listen("qmp.sock");
        _board.Up().Update(s => s with { Network = s.Network! with { LeaseGiven = false } });
    }

    public void Dispose()
    {
        _listener.Dispose();
        _sockets.Dispose();
    }

    [Fact]
    public async Task A_guest_that_shows_no_sign_of_life_is_warned_of_once()
    {
        var watching = await WatchAsync(Running, 17, 17);

        await _time.AdvanceUntilAsync(watching);

        _board.Current.Warnings.ShouldHaveSingleItem().ShouldBe(
            "the guest has shown no sign of life for 30 s under KVM: no DHCP, no guest agent, no disk access; "
            + "if it is not waiting for you on its screen, KVM may be broken here: set VM_ACCEL=tcg");
    }

    [Fact]
    public async Task A_guest_that_reads_its_disk_is_watched_on()
    {
        var watching = await WatchAsync(Running, 17, 18, 19, 19);

        await _time.AdvanceUntilAsync(watching);

        _time.GetElapsedTime(0).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromSeconds(90));
        _board.Current.Warnings.ShouldHaveSingleItem();
    }

    /// <summary>That it does nothing is what was wanted; once it goes on, it has all of its time.</summary>
    [Fact]
    public async Task A_paused_guest_is_not_complained_of()
    {
        _board.Signal(VmSignal.GuestPaused);
        var watching = await WatchAsync(Running, 17, 17);
        for (var i = 0; i < 4; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(30));
            _board.Current.Warnings.ShouldBeEmpty();
        }

        _board.Signal(VmSignal.GuestResumed);
        await _time.AdvanceUntilAsync(watching);

        _time.GetElapsedTime(0).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromSeconds(150));
        _board.Current.Warnings.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_guest_with_a_lease_lives()
    {
        var watching = await WatchAsync(Running, 17);
        _board.Up();

        await _time.AdvanceUntilAsync(watching);

        _board.Current.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_qemu_that_ended_is_watched_no_longer()
    {
        var ended = new TaskCompletionSource();
        var watching = await WatchAsync(ended.Task, 17);
        ended.SetResult();

        await _time.AdvanceUntilAsync(watching);

        _board.Current.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_connection_that_breaks_ends_it_without_a_fault()
    {
        var watching = await WatchAsync(Running);

        await _time.AdvanceUntilAsync(watching);

        await watching;
        _board.Current.Warnings.ShouldBeEmpty();
    }

    /// <summary>Begins to watch; the first question, which a paused guest is spared, is answered when this returns, and the connection ends behind the last answer.</summary>
    private async Task<Task> WatchAsync(Task ended, params int[] operations)
    {
        var connecting = QmpClient.ConnectAsync(_sockets["qmp.sock"], Peer.Limit, Running, TimeProvider.System);
        var qemu = await QmpClientTests.GreetAsync(_listener);
        var qmp = await connecting;
        var answered = new TaskCompletionSource();
        var answering = AnswerAsync();
        var watching = new ProgressWatch(qmp, ended, _board, _time, NullLogger<ProgressWatch>.Instance).WatchAsync(CancellationToken.None);
        if (_board.Current.Phase == VmPhase.Running)
        {
            await answered.Task.WaitAsync(Peer.Limit);
        }

        return EndAsync();

        async Task AnswerAsync()
        {
            foreach (var (index, count) in operations.Index())
            {
                (await qemu.ReadLineAsync()).ShouldContain("query-blockstats");
                await qemu.WriteAsync($$$"""{"return": [{"stats": {"rd_bytes": 0, "wr_bytes": 0, "rd_operations": {{{count - 1}}}, "wr_operations": 1}}], "id": {{{index + 2}}}}{{{'\n'}}}""");
                answered.TrySetResult();
            }

            answered.TrySetResult();
            if (operations.Length == 0)
            {
                qemu.Dispose();
            }
        }

        async Task EndAsync()
        {
            await watching;
            await answering;
            await qmp.DisposeAsync();
            qemu.Dispose();
        }
    }
}
