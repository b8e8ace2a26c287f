using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace KvmAgent.TestSupport.Api;

/// <summary>All connections, so that they can be broken. While the server is down each new one is broken before a byte is read.</summary>
internal sealed class Connections
{
    private readonly ConcurrentDictionary<string, ConnectionContext> _open = new();
    private readonly Faults _faults;

    public Connections(Faults faults)
    {
        _faults = faults;
        faults.WentDown += AbortAll;
    }

    public ConnectionDelegate Guard(ConnectionDelegate next) => async connection =>
    {
        _open[connection.ConnectionId] = connection;
        try
        {
            if (_faults.IsDown)
            {
                connection.Abort();
                return;
            }

            await next(connection);
        }
        finally
        {
            _open.TryRemove(connection.ConnectionId, out _);
        }
    };

    public void AbortAll()
    {
        foreach (var connection in _open.Values)
        {
            connection.Abort();
        }
    }
}
