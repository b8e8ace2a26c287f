using KvmAgent.Coordinator.Store;
using KvmAgent.TestSupport.Databases;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Store;

/// <summary>An empty database of one test's own, and any number of those who use it.</summary>
internal abstract class TestDatabase : IAsyncDisposable
{
    private readonly List<RecordStore> _open = [];

    protected string Folder { get; } = Directory.CreateTempSubdirectory("kvm-records-").FullName;

    /// <summary>In a file.</summary>
    public static TestDatabase OfFile() => new SqliteDatabase();

    /// <summary>As a replica has it, or the same one after its restart.</summary>
    public RecordStore Open(ILogger? log = null)
    {
        var store = New(log ?? NullLogger.Instance);
        _open.Add(store);
        return store;
    }

    /// <summary>As if a program had written it whose version it is.</summary>
    public abstract Task SetVersionAsync(int version);

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var store in _open)
        {
            await store.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    protected abstract RecordStore New(ILogger log);
}

internal sealed class SqliteDatabase : TestDatabase
{
    public string Path => System.IO.Path.Combine(Folder, "records.db");

    public override Task SetVersionAsync(int version) => Open().ReadAsync(session => session.RunAsync($"PRAGMA user_version = {version}"), default);

    protected override RecordStore New(ILogger log) => new SqliteRecords(Path, "DATABASE_FILE", log);
}

internal sealed class PostgresDatabase : TestDatabase
{
    private PostgresDatabase(PostgresServer server) => Server = server;

    public PostgresServer Server { get; }

    public string Name { get; } = $"test_{Guid.NewGuid():N}";

    /// <summary>Has the connection string.</summary>
    public string Secret => Path.Combine(Folder, "uri");

    public static async Task<PostgresDatabase> MakeAsync(PostgresServer server)
    {
        var database = new PostgresDatabase(server);
        await server.RunSqlAsync("postgres", $"CREATE DATABASE {database.Name}");
        await File.WriteAllTextAsync(database.Secret, server.ConnectionTo(database.Name) + "\n");
        return database;
    }

    public override Task SetVersionAsync(int version) => Server.RunSqlAsync(Name, $"UPDATE kvm_coordinator SET version = {version}");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Server.RunSqlAsync("postgres", $"DROP DATABASE {Name} WITH (FORCE)");
    }

    protected override RecordStore New(ILogger log) => new PostgresRecords(Secret, "DATABASE_CONNECTION_FILE", log);
}

/// <summary>One server for all tests that want one.</summary>
[CollectionDefinition(Name)]
public sealed class PostgresCollection : ICollectionFixture<PostgresFixture>
{
    public const string Name = "PostgreSQL";
}

public sealed class PostgresFixture : IAsyncLifetime
{
    private PostgresServer? _server;

    public PostgresServer Server => _server!;

    public async Task InitializeAsync() => _server = await PostgresServer.StartAsync();

    public async Task DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }
}
