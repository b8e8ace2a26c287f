using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Images.Fetch;

/// <summary>The addresses of a host, and a connection to one of them. Of the framework alone, as <see cref="AddressRules"/>.</summary>
internal sealed class HostAddresses(HostAddresses.Resolver? resolve = null)
{
    private readonly Resolver _resolve = resolve ?? (static (host, ct) => Dns.GetHostAddressesAsync(host, ct));

    public delegate Task<IPAddress[]> Resolver(string host, CancellationToken ct);

    // A literal needs no resolver, and the resolver would not take 0.0.0.0.
    public async Task<IPAddress[]> OfAsync(string host, CancellationToken ct) =>
        IPAddress.TryParse(host, out var literal) ? [literal] : await _resolve(host, ct).ConfigureAwait(false);

    /// <summary>To the first that answers, and to no others than these.</summary>
    /// <exception cref="SocketException">None does, or there is none.</exception>
    public static async ValueTask<Stream> ConnectAsync(IPAddress[] addresses, int port, CancellationToken ct)
    {
        SocketException? failure = null;
        foreach (var address in addresses)
        {
            Socket? socket = null;
            try
            {
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(new IPEndPoint(address, port), ct).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e)
            {
                socket?.Dispose();
                if (e is not SocketException fault)
                    throw;
                failure = fault;
            }
        }
        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }
}
