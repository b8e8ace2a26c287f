using System.Text.Json;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Qemu;

/// <summary>
/// Asks the agent in the guest, one command at a time, each within a limit. The guest is a stranger: a line may be 1 MiB long, an
/// answer must be among the first 4 MiB that come, and the first command and each after one that went wrong begins with finding out
/// whose answers these are (<see cref="GuestAgentPort"/>). Whether an agent runs at all is known without asking
/// (<see cref="QmpCommands.QueryPortOpenAsync"/>).
///
/// Commands fail with <see cref="TimeoutException"/> where no answer comes, with <see cref="QmpException"/> where the agent refuses,
/// and with <see cref="IOException"/> where QEMU is gone or nothing sensible comes.
/// </summary>
internal sealed class GuestAgentClient(string path, TimeProvider time) : IDisposable
{
    /// <summary>A shutdown is answered only where it is refused, and that soon.</summary>
    private static readonly TimeSpan Refusal = TimeSpan.FromSeconds(1);

    private readonly GuestAgentPort _port = new(path);
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Fails where the agent does not live.</summary>
    public Task PingAsync(TimeSpan limit, CancellationToken cancel = default) => AskAsync("guest-ping", limit, cancel);

    public async Task<GuestAgentInfo> GetInfoAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.Info(await AskAsync("guest-info", limit, cancel).ConfigureAwait(false));

    /// <returns>Null where the guest has none that is text.</returns>
    public async Task<string?> GetHostNameAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.HostName(await AskAsync("guest-get-host-name", limit, cancel).ConfigureAwait(false));

    public async Task<GuestOs> GetOsAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.Os(await AskAsync("guest-get-osinfo", limit, cancel).ConfigureAwait(false));

    public async Task<IReadOnlyList<GuestInterface>> GetInterfacesAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.Interfaces(await AskAsync("guest-network-get-interfaces", limit, cancel).ConfigureAwait(false));

    /// <returns>Null where the guest does not say.</returns>
    public async Task<string?> GetTimeZoneAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.TimeZone(await AskAsync("guest-get-timezone", limit, cancel).ConfigureAwait(false));

    public async Task<IReadOnlyList<GuestUser>> GetUsersAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.Users(await AskAsync("guest-get-users", limit, cancel).ConfigureAwait(false));

    public async Task<IReadOnlyList<GuestFilesystem>> GetFilesystemsAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.Filesystems(await AskAsync("guest-get-fsinfo", limit, cancel).ConfigureAwait(false));

    /// <returns><c>thawed</c> or <c>frozen</c>.</returns>
    public async Task<string?> GetFreezeStatusAsync(TimeSpan limit, CancellationToken cancel = default) =>
        GuestAgentReplies.Text(await AskAsync("guest-fsfreeze-status", limit, cancel).ConfigureAwait(false));

    /// <summary>Lets no filesystem of the guest's write any more, with all that was written on its disk.</summary>
    public Task FreezeAsync(TimeSpan limit, CancellationToken cancel = default) => AskAsync("guest-fsfreeze-freeze", limit, cancel);

    public Task ThawAsync(TimeSpan limit, CancellationToken cancel = default) => AskAsync("guest-fsfreeze-thaw", limit, cancel);

    /// <summary>Asks the guest to power off. Done when a living agent has got the command and not refused it within a second.</summary>
    public Task PowerDownAsync(TimeSpan limit, CancellationToken cancel = default) => ShutdownAsync("powerdown", limit, cancel);

    /// <summary>As above: to start again.</summary>
    public Task RebootAsync(TimeSpan limit, CancellationToken cancel = default) => ShutdownAsync("reboot", limit, cancel);

    public void Dispose() => _port.Dispose();

    private Task<JsonElement> ShutdownAsync(string mode, TimeSpan limit, CancellationToken cancel) => TakeTurnAsync(
        "guest-shutdown",
        async stop =>
        {
            await _port.SyncAsync(anew: true, stop).ConfigureAwait(false);
            var command = QmpMessage.Command("guest-shutdown", arguments => arguments.WriteString("mode", mode));
            await _port.SendAsync(command, stop).ConfigureAwait(false);
            return await RefusedAsync(stop, cancel).ConfigureAwait(false);
        },
        limit,
        cancel);

    private Task<JsonElement> AskAsync(string command, TimeSpan limit, CancellationToken cancel) => TakeTurnAsync(
        command,
        async stop =>
        {
            await _port.SyncAsync(anew: false, stop).ConfigureAwait(false);
            await _port.SendAsync(QmpMessage.Command(command, null), stop).ConfigureAwait(false);
            return await _port.ReceiveAsync(stop).ConfigureAwait(false);
        },
        limit,
        cancel);

    private async Task<JsonElement> RefusedAsync(CancellationToken stop, CancellationToken cancel)
    {
        using var refusal = new CancellationTokenSource(Refusal, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, refusal.Token);
        try
        {
            return await _port.ReceiveAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            _port.LoseStep();
            return default;
        }
        catch (IOException)
        {
            // The guest was quicker than that.
            _port.Disconnect();
            return default;
        }
    }

    private async Task<JsonElement> TakeTurnAsync(
        string command, Func<CancellationToken, Task<JsonElement>> exchange, TimeSpan limit, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(limit, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        var entered = false;
        try
        {
            await _turn.WaitAsync(stop.Token).ConfigureAwait(false);
            entered = true;
            return await exchange(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (entered)
            {
                _port.LoseStep();
            }

            cancel.ThrowIfCancellationRequested();
            throw new TimeoutException($"the guest agent did not answer {command} within {limit.TotalSeconds:0.###} s");
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _port.Disconnect();
            throw new IOException($"asking the guest agent for {command} failed: {e.Message}", e);
        }
        finally
        {
            if (entered)
            {
                _turn.Release();
            }
        }
    }
}
