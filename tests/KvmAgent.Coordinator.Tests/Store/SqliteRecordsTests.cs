using KvmAgent.Coordinator.Store;
using Microsoft.Data.Sqlite;

namespace KvmAgent.Coordinator.Tests.Store;

public sealed class SqliteRecordsTests : RecordStoreTests
{
    protected override string Counted => "INTEGER PRIMARY KEY AUTOINCREMENT";

    protected override string Bytes => "BLOB";

    private SqliteDatabase Sqlite => (SqliteDatabase)Database;

    [Fact]
    public async Task Nobody_but_its_owner_reads_it()
    {
        await Database.Open().OpenAsync(default);
        File.GetUnixFileMode(Sqlite.Path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public async Task A_damaged_file_is_told_until_it_is_moved_away()
    {
        await File.WriteAllTextAsync(Sqlite.Path, new string('x', 8192));
        var store = Database.Open();

        (await Should.ThrowAsync<CoordinatorException>(() => store.OpenAsync(default))).ExitCode.ShouldBe(65);
        var error = await Should.ThrowAsync<CoordinatorException>(() => store.ReadAsync(static session => session.ValueAsync<long>("SELECT 1"), default));
        error.Reason.ShouldBe(FailureReason.Unavailable);
        error.Message.ShouldStartWith($"{Sqlite.Path} is no database, or a damaged one: ");
        error.Message.ShouldEndWith("move it away: then jobs, image builds and the history of events are lost");

        File.Delete(Sqlite.Path);
        (await store.ReadAsync(static session => session.ValueAsync<long>("SELECT COUNT(*) FROM jobs"), default)).ShouldBe(0);
    }

    [Fact]
    public async Task A_directory_that_is_not_there_is_told()
    {
        await using var store = new SqliteRecords("/nowhere/records.db", "DATABASE_FILE", Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        (await Should.ThrowAsync<CoordinatorException>(() => store.ReadAsync(static session => session.ValueAsync<long>("SELECT 1"), default)))
            .Message.ShouldStartWith("/nowhere/records.db cannot be opened: ");
    }

    internal override Task<TestDatabase> MakeAsync() => Task.FromResult<TestDatabase>(new SqliteDatabase());

    protected override async Task PutRightAsync()
    {
        await using var connection = new SqliteConnection($"Data Source={Sqlite.Path};Pooling=False");
        connection.Open();
        connection.Run($"PRAGMA user_version = {RecordMigrations.ForSqlite.Count}");
    }
}
