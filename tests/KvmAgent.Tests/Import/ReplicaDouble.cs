using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace KvmAgent.Tests.Import;

/// <summary>One replica of a coordinator that importers ask for an upload; the test answers.</summary>
internal sealed class ReplicaDouble : IDisposable
{
    private readonly TcpListener _listener;
    private readonly Channel<Asked> _asked = Channel.CreateUnbounded<Asked>();

    public ReplicaDouble(string address = "127.0.0.1", int port = 0)
    {
        _listener = new TcpListener(IPAddress.Parse(address), port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many requests came that no test has looked at.</summary>
    public int More => _asked.Reader.Count;

    /// <summary>The next request.</summary>
    public async Task<Asked> NextAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await _asked.Reader.ReadAsync(limit.Token);
    }

    public void Dispose()
    {
        _listener.Dispose();
        while (_asked.Reader.TryRead(out var asked))
        {
            asked.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var stream = new NetworkStream(await _listener.AcceptSocketAsync(), ownsSocket: true);
                var head = new StringBuilder();
                var buffer = new byte[1];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer) > 0)
                {
                    head.Append((char)buffer[0]);
                }

                _asked.Writer.TryWrite(new Asked(stream, head.ToString()));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // Disposed.
        }
    }

    /// <summary>A request; disposed of it breaks off.</summary>
    internal sealed class Asked(NetworkStream stream, string head) : IDisposable
    {
        /// <summary>How much the importer has, and of how much, as it says.</summary>
        public (string? Offset, string? Length) Has => (Header("Upload-Offset"), Header("Upload-Length"));

        /// <summary>Text that begins there.</summary>
        public Task AnswerAsync(int offset, string text, int length, int total = 10) =>
            WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nUpload-Offset: {offset}\r\nUpload-Length: {total}\r\n\r\n{text}");

        public async Task WriteAsync(string text) => await stream.WriteAsync(Encoding.ASCII.GetBytes(text));

        public void Dispose() => stream.Dispose();

        private string? Header(string name) =>
            head.Split("\r\n").FirstOrDefault(line => line.StartsWith($"{name}: ", StringComparison.OrdinalIgnoreCase))?.Split(": ", 2)[1];
    }
}
