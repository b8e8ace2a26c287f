using System.Data.Common;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace KvmAgent.Coordinator.Store;

/// <summary>
/// In PostgreSQL. The file with the connection string is read anew with each use, for a mounted Secret changes; the form is brought to this program's
/// version by whichever replica comes first.
/// </summary>
internal sealed class PostgresRecords(string file, string setting, ILogger log) : RecordStore(log)
{
    private const string MigrationLock = "migrations";

    private readonly Lock _gate = new();
    private (string Text, NpgsqlDataSource Source, bool IsMigrated)? _current;

    protected override string Name => $"the database that {setting}=\"{file}\" names";

    protected override string LockStatement => "SELECT pg_advisory_xact_lock(@key)";

    public override async ValueTask DisposeAsync()
    {
        if (_current is var (_, source, _))
        {
            await source.DisposeAsync().ConfigureAwait(false);
        }
    }

    protected override async Task<T> ConnectedAsync<T>(Func<DbConnection, Task<T>> run, CancellationToken cancel)
    {
        var source = Source(Read());
        await using var connection = await OpenAsync(source, cancel).ConfigureAwait(false);
        try
        {
            if (_current is { IsMigrated: false })
            {
                await MigrateAsync(connection, cancel).ConfigureAwait(false);
                MarkMigrated(source);
            }

            return await run(connection).ConfigureAwait(false);
        }
        catch (NpgsqlException e) when (e is not PostgresException { SqlState: [not '5', ..] })
        {
            // What broke this connection has broken the idle ones.
            source.Clear();
            throw;
        }
    }

    protected override bool IsAway(DbException e) => e is not PostgresException p
        // Class 08: connection, 28 and 3D: who and where, 53: resources, 57: an operator, 58 and XX: its own; 25006: it is a standby.
        || p.SqlState is "25006" or "42501" or ['0', '8', ..] or ['2', '8', ..] or ['3', 'D', ..] or ['4', '0', ..] or ['5', '3' or '7' or '8', ..] or ['X', 'X', ..];

    private string Read()
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CoordinatorException(FailureReason.Unavailable, $"{setting}=\"{file}\" cannot be read: {e.Message}; put the connection string of PostgreSQL there", e);
        }
    }

    private NpgsqlDataSource Source(string text)
    {
        lock (_gate)
        {
            if (_current is var (former, source, _))
            {
                if (former == text)
                {
                    return source;
                }

                // Whoever has a connection of it keeps that to the end.
                source.Dispose();
                _current = null;
            }

            var made = NpgsqlDataSource.Create(PostgresConnection.Of(text, setting, file));
            _current = (text, made, false);
            return made;
        }
    }

    private void MarkMigrated(NpgsqlDataSource source)
    {
        lock (_gate)
        {
            if (_current is { } current && current.Source == source)
            {
                _current = current with { IsMigrated = true };
            }
        }
    }

    private async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource source, CancellationToken cancel)
    {
        try
        {
            return await source.OpenConnectionAsync(cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DbException or ObjectDisposedException)
        {
            throw new CoordinatorException(
                FailureReason.Unavailable, $"{Name} cannot be reached: {(e is ObjectDisposedException ? "its connection string has just changed" : Reason(e))}; see that it runs and takes who asks", e);
        }
    }

    /// <summary>Npgsql says where; what failed there says the innermost.</summary>
    private static string Reason(Exception e) => e.InnerException is { } inner and not PostgresException ? $"{e.Message}: {inner.Message}" : e.Message;

    private async Task MigrateAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancel).ConfigureAwait(false);
        var session = new RecordSession(connection, transaction, LockStatement, cancel);
        await session.LockAsync(MigrationLock).ConfigureAwait(false);
        await session.RunAsync("CREATE TABLE IF NOT EXISTS kvm_coordinator (version BIGINT NOT NULL)").ConfigureAwait(false);
        var migrations = RecordMigrations.ForPostgres;
        var version = await session.ValueAsync<long>("SELECT version FROM kvm_coordinator").ConfigureAwait(false);
        if (version > migrations.Count)
        {
            throw new CoordinatorException(
                FailureReason.Data,
                string.Create(CultureInfo.InvariantCulture, $"{Name} is of version {version}, and this program's is {migrations.Count}; run the newer kvm-coordinator that wrote it, or give another database"));
        }

        foreach (var sql in migrations.Skip((int)version))
        {
            await session.RunAsync(sql).ConfigureAwait(false);
        }

        if (version < migrations.Count)
        {
            await session.RunAsync("DELETE FROM kvm_coordinator").ConfigureAwait(false);
            await session.RunAsync("INSERT INTO kvm_coordinator (version) VALUES (@version)", ("@version", (long)migrations.Count)).ConfigureAwait(false);
        }

        await transaction.CommitAsync(cancel).ConfigureAwait(false);
    }
}
