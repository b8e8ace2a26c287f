using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>What a connection is for once it is not HTTP's any more: until it ends, or is cancelled because the connection is gone.</summary>
internal delegate Task HandedOver(SslStream stream, CancellationToken gone);

/// <summary>
/// A connection whose request is answered by an upgrade goes on without the server's HTTP part. While a request is under way that part holds
/// buffers, headers, features and a dozen suspended methods, 11 KiB of each idle link; so the request ends with its answer, and what follows
/// is between the TLS stream and who took it over. Whoever answers asks for the feature <see cref="Handover"/> and returns.
/// </summary>
internal sealed class Handover : IConnectionHeartbeatFeature
{
    /// <summary>HTTP's timeouts: while there is HTTP.</summary>
    private List<(Action<object> Action, object State)> _beats = [];
    private HandedOver? _next;

    /// <summary>For the secure connections of a listener.</summary>
    public static void Around(ListenOptions listen) => listen.Use(next => connection => RunAsync(connection, next));

    /// <summary>To be called once the client has its answer; the request must end then, and read nothing.</summary>
    public void To(HandedOver next) => _next = next;

    void IConnectionHeartbeatFeature.OnHeartbeat(Action<object> action, object state) => _beats.Add((action, state));

    private static async Task RunAsync(ConnectionContext connection, ConnectionDelegate http)
    {
        if (await HttpAsync(connection, http).ConfigureAwait(false) is { } next)
        {
            await next(connection.Features.GetRequiredFeature<ISslStreamFeature>().SslStream, connection.ConnectionClosed).ConfigureAwait(false);
        }
    }

    private static async Task<HandedOver?> HttpAsync(ConnectionContext connection, ConnectionDelegate http)
    {
        var handover = new Handover();
        var heart = connection.Features.GetRequiredFeature<IConnectionHeartbeatFeature>();
        connection.Features.Set(handover);
        connection.Features.Set<IConnectionHeartbeatFeature>(handover);
        heart.OnHeartbeat(static state => ((Handover)state).Beat(), handover);
        await http(connection).ConfigureAwait(false);

        // What else would keep HTTP's part alive.
        handover._beats = [];
        connection.Features.Set(heart);
        connection.Features.Set<Handover>(null);
        connection.Features.Set<IConnectionTimeoutFeature>(null);
        (var next, handover._next) = (handover._next, null);
        return next;
    }

    private void Beat()
    {
        foreach (var (action, state) in _beats)
        {
            action(state);
        }
    }
}
