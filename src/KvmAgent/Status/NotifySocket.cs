using System.Net.Sockets;
using System.Text;
using KvmAgent.Qemu;

namespace KvmAgent.Status;

/// <summary>
/// Tells a service manager how things are, where there is one: datagrams to the socket in <c>NOTIFY_SOCKET</c> (sd_notify(3)),
/// a path or, with an @, an abstract name.
/// </summary>
internal sealed class NotifySocket : IDisposable
{
    private const int LongestStatus = 512;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string _path;

    private NotifySocket(string path) => _path = path;

    /// <summary>Opens the socket of that name.</summary>
    /// <param name="name">The value of <c>NOTIFY_SOCKET</c>.</param>
    /// <returns>Null where there is none, or of a kind that stays outside of containers (vsock).</returns>
    public static NotifySocket? Open(string? name) => name switch
    {
        ['/', ..] => new NotifySocket(name),
        ['@', .., _] => new NotifySocket('\0' + name[1..]),
        _ => null,
    };

    /// <returns>False where the service manager did not take it, as of the other calls; nothing depends on it.</returns>
    public bool Ready() => Send("READY=1");

    public bool Stopping() => Send("STOPPING=1");

    /// <summary>One line for people.</summary>
    public bool Status(string text) => Send($"STATUS={ConsoleText.Clean(text, LongestStatus)}");

    public void Dispose() => _socket.Dispose();

    private bool Send(string message)
    {
        try
        {
            _socket.SendTo(Encoding.UTF8.GetBytes(message), new UnixDomainSocketEndPoint(_path));
            return true;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return false;
        }
    }
}
