using System.Net.Sockets;

namespace KvmAgent.Qemu;

/// <summary>
/// The guest's serial console, shared. QEMU's character device takes one client, and that is the hub, from QEMU's start to its end
/// and again with the next QEMU. What the guest prints goes to the log (<see cref="ConsoleLog"/>) and into 64 KiB of scrollback
/// (<see cref="ConsoleScrollback"/>), from which everybody who connects to <c>console.sock</c> reads at their own pace
/// (<see cref="ConsoleServer"/>): raw bytes, the scrollback first, words of the agent's own as <c>[kvm-agent: …]</c>.
/// The guest waits for none of them; what they type waits until the guest takes it.
/// </summary>
internal sealed class ConsoleHub : IAsyncDisposable
{
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    private readonly ConsoleScrollback _scrollback = new();
    private readonly ConsoleLog _log;
    private readonly ConsoleServer _server;
    private readonly TimeProvider _time;
    private volatile NetworkStream? _guest;
    private Task _reading = Task.CompletedTask;

    private ConsoleHub(string path, Action<string> line, TimeProvider time)
    {
        _server = ConsoleServer.Open(path, _scrollback, TypeAsync, time);
        _log = new ConsoleLog(line, time);
        _time = time;
    }

    /// <summary>Opens the console to all who may attach: the agent's own user.</summary>
    /// <param name="path">The socket to make; one that is there is replaced.</param>
    /// <param name="line">Gets the console's lines for the log, one at a time, from another thread.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="AgentException">The socket cannot be made.</exception>
    public static ConsoleHub Start(string path, Action<string> line, TimeProvider time) => new(path, line, time);

    /// <summary>Connects to QEMU's console and passes bytes until it ends or <see cref="DetachGuestAsync"/>.</summary>
    /// <param name="path">QEMU's <c>-chardev socket,path=PATH,server=on,wait=off</c>: what the guest prints before this is lost.</param>
    /// <param name="limit">How long to wait for QEMU to open it.</param>
    /// <param name="processExited">Completes when QEMU has ended.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="IOException">QEMU ended first.</exception>
    /// <exception cref="TimeoutException">QEMU took too long.</exception>
    public async Task AttachGuestAsync(string path, TimeSpan limit, Task processExited, CancellationToken cancel = default)
    {
        await DetachGuestAsync().ConfigureAwait(false);
        var socket = await QmpSocket.ConnectAsync(path, limit, processExited, _time, cancel).ConfigureAwait(false);
        _guest = new NetworkStream(socket, ownsSocket: true);
        _reading = ReadGuestAsync(_guest);
    }

    /// <summary>Lets go of QEMU's console when all that QEMU has printed was read; those who are attached stay.</summary>
    public async Task DetachGuestAsync()
    {
        if (_guest is not { } guest)
        {
            await _reading.ConfigureAwait(false);
            return;
        }

        try
        {
            // QEMU, if it still is, takes this as a goodbye and closes its end.
            guest.Socket.Shutdown(SocketShutdown.Send);
            await _reading.WaitAsync(Farewell, _time).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or SocketException or ObjectDisposedException)
        {
            await guest.DisposeAsync().ConfigureAwait(false);
            await _reading.ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await DetachGuestAsync().ConfigureAwait(false);
        _log.Dispose();
        await _server.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReadGuestAsync(NetworkStream guest)
    {
        var buffer = new byte[16 << 10];
        try
        {
            while (await guest.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var count)
            {
                _scrollback.Append(buffer.AsSpan(0, count));
                _log.Feed(buffer.AsSpan(0, count));
                _server.Wake();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // QEMU was killed, or we let go of it.
        }

        _guest = null;
        await guest.DisposeAsync().ConfigureAwait(false);
        _log.End();
        _server.Say("the machine is off");
    }

    private async Task<bool> TypeAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            if (_guest is { } guest)
            {
                await guest.WriteAsync(bytes).ConfigureAwait(false);
                return true;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It ended while this was under way.
        }

        return false;
    }
}
