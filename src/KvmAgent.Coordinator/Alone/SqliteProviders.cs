using System.Globalization;
using System.Text.Json;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Store;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>Without a cluster, providers are rows of the database: name and time as they are, all else encrypted. This process alone writes them.</summary>
internal sealed partial class SqliteProviders : IProviderStore, IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly KeyFile _key;
    private readonly TimeProvider _time;
    private readonly ILogger<SqliteProviders> _log;
    private readonly Lock _gate = new();
    private IReadOnlyList<StoredProvider> _all;

    /// <param name="connection">Its own.</param>
    public SqliteProviders(SqliteConnection connection, KeyFile key, TimeProvider time, ILogger<SqliteProviders> log)
    {
        (_connection, _key, _time, _log) = (connection, key, time, log);
        try
        {
            _all = Read();
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        foreach (var unread in _all.Where(static p => p.Problem is not null))
        {
            LogUnread(unread.Name, unread.Problem!);
        }
    }

    public event Action? Changed;

    public Task Synced => Task.CompletedTask;

    public IReadOnlyList<StoredProvider> List() => Volatile.Read(ref _all);

    public Task AddAsync(KeptProvider provider, CancellationToken cancel) => WriteAsync(() =>
    {
        var box = Seal(provider);
        var added = _connection.Run(
            "INSERT INTO providers (name, version, added, sealed) VALUES ($name, 1, $added, $sealed) ON CONFLICT DO NOTHING",
            ("$name", provider.Name), ("$added", _time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture)), ("$sealed", box));
        return added == 0 ? ProviderFailures.IsThere(provider.Name) : null;
    });

    public Task ReplaceAsync(KeptProvider provider, string version, CancellationToken cancel) => WriteAsync(() => _connection.Run(
        "UPDATE providers SET sealed = $sealed, version = version + 1 WHERE name = $name AND version = $version",
        ("$name", provider.Name), ("$version", long.Parse(version, CultureInfo.InvariantCulture)), ("$sealed", Seal(provider))) == 0
        ? ProviderFailures.ChangedMeanwhile(provider.Name) : null);

    public Task RemoveAsync(string name, CancellationToken cancel) => WriteAsync(() =>
        _connection.Run("DELETE FROM providers WHERE name = $name", ("$name", name)) == 0 ? ProviderFailures.NotFound(name) : null);

    public async Task RunAsync(CancellationToken stop) => await Task.Delay(Timeout.InfiniteTimeSpan, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    public void Dispose() => _connection.Dispose();

    private Task WriteAsync(Func<CoordinatorException?> write)
    {
        lock (_gate)
        {
            try
            {
                if (write() is { } failure)
                {
                    throw failure;
                }

                Volatile.Write(ref _all, Read());
            }
            catch (SqliteException e)
            {
                throw new CoordinatorException(
                    FailureReason.Unavailable, $"{_connection.DataSource} cannot be read or written: {e.Message}; see that its disk is there and not full", e);
            }
        }

        Changed?.Invoke();
        return Task.CompletedTask;
    }

    /// <summary>A key is made for the first of them; where there are some already, another key than theirs is somebody's mistake.</summary>
    private byte[] Seal(KeptProvider provider)
    {
        var box = _key.Open();
        if (box is null && _all.Any(p => p.Name != provider.Name))
        {
            throw new CoordinatorException(FailureReason.Unavailable, $"{Gone}, by which the providers that are kept were encrypted; put it back, or remove them first");
        }

        return (box ?? _key.Make()).Seal(provider.Name, JsonSerializer.SerializeToUtf8Bytes(provider, KeptProviderJson.Default.KeptProvider));
    }

    private List<StoredProvider> Read()
    {
        var rows = _connection.Rows(
            "SELECT name, version, added, sealed FROM providers ORDER BY name",
            static row => (Name: row.GetString(0), Version: row.GetInt64(1), Added: row.GetDateTimeOffset(2), Sealed: row.GetFieldValue<byte[]>(3)));
        var (box, problem) = rows.Count > 0 ? Key() : default;
        return [.. rows.Select(row => Read(box, problem, row.Name, row.Sealed, row.Version.ToString(CultureInfo.InvariantCulture), row.Added))];
    }

    private (SecretBox? Box, string Problem) Key()
    {
        try
        {
            return (_key.Open(), $"{Gone}, by which it was encrypted; put it back, or give all of it anew");
        }
        catch (CoordinatorException e)
        {
            return (null, e.Message);
        }
    }

    private StoredProvider Read(SecretBox? box, string noBox, string name, byte[] text, string version, DateTimeOffset added)
    {
        var kept = box?.Open(name, text) is { } open ? JsonSerializer.Deserialize(open, KeptProviderJson.Default.KeptProvider) : null;
        return new StoredProvider(
            name, kept,
            kept is not null ? null : box is null ? noBox : $"it was encrypted by another key than that of {_key}; put that one back, or give all of it anew",
            version, added);
    }

    private string Gone => $"{_key} is not there";

    [LoggerMessage(Level = LogLevel.Warning, Message = "provider {Name} cannot be read: {Problem}")]
    private partial void LogUnread(string name, string problem);
}
