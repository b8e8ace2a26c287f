using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;

namespace KvmAgent.Coordinator.Bench;

/// <summary>A guest's screen by the pod's port and by the coordinator, in turn; see tests/bench/console.</summary>
internal static class Vnc
{
    /// <param name="direct">The pod's address, whose port 5900 is meant.</param>
    /// <param name="stream">The machine's <c>wss://…/vnc</c>.</param>
    public static async Task MeasureAsync(string direct, Uri stream, string token, int rounds, Action<string, string> row)
    {
        foreach (var (name, encoding) in new[] { ("raw", Rfb.Raw), ("ZRLE", Rfb.Zrle) })
        {
            var (straight, through) = (new List<double>(), new List<double>());
            for (var i = 0; i < rounds; i++)
            {
                straight.Add((await ViewAsync(() => DialAsync(direct), encoding)).Bytes);
                through.Add((await ViewAsync(() => DialAsync(stream, token), encoding)).Bytes);
            }

            var (a, b) = (Median(straight), Median(through));
            row($"screen, {name}", $"{b / (1 << 20):0.0} MiB/s through the coordinator, {a / (1 << 20):0.0} direct: {b / a:0.00} (wanted: at least 0.90)");
        }
    }

    private static async Task<(double Screens, double Bytes)> ViewAsync(Func<Task<Stream>> dial, int encoding)
    {
        await using var stream = await dial();
        return await Rfb.ViewAsync(stream, encoding, TimeSpan.FromSeconds(5), CancellationToken.None);
    }

    private static async Task<Stream> DialAsync(string host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host, 5900);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<Stream> DialAsync(Uri address, string token)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("plain.kubevirt.io");
        socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
#pragma warning disable CA5359 // It is a coordinator of this very run, on loopback.
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
#pragma warning restore CA5359
        });
        await socket.ConnectAsync(address, invoker, CancellationToken.None);
        return WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: true);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
