using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;

namespace KvmAgent.Cli.Streams;

/// <summary>A port of the loopback interface for viewers, one at a time: others wait until it leaves. Each has a connection of its own to the machine.</summary>
internal sealed class ScreenListener : IDisposable
{
    private const int FrameLength = 64 << 10;

    private readonly Socket _listener;

    private ScreenListener(Socket listener) => _listener = listener;

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <param name="port">0: any.</param>
    /// <exception cref="CliException">It cannot be had.</exception>
    public static ScreenListener Open(int port)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
            listener.Listen();
            return new ScreenListener(listener);
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new CliException(ExitCodes.TryAgain, $"--port {port} cannot be listened on: {e.Message}; give another, or 0 for any that is free", e);
        }
    }

    /// <summary>The next viewer.</summary>
    public async Task<NetworkStream> AcceptAsync(CancellationToken cancel)
    {
        var socket = await _listener.AcceptAsync(cancel).ConfigureAwait(false);
        socket.NoDelay = true;
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Hands a viewer and a machine's screen over to one another, until one of them leaves.</summary>
    /// <exception cref="CliException">The machine's screen is refused, taken over, or breaks.</exception>
    public static async Task PassAsync(NetworkStream viewer, MachineSocket machine, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var down = DownAsync(machine, viewer, end.Token);
        var up = UpAsync(viewer, machine, end.Token);
        await Task.WhenAny(down, up).ConfigureAwait(false);
        if (!down.IsCompleted)
        {
            await machine.LeaveAsync().ConfigureAwait(false);
            machine.Dispose();
        }

        await end.CancelAsync().ConfigureAwait(false);
        await up.ConfigureAwait(false);
        try
        {
            await down.ConfigureAwait(false);
        }
        catch (CliException) when (up.Result || cancel.IsCancellationRequested)
        {
            // The viewer has left, or is left, and we with it.
        }

        cancel.ThrowIfCancellationRequested();
    }

    public void Dispose() => _listener.Dispose();

    private static async Task DownAsync(MachineSocket machine, NetworkStream viewer, CancellationToken stop)
    {
        try
        {
            await machine.ReceiveAsync(bytes => viewer.WriteAsync(bytes, stop).AsTask()).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The viewer is gone.
        }
    }

    /// <returns>Whether it was the viewer that ended it.</returns>
    private static async Task<bool> UpAsync(NetworkStream viewer, MachineSocket machine, CancellationToken stop)
    {
        var buffer = new byte[FrameLength];
        try
        {
            while (await viewer.ReadAsync(buffer, stop).ConfigureAwait(false) is > 0 and var count)
            {
                await machine.SendAsync(buffer.AsMemory(0, count), stop).ConfigureAwait(false);
            }

            return true;
        }
        catch (IOException)
        {
            return true;
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The screen ended: the other direction says why.
            return false;
        }
    }
}
