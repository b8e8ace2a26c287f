using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Store;

/// <summary>In a file, by one connection: whoever wants it waits for the others.</summary>
internal sealed class SqliteRecords(string path, string setting, ILogger log) : RecordStore(log)
{
    private readonly SqliteFile _file = new(path, RecordMigrations.ForSqlite, setting, "jobs, image builds and the history of events are lost");
    private readonly SemaphoreSlim _gate = new(1);
    private SqliteConnection? _connection;
    private bool _isOver;

    protected override string Name => $"the database {path}";

    protected override string? LockStatement => null;

    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isOver, true))
        {
            return;
        }

        await _gate.WaitAsync().ConfigureAwait(false);
        _connection?.Dispose();
        _gate.Dispose();
    }

    protected override async Task<T> ConnectedAsync<T>(Func<DbConnection, Task<T>> run, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await run(_connection ??= _file.OpenOrCreate()).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    protected override bool IsAway(DbException e) => e is SqliteException s
        && s.SqliteErrorCode is not (SQLitePCL.raw.SQLITE_ERROR or SQLitePCL.raw.SQLITE_CONSTRAINT or SQLitePCL.raw.SQLITE_MISMATCH or SQLitePCL.raw.SQLITE_MISUSE or SQLitePCL.raw.SQLITE_RANGE);
}
