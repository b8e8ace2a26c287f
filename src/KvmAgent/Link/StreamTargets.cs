using System.Net;
using System.Net.Sockets;
using KvmAgent.Contracts.Link;
using KvmAgent.Lifecycle;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Link;

/// <summary>The agent's end of a stream.</summary>
/// <param name="Bytes">What is read goes to the coordinator, what comes from there is written.</param>
/// <param name="Datagrams">Each read and each write is a datagram.</param>
internal sealed record StreamTarget(Stream Bytes, bool Datagrams = false);

/// <summary>What streams lead to: the console and the screens by their sockets, as others use them, and the guest's private address.</summary>
internal sealed class StreamTargets(VmSettings settings, GuestAccess access)
{
    private readonly QemuSockets _sockets = new(settings.RunDir);

    public static IReadOnlyList<string> KindsOf(VmSettings settings) =>
        [StreamKinds.Console, StreamKinds.Vnc, .. HasSpice(settings) ? [StreamKinds.Spice] : Array.Empty<string>(), StreamKinds.Port, StreamKinds.Screenshot];

    /// <exception cref="JsonRpcException">There is no such thing, or not now.</exception>
    public async Task<StreamTarget> OpenAsync(OpenStreamRequest request, CancellationToken cancel) => request.Kind switch
    {
        StreamKinds.Console => await LocalAsync(ConsolePath, cancel).ConfigureAwait(false),
        StreamKinds.Vnc => await LocalAsync(_sockets.Vnc, cancel).ConfigureAwait(false),
        StreamKinds.Spice when HasSpice(settings) => await LocalAsync(_sockets.Spice, cancel).ConfigureAwait(false),
        StreamKinds.Port => await PortAsync(request, cancel).ConfigureAwait(false),
        StreamKinds.Screenshot => await ScreenshotAsync(cancel).ConfigureAwait(false),
        _ => throw new JsonRpcException(LinkErrors.NotSupported, $"this agent has no stream of kind {ConsoleText.Clean(request.Kind, 64)}"),
    };

    private string ConsolePath => Path.Combine(settings.RunDir, "console.sock");

    private static bool HasSpice(VmSettings settings) => settings.Machine.Display == Display.Spice;

    private static async Task<StreamTarget> LocalAsync(string path, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        return await ConnectAsync(socket, new UnixDomainSocketEndPoint(path), cancel).ConfigureAwait(false);
    }

    private async Task<StreamTarget> PortAsync(OpenStreamRequest request, CancellationToken cancel)
    {
        if (request.Port is not (> 0 and <= ushort.MaxValue) || request.Protocol is not (null or StreamKinds.Tcp or StreamKinds.Udp))
        {
            throw new JsonRpcException(
                LinkErrors.InvalidParams, $"port={request.Port}, protocol={ConsoleText.Clean(request.Protocol ?? "", 64)} is no port; give 1 to 65535, of tcp or udp");
        }

        var (guest, datagrams) = (settings.Network.Ip, request.Protocol == StreamKinds.Udp);
        var socket = datagrams
            ? new Socket(guest.AddressFamily, SocketType.Dgram, ProtocolType.Udp)
            : new Socket(guest.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        return await ConnectAsync(socket, new IPEndPoint(guest, request.Port.Value), cancel).ConfigureAwait(false) with { Datagrams = datagrams };
    }

    private static async Task<StreamTarget> ConnectAsync(Socket socket, EndPoint end, CancellationToken cancel)
    {
        try
        {
            await socket.ConnectAsync(end, cancel).ConfigureAwait(false);
            return new StreamTarget(socket.SocketType == SocketType.Dgram ? new DatagramStream(socket) : new NetworkStream(socket, ownsSocket: true));
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new JsonRpcException(LinkErrors.NotRunning, $"nobody answers at {end}: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            throw new JsonRpcException(LinkErrors.TimedOut, $"nobody answers at {end} in time");
        }
    }

    /// <summary>QEMU's user writes into its own directory. The file is the agent's to read, and goes at once; what it holds is a stranger's.</summary>
    private async Task<StreamTarget> ScreenshotAsync(CancellationToken cancel)
    {
        var machine = access.Current ?? throw new JsonRpcException(LinkErrors.NotRunning, "QEMU does not run");
        var path = Path.Combine(_sockets.Directory, $"screen-{Guid.NewGuid():N}.png");
        try
        {
            await machine.Qmp.ScreenshotAsync(path, cancel).ConfigureAwait(false);
            var picture = new FileStream(path, FileMode.Open, FileAccess.Read);
            if (picture.Length <= LinkProtocol.LongestScreenshot)
            {
                return new StreamTarget(picture);
            }

            await picture.DisposeAsync().ConfigureAwait(false);
            throw new JsonRpcException(LinkErrors.Internal, "the picture of the screen is too large");
        }
        catch (QmpException e)
        {
            throw new JsonRpcException(LinkErrors.NotSupported, ConsoleText.Clean(e.Message, 256));
        }
        catch (TimeoutException e)
        {
            throw new JsonRpcException(LinkErrors.TimedOut, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new JsonRpcException(LinkErrors.NotRunning, $"there is no picture of the screen: {e.Message}");
        }
        finally
        {
            File.Delete(path);
        }
    }
}
