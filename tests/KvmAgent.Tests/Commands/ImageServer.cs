using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvmAgent.Tests.Commands;

/// <summary>An honest server on 127.0.0.1 that knows ranges and has one file, <c>/disk.qcow2</c>.</summary>
internal sealed class ImageServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<string> _requests = [];
    private readonly byte[] _file;
    private readonly TimeSpan _pause;
    private readonly Task _serving;

    /// <param name="file">Its file.</param>
    /// <param name="pause">How long it rests after each 64 KiB.</param>
    public ImageServer(byte[] file, TimeSpan pause = default)
    {
        (_file, _pause) = (file, pause);
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/disk.qcow2";

    /// <summary>Heads of the requests, whole.</summary>
    public IReadOnlyList<string> Requests => _requests;

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
    }

    private async Task ServeAsync()
    {
        var answers = new List<Task>();
        try
        {
            while (true)
            {
                answers.Add(AnswerAsync(await _listener.AcceptTcpClientAsync()));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }

        await Task.WhenAll(answers);
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await AnswerAsync(client.GetStream());
            }
            catch (IOException)
            {
                // The client went away, as some tests want.
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var head = new List<string>();
        while (await reader.ReadLineAsync() is { Length: > 0 } line)
        {
            head.Add(line);
        }

        if (head.Count == 0)
        {
            return;
        }

        lock (_requests)
        {
            _requests.Add(string.Join('\n', head));
        }

        var range = head.First(l => l.StartsWith("Range: bytes=", StringComparison.Ordinal))["Range: bytes=".Length..].Split('-');
        var (from, to) = (int.Parse(range[0]), Math.Min(int.Parse(range[1]), _file.Length - 1));
        var (status, body) = head[0].StartsWith("GET /disk.qcow2", StringComparison.Ordinal) ? ("206 Partial Content", _file[from..(to + 1)]) : ("404 Not Found", []);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status}\r\nConnection: close\r\nETag: \"1\"\r\nContent-Length: {body.Length}\r\nContent-Range: bytes {from}-{to}/{_file.Length}\r\n\r\n"));
        foreach (var piece in body.Chunk(64 << 10))
        {
            await stream.WriteAsync(piece);
            await Task.Delay(_pause, TimeProvider.System);
        }
    }
}
