using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Store;

/// <summary>What every database does alike.</summary>
public abstract class RecordStoreTests : IAsyncLifetime
{
    private TestDatabase? _database;

    internal TestDatabase Database => _database!;

    public async Task InitializeAsync() => _database = await MakeAsync();

    public async Task DisposeAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Fact]
    public async Task What_is_written_is_there_for_others_and_after_a_restart()
    {
        await MakeTableAsync();
        var (at, bytes) = (DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), new byte[] { 0, 255, 7 });
        await using (var first = Database.Open())
        {
            var id = await first.WriteAsync(
                session => session.ValueAsync<long>(
                    "INSERT INTO things (name, at, bytes, note) VALUES (@name, @at, @bytes, @note) RETURNING id",
                    ("@name", "it's \"ä\" \n"), ("@at", RecordTime.Kept(at)), ("@bytes", bytes), ("@note", null)),
                default);
            id.ShouldBe(1);
        }

        var rows = await Database.Open().ReadAsync(
            static session => session.RowsAsync(
                "SELECT id, name, at, bytes, note FROM things WHERE name = @name",
                static row => (row.GetInt64(0), row.GetString(1), RecordTime.Read(row, 2), row.GetFieldValue<byte[]>(3), row.IsDBNull(4)),
                ("@name", "it's \"ä\" \n")),
            default);

        var row = rows.ShouldHaveSingleItem();
        (row.Item1, row.Item2, row.Item3, row.Item5).ShouldBe((1, "it's \"ä\" \n", at, true));
        row.Item4.ShouldBe(bytes);
        (await CountAsync("name = 'nobody'")).ShouldBe(0);
    }

    [Fact]
    public async Task What_fails_leaves_nothing()
    {
        await MakeTableAsync();
        var store = Database.Open();
        await Should.ThrowAsync<InvalidOperationException>(() => store.WriteAsync<int>(
            static async session =>
            {
                await session.RunAsync("INSERT INTO things (name, at) VALUES ('half', 1)");
                throw new InvalidOperationException("in the middle");
            },
            default));
        (await CountAsync("1 = 1")).ShouldBe(0);
        // A statement of ours that is wrong is no outage.
        await Should.ThrowAsync<System.Data.Common.DbException>(() => store.WriteAsync(static session => session.RunAsync("INSERT INTO nowhere VALUES (1)"), default));
        await Should.ThrowAsync<System.Data.Common.DbException>(() => store.WriteAsync(static session => session.RunAsync("INSERT INTO things (name) VALUES (NULL)"), default));
    }

    [Fact]
    public async Task Replicas_that_write_at_once_lose_nothing()
    {
        await MakeTableAsync();
        RecordStore[] replicas = [Database.Open(), Database.Open()];
        await replicas[0].WriteAsync(static session => session.RunAsync("INSERT INTO things (name, at) VALUES ('counter', 0), ('guess', 0)"), default);

        var guessed = await Task.WhenAll(Enumerable.Range(0, 40).Select(n => Task.Run(async () =>
        {
            await replicas[n % 2].WriteAsync(
                static async session =>
                {
                    await session.LockAsync("things");
                    var was = await session.ValueAsync<long>("SELECT at FROM things WHERE name = 'counter'");
                    await session.RunAsync("UPDATE things SET at = @next WHERE name = 'counter'", ("@next", was + 1));
                    return 0;
                },
                default);
            // By what it was: the first one wins.
            return await replicas[n % 2].WriteAsync(static session => session.RunAsync("UPDATE things SET at = 1 WHERE name = 'guess' AND at = 0"), default);
        })));

        (await CountAsync("name = 'counter' AND at = 40")).ShouldBe(1);
        guessed.Sum().ShouldBe(1);
    }

    [Fact]
    public async Task One_of_a_newer_program_is_refused_until_it_is_put_right()
    {
        await Database.Open().OpenAsync(default);
        await Database.SetVersionAsync(999);
        using var log = new LogLines();
        var store = Database.Open(log.CreateLogger("store"));

        for (var time = 0; time < 2; time++)
        {
            var error = await Should.ThrowAsync<CoordinatorException>(() => store.ReadAsync(static session => session.ValueAsync<long>("SELECT 1"), default));
            error.Reason.ShouldBe(FailureReason.Unavailable);
            error.Message.ShouldContain($"is of version 999, and this program's is {RecordMigrations.ForSqlite.Count}; run the newer kvm-coordinator");
        }

        await PutRightAsync();
        (await store.ReadAsync(static session => session.ValueAsync<long>("SELECT COUNT(*) FROM jobs"), default)).ShouldBe(0);
        // Once for all requests.
        log.All.Count(static l => l.Contains("version 999", StringComparison.Ordinal)).ShouldBe(1);
        log.All.Count(static l => l.Contains("is there again", StringComparison.Ordinal)).ShouldBe(1);
    }

    internal abstract Task<TestDatabase> MakeAsync();

    /// <summary>Takes <see cref="TestDatabase.SetVersionAsync"/> back, past the store that refuses.</summary>
    protected abstract Task PutRightAsync();

    private Task<int> MakeTableAsync() => Database.Open().WriteAsync(
        session => session.RunAsync($"CREATE TABLE things (id {Counted}, name TEXT NOT NULL, at BIGINT NOT NULL, bytes {Bytes}, note TEXT)"), default);

    /// <summary>As <see cref="RecordMigrations"/> says it.</summary>
    protected abstract string Counted { get; }

    protected abstract string Bytes { get; }

    private Task<long> CountAsync(string where) => Database.Open().ReadAsync(session => session.ValueAsync<long>($"SELECT COUNT(*) FROM things WHERE {where}"), default);
}
