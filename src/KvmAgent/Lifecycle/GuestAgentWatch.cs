using System.Threading.Channels;
using KvmAgent.Contracts;
using KvmAgent.Qemu;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>
/// Follows the guest agent: QEMU tells when the guest opens or closes its channel; while it is open, the guest is asked what it says of
/// itself, at once and then every 30 s, which is also the proof that it still answers. Nothing runs while there is no guest agent.
/// </summary>
internal sealed partial class GuestAgentWatch : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30), Limit = TimeSpan.FromSeconds(5);

    private readonly GuestAgentClient _client;
    private readonly StatusBoard _board;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Channel<bool> _changes = Channel.CreateUnbounded<bool>();
    private readonly Task _worker;

    public GuestAgentWatch(QemuRun run, string socket, StatusBoard board, TimeProvider time, ILogger<GuestAgentWatch> log)
    {
        _client = new GuestAgentClient(socket, time);
        (_board, _time, _log) = (board, time, log);
        run.GuestAgentOpen += open => _changes.Writer.TryWrite(open);
        _worker = WorkAsync();
    }

    /// <summary>Whether the guest agent is there and answered when last asked.</summary>
    public bool Answers => _board.Current.GuestAgent is { Answers: true };

    /// <summary>For questions of others; one at a time is asked.</summary>
    public GuestAgentClient Client => _client;

    /// <summary>Asks the guest to power off.</summary>
    public Task ShutdownAsync(CancellationToken cancel) => _client.PowerDownAsync(Limit, cancel);

    public async ValueTask DisposeAsync()
    {
        _changes.Writer.TryComplete();
        await _worker.ConfigureAwait(false);
        _client.Dispose();
    }

    private async Task WorkAsync()
    {
        var changes = _changes.Reader;
        while (await changes.WaitToReadAsync().ConfigureAwait(false))
        {
            var open = false;
            while (changes.TryRead(out var latest))
            {
                open = latest;
            }

            if (!open)
            {
                _board.Update(s => s with { GuestAgent = null });
                continue;
            }

            var next = changes.WaitToReadAsync().AsTask();
            do
            {
                await AskAsync().ConfigureAwait(false);
            }
            while (!await CompletesWithinAsync(next, Every).ConfigureAwait(false));
        }
    }

    private async Task AskAsync()
    {
        try
        {
            var supported = (await _client.GetInfoAsync(Limit).ConfigureAwait(false)).Commands;
            var host = supported.Contains("guest-get-host-name") ? await _client.GetHostNameAsync(Limit).ConfigureAwait(false) : null;
            var os = supported.Contains("guest-get-osinfo") ? await _client.GetOsAsync(Limit).ConfigureAwait(false) : null;
            var interfaces = supported.Contains("guest-network-get-interfaces") ? await _client.GetInterfacesAsync(Limit).ConfigureAwait(false) : [];
            _board.Update(s => s with
            {
                GuestAgent = new GuestAgentStatus(
                    true,
                    host,
                    os?.PrettyName ?? os?.Name,
                    os?.KernelRelease,
                    [.. interfaces.Select(i => new Contracts.GuestInterface(i.Name, i.Mac, [.. i.Addresses.Select(a => $"{a.Address}/{a.Prefix}")]))]),
            });
        }
        catch (Exception e) when (e is TimeoutException or QmpException or IOException)
        {
            if (_board.Current.GuestAgent is not { Answers: false })
            {
                LogSilent(e.Message);
            }

            _board.Update(s => s with { GuestAgent = (s.GuestAgent ?? new GuestAgentStatus(false, null, null, null, [])) with { Answers = false } });
        }
    }

    private async Task<bool> CompletesWithinAsync(Task task, TimeSpan limit)
    {
        try
        {
            await task.WaitAsync(limit, _time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the guest agent does not answer: {Error}")]
    private partial void LogSilent(string error);
}
