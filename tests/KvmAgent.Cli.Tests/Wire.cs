using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Cli.Tests;

/// <summary>A wire to a server on the loopback interface, which a test can cut and mend.</summary>
internal sealed class Wire : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _ends = [];
    private readonly Uri _server;

    private Wire(Uri server) => _server = server;

    /// <summary>Whether bytes come through; of what is there when it is cut, nothing is left.</summary>
    public bool IsCut
    {
        get;
        set
        {
            lock (_ends)
            {
                field = value;
                _ends.ForEach(static end => end.Close(0));
                _ends.Clear();
            }
        }
    }

    /// <summary>How many bytes have gone to the server.</summary>
    public long Sent { get; private set; }

    /// <summary>It is cut by itself, once, when so many have; null: it is not.</summary>
    public long? CutAt { get; set; }

    public Uri Address => new($"https://{_listener.LocalEndpoint}");

    public static Wire To(Uri server)
    {
        var wire = new Wire(server);
        wire._listener.Start();
        _ = wire.RunAsync();
        return wire;
    }

    public void Dispose()
    {
        _listener.Dispose();
        IsCut = true;
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                _ = PassAsync(await _listener.AcceptSocketAsync());
            }
        }
        catch (SocketException)
        {
            // The test is over.
        }
    }

    private async Task PassAsync(Socket near)
    {
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, _server.Port);
            await using var one = new NetworkStream(near);
            await using var other = new NetworkStream(far);
            lock (_ends)
            {
                if (IsCut)
                {
                    return;
                }

                _ends.AddRange([near, far]);
            }

            await Task.WhenAny(SendAsync(one, other), other.CopyToAsync(one));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // Cut.
        }
        finally
        {
            near.Dispose();
            far.Dispose();
        }
    }

    private async Task SendAsync(NetworkStream near, NetworkStream far)
    {
        var buffer = new byte[64 << 10];
        while (await near.ReadAsync(buffer) is var read && read > 0)
        {
            await far.WriteAsync(buffer.AsMemory(0, read));
            lock (_ends)
            {
                Sent += read;
                if (Sent >= CutAt)
                {
                    (CutAt, IsCut) = (null, true);
                }
            }
        }
    }
}
