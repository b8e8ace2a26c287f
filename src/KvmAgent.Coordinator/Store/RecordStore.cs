using System.Data.Common;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Store;

/// <summary>
/// Where jobs and what else a coordinator records are kept: a file of SQLite's, or PostgreSQL, which replicas may share. Both are asked by the same
/// statements: those of <see cref="RecordSession"/>. A database that is away is nobody's end: each request is told so, and the next one finds out whether
/// it is back.
/// </summary>
internal abstract partial class RecordStore(ILogger log) : IAsyncDisposable
{
    /// <summary>So often a transaction is tried where another was faster, or a pooled connection turns out to be dead.</summary>
    private const int Tries = 3;

    private int _isAway;

    /// <summary>How errors name it.</summary>
    protected abstract string Name { get; }

    /// <summary>Finds out whether it can be used, and brings it to this program's version.</summary>
    /// <exception cref="CoordinatorException">It cannot.</exception>
    public Task OpenAsync(CancellationToken cancel) => ConnectedAsync(static _ => Task.FromResult(true), cancel);

    /// <summary>Statements of which each is for itself.</summary>
    /// <exception cref="CoordinatorException">The database is away.</exception>
    public Task<T> ReadAsync<T>(Func<RecordSession, Task<T>> run, CancellationToken cancel) =>
        GuardAsync(connection => run(new RecordSession(connection, null, LockStatement, cancel)), static () => true, cancel);

    /// <summary>
    /// One transaction, in the database when this returns; where <paramref name="run"/> fails nothing of it is. It may be run more than once, and must do nothing else.
    /// Transactions of replicas pass one another: change a row by what it was (<c>WHERE version = …</c>), or <see cref="RecordSession.LockAsync"/> first.
    /// </summary>
    /// <exception cref="CoordinatorException">The database is away, or went away while it wrote: then nobody knows whether it has been written.</exception>
    public Task<T> WriteAsync<T>(Func<RecordSession, Task<T>> run, CancellationToken cancel)
    {
        var isCommitting = false;
        return GuardAsync(
            async connection =>
            {
                isCommitting = false;
                // SQLite's is immediate: it never turns out at its end that another was faster.
                await using var transaction = await connection.BeginTransactionAsync(cancel).ConfigureAwait(false);
                var result = await run(new RecordSession(connection, transaction, LockStatement, cancel)).ConfigureAwait(false);
                isCommitting = true;
                await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
                return result;
            },
            () => !isCommitting,
            cancel);
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Has something done with a connection that is nobody else's meanwhile, to a database of this program's version.</summary>
    /// <exception cref="CoordinatorException">There is no connection to be had.</exception>
    protected abstract Task<T> ConnectedAsync<T>(Func<DbConnection, Task<T>> run, CancellationToken cancel);

    /// <summary>Waits for <c>@key</c>, a number, until the transaction's end; null: a transaction is alone anyway.</summary>
    protected abstract string? LockStatement { get; }

    /// <returns>Whether it is the database that failed, and not a statement of ours that is wrong.</returns>
    protected abstract bool IsAway(DbException e);

    private async Task<T> GuardAsync<T>(Func<DbConnection, Task<T>> run, Func<bool> mayAgain, CancellationToken cancel)
    {
        for (var count = 1; ; count++)
        {
            try
            {
                var result = await ConnectedAsync(run, cancel).ConfigureAwait(false);
                if (Interlocked.Exchange(ref _isAway, 0) == 1)
                {
                    LogBack(Name);
                }

                return result;
            }
            catch (DbException e) when (e.IsTransient && count < Tries && mayAgain())
            {
                // Another transaction came between, or the connection was a dead one of the pool.
            }
            catch (DbException e) when (IsAway(e))
            {
                throw Away($"{Name} cannot be read or written: {e.Message}; see that it is there and not full", e);
            }
            catch (CoordinatorException e) when (e.Reason is FailureReason.Data or FailureReason.Unavailable)
            {
                throw Away(e.Message, e);
            }
        }
    }

    private CoordinatorException Away(string message, Exception e)
    {
        if (Interlocked.Exchange(ref _isAway, 1) == 0)
        {
            LogAway(message);
        }

        return new CoordinatorException(FailureReason.Unavailable, message, e);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}")]
    private partial void LogAway(string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Name} is there again")]
    private partial void LogBack(string name);
}
