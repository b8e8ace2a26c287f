using System.Net;
using System.Net.WebSockets;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Vms;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Streams;

/// <summary>A machine's serial console or screen: bytes both ways, and an end that says why.</summary>
internal sealed class MachineSocket : IDisposable
{
    public const string Console = "console", Screen = "vnc", Spice = "spice";

    private const int FrameLength = 64 << 10;

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    private readonly WebSocket _socket;
    private readonly string _what;

    private MachineSocket(WebSocket socket, string what) => (_socket, _what) = (socket, what);

    /// <param name="kind"><see cref="Console"/>, <see cref="Screen"/> or <see cref="Spice"/>.</param>
    /// <param name="session">The same for sockets that do not take over from one another; null: this one is alone.</param>
    /// <exception cref="CliException">It is refused at once; most refusals come by <see cref="ReceiveAsync"/>.</exception>
    public static async Task<MachineSocket> DialAsync(ManagementClient client, VmTarget target, string kind, bool takeOver, CancellationToken cancel, string? session = null)
    {
        var query = QueryText.Of(("provider", target.Provider), ("take_over", takeOver ? "true" : null), ("session", session));
        return new MachineSocket(
            await client.ConnectAsync($"{target.Path}/{kind}{query}", cancel).ConfigureAwait(false), $"the {(kind == Console ? "console" : "screen")} of {target}");
    }

    /// <summary>What the machine sends, up to the end. It cannot be cancelled: that would take the socket with it, and no farewell would come through.</summary>
    /// <exception cref="CliException">It was refused, taken over by another, or broke.</exception>
    /// <exception cref="IOException">From <paramref name="take"/>: nobody takes it any more.</exception>
    public async Task ReceiveAsync(Func<ReadOnlyMemory<byte>, Task> take)
    {
        var buffer = new byte[FrameLength];
        while (true)
        {
            ValueWebSocketReceiveResult part;
            try
            {
                part = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException)
            {
                throw new CliException(ExitCodes.TryAgain, $"{_what} broke off: {e.Message}; try again", e);
            }

            if (part.MessageType == WebSocketMessageType.Close)
            {
                if (Refusal() is { } refusal)
                {
                    throw refusal;
                }

                return;
            }

            await take(buffer.AsMemory(0, part.Count)).ConfigureAwait(false);
        }
    }

    /// <exception cref="WebSocketException">It has ended or broken; <see cref="ReceiveAsync"/> says why.</exception>
    public Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop) =>
        _socket.SendAsync(bytes, WebSocketMessageType.Binary, endOfMessage: true, stop).AsTask();

    /// <summary>Says that it is not wanted any more.</summary>
    public async Task LeaveAsync()
    {
        using var limit = new CancellationTokenSource(Farewell, TimeProvider.System);
        try
        {
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // It takes nothing any more.
        }
    }

    public void Dispose() => _socket.Dispose();

    private CliException? Refusal()
    {
        var (code, why) = ((int?)_socket.CloseStatus ?? 0, _socket.CloseStatusDescription ?? "");
        return code switch
        {
            (int)WebSocketCloseStatus.PolicyViolation => new CliException(ExitCodes.TryAgain, $"{_what} was taken over by another client; --take-over takes it back"),
            StreamCloses.Refused + (int)HttpStatusCode.Conflict when why.Contains("in use", StringComparison.Ordinal) =>
                new CliException(ExitCodes.TryAgain, $"{_what} is in use; --take-over takes it from who has it"),
            > StreamCloses.Refused and < StreamCloses.Refused + 600 =>
                new CliException(ManagementClient.ExitCodeOf((HttpStatusCode)(code - StreamCloses.Refused)), $"{_what} cannot be had: {why}"),
            (int)WebSocketCloseStatus.NormalClosure => null,
            _ => new CliException(ExitCodes.TryAgain, $"{_what} ended with {code}{(why.Length > 0 ? $": {why}" : "")}; try again"),
        };
    }
}
