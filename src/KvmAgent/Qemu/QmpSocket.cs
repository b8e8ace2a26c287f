using System.Net.Sockets;

namespace KvmAgent.Qemu;

/// <summary>Connects to the Unix sockets that QEMU makes as it starts.</summary>
internal static class QmpSocket
{
    /// <summary>Part of the start-up time of every machine, and over once QEMU listens.</summary>
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);

    /// <summary>Waits until the socket is there and accepts.</summary>
    /// <param name="path">The socket.</param>
    /// <param name="limit">How long to wait.</param>
    /// <param name="processExited">Completes where nobody will make the socket any more.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="IOException">The process ended, or the socket may not be used.</exception>
    /// <exception cref="TimeoutException">Nobody accepted in time.</exception>
    public static async Task<Socket> ConnectAsync(
        string path, TimeSpan limit, Task processExited, TimeProvider time, CancellationToken cancel)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            if (processExited.IsCompleted)
            {
                throw new IOException($"QEMU ended before it opened {path}");
            }

            if (File.Exists(path) && await TryConnectAsync(path, cancel).ConfigureAwait(false) is { } socket)
            {
                return socket;
            }

            if (time.GetElapsedTime(started) >= limit)
            {
                throw new TimeoutException($"QEMU did not open {path} within {limit.TotalSeconds:0.###} s");
            }

            await Task.Delay(Poll, time, cancel).ConfigureAwait(false);
        }
    }

    /// <returns>Null where nobody accepts.</returns>
    /// <exception cref="IOException">The socket may not be used.</exception>
    public static async Task<Socket?> TryConnectAsync(string path, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();

            // Refused: left by a predecessor, or bound and not yet listening. Would block: QEMU queues one connection.
            return e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.WouldBlock or SocketError.AddressNotAvailable
                ? null
                : throw new IOException($"cannot connect to {path}: {e.Message}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
