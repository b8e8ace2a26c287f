using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>
/// How many TLS handshakes are under way at once in the process: when thousands of agents dial a coordinator that is back, each waits for its turn
/// here, at next to no cost, and what else has to be done (renew the lease, above all) waits behind a few of them, not behind all.
/// </summary>
internal static class HandshakeGate
{
    private const int MostAtOnce = 16;

    /// <summary>Who connects and says nothing takes nobody's turn, and is not waited for.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    private static readonly SemaphoreSlim Turns = new(MostAtOnce);

    /// <summary>Around what <paramref name="secure"/> adds to a listener.</summary>
    public static void Around(ListenOptions listen, TimeProvider time, Action secure)
    {
        listen.Use(next => connection => EnterAsync(connection, time, next));
        secure();
        listen.Use(static next => connection =>
        {
            connection.Features.Get<Turn>()?.End();
            SpareMemory.Handshaken();
            return next(connection);
        });
    }

    private static async Task EnterAsync(ConnectionContext connection, TimeProvider time, ConnectionDelegate next)
    {
        if (!await IsItsTurnAsync(connection, time).ConfigureAwait(false))
        {
            return;
        }

        using var turn = new Turn();
        connection.Features.Set(turn);
        await next(connection).ConfigureAwait(false);
    }

    private static async Task<bool> IsItsTurnAsync(ConnectionContext connection, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(Silence, time);
        try
        {
            var first = await connection.Transport.Input.ReadAsync(limit.Token).ConfigureAwait(false);
            connection.Transport.Input.AdvanceTo(first.Buffer.Start);
            if (first.Buffer.IsEmpty)
            {
                return false;
            }

            await Turns.WaitAsync(connection.ConnectionClosed).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return false;
        }
    }

    private sealed class Turn : IDisposable
    {
        private int _ended;

        public void End()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                Turns.Release();
            }
        }

        public void Dispose() => End();
    }
}
