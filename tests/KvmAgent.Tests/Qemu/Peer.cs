using System.Net.Sockets;
using System.Text;

namespace KvmAgent.Tests.Qemu;

/// <summary>A directory for sockets, whose names must be short.</summary>
internal sealed class SocketDirectory : IDisposable
{
    private readonly DirectoryInfo _directory;

    private SocketDirectory(DirectoryInfo directory) => _directory = directory;

    public string this[string name] => Path.Combine(_directory.FullName, name);

    public static SocketDirectory Create() => new(Directory.CreateTempSubdirectory("kvm-agent-"));

    /// <summary>Listens as QEMU does.</summary>
    public Socket Listen(string name) => ListenAt(this[name]);

    public static Socket ListenAt(string path)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        return listener;
    }

    public void Dispose() => _directory.Delete(recursive: true);
}

/// <summary>One end of a stream of text: writes, and waits for what it expects to read.</summary>
internal sealed class Peer(Socket socket) : IDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly byte[] _buffer = new byte[64 << 10];
    private readonly StringBuilder _unread = new();

    public Socket Socket => socket;

    public static async Task<Peer> ConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        return new Peer(socket);
    }

    public static async Task<Peer> AcceptAsync(Socket listener) => new(await listener.AcceptAsync().WaitAsync(Limit));

    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!bytes.IsEmpty)
        {
            bytes = bytes[(await socket.SendAsync(bytes, limit.Token))..];
        }
    }

    public Task WriteAsync(string text) => WriteAsync(Encoding.Latin1.GetBytes(text));

    /// <returns>Everything up to and with that text.</returns>
    public async Task<string> ReadUntilAsync(string text)
    {
        while (true)
        {
            var at = _unread.ToString().IndexOf(text, StringComparison.Ordinal);
            if (at >= 0)
            {
                var read = _unread.ToString(0, at + text.Length);
                _unread.Remove(0, read.Length);
                return read;
            }

            (await ReceiveAsync()).ShouldNotBe(0, $"the stream ended before {text}: {_unread}");
        }
    }

    public async Task<string> ReadLineAsync() => await ReadUntilAsync("\n");

    public async Task<string> ReadToEndAsync()
    {
        while (await ReceiveAsync() > 0)
        {
        }

        return _unread.ToString();
    }

    public void Dispose() => socket.Dispose();

    private async Task<int> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        var count = await socket.ReceiveAsync(_buffer.AsMemory(), limit.Token);
        _unread.Append(Encoding.Latin1.GetString(_buffer, 0, count));
        return count;
    }
}
