using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Store;

[Collection(PostgresCollection.Name)]
public sealed class PostgresRecordsTests(PostgresFixture fixture) : RecordStoreTests
{
    protected override string Counted => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";

    protected override string Bytes => "BYTEA";

    private PostgresDatabase Postgres => (PostgresDatabase)Database;

    [Fact]
    public async Task A_server_that_is_away_is_told_and_comes_back_by_itself()
    {
        using var log = new LogLines();
        var store = Database.Open(log.CreateLogger("store"));
        // Several connections, so that some of the pool are dead later.
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => JobsAsync(store)));

        await fixture.Server.EndAsync();
        foreach (var ask in new[] { () => JobsAsync(store), () => store.WriteAsync(static session => session.ValueAsync<long>("SELECT COUNT(*) FROM jobs"), default) })
        {
            var error = await Should.ThrowAsync<CoordinatorException>(ask);
            error.Reason.ShouldBe(FailureReason.Unavailable);
            error.Message.ShouldStartWith($"the database that DATABASE_CONNECTION_FILE=\"{Postgres.Secret}\" names cannot be reached: ");
        }

        await fixture.Server.BeginAsync();
        (await JobsAsync(store)).ShouldBe(0);
        log.All.Count(static l => l.Contains("cannot be reached", StringComparison.Ordinal)).ShouldBe(1);
        log.All.Count(static l => l.Contains("is there again", StringComparison.Ordinal)).ShouldBe(1);
    }

    /// <summary>Nobody notices where it was away between two requests.</summary>
    [Fact]
    public async Task A_server_that_was_away_meanwhile_is_none_that_is_away()
    {
        var store = Database.Open();
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => JobsAsync(store)));
        await fixture.Server.EndAsync();
        await fixture.Server.BeginAsync();
        (await JobsAsync(store)).ShouldBe(0);
        (await store.WriteAsync(static session => session.ValueAsync<long>("SELECT COUNT(*) FROM jobs"), default)).ShouldBe(0);
    }

    [Fact]
    public async Task A_password_that_changes_is_read_anew()
    {
        var user = $"user_{Guid.NewGuid():N}";
        await fixture.Server.RunSqlAsync(Postgres.Name, $"CREATE ROLE {user} LOGIN PASSWORD 'first/1'", $"GRANT ALL ON SCHEMA public TO {user}");
        try
        {
            var store = Database.Open();
            await File.WriteAllTextAsync(Postgres.Secret, Uri(user, "first%2F1"));
            (await JobsAsync(store)).ShouldBe(0);

            await fixture.Server.RunSqlAsync("postgres", $"ALTER ROLE {user} PASSWORD 'second'");
            await File.WriteAllTextAsync(Postgres.Secret, Uri(user, "wrong-secret"));
            var error = await Should.ThrowAsync<CoordinatorException>(() => JobsAsync(store));
            error.Reason.ShouldBe(FailureReason.Unavailable);
            error.ToString().ShouldNotContain("wrong-secret");
            await File.WriteAllTextAsync(Postgres.Secret, Uri(user, "second"));
            (await JobsAsync(store)).ShouldBe(0);
        }
        finally
        {
            await fixture.Server.RunSqlAsync(Postgres.Name, $"DROP OWNED BY {user}", $"DROP ROLE {user}");
        }
    }

    [Fact]
    public async Task Replicas_that_begin_at_once_make_it_once() =>
        (await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => JobsAsync(Database.Open()))))).ShouldBe([0, 0, 0, 0]);

    [Theory]
    [InlineData("mysql://me:secret@host/db", "its form is unknown")]
    [InlineData("secret", "its form is unknown")]
    [InlineData("Username=me;Password=secret", "it names no host")]
    [InlineData("postgresql://me:secret@host/db?secret=1&sslmode", "is not known")]
    [InlineData("postgresql://me:secret@host/db?secret", "one of its parameters is no NAME=VALUE")]
    [InlineData("Host=a;Port=secret", "its form is unknown")]
    [InlineData("", "it names no host")]
    public void What_is_no_connection_string_is_told_without_its_secrets(string text, string why)
    {
        var error = Should.Throw<CoordinatorException>(() => PostgresConnection.Of(text, "DATABASE_CONNECTION_FILE", "/uri"));
        error.Message.ShouldStartWith("DATABASE_CONNECTION_FILE=\"/uri\" has no connection string of PostgreSQL: ");
        error.Message.ShouldContain(why);
        error.Message.Replace("parameter secret", "", StringComparison.Ordinal).ShouldNotContain("secret");
    }

    [Fact]
    public void What_a_connection_string_says_counts()
    {
        var uri = new Npgsql.NpgsqlConnectionStringBuilder(PostgresConnection.Of(
            "postgresql://m%40e:p%3Aw@db.example:6543/vms?sslmode=verify-full&sslrootcert=%2Fca.crt&connect_timeout=7", "S", "f"));
        (uri.Host, uri.Port, uri.Username, uri.Password, uri.Database).ShouldBe(("db.example", 6543, "m@e", "p:w", "vms"));
        (uri.SslMode, uri.RootCertificate, uri.Timeout, uri.CommandTimeout, uri.MaxPoolSize).ShouldBe((Npgsql.SslMode.VerifyFull, "/ca.crt", 7, 10, 10));
        new Npgsql.NpgsqlConnectionStringBuilder(PostgresConnection.Of("postgres://u@a:1,b:2/d", "S", "f")).ShouldSatisfyAllConditions(
            static b => b.Host.ShouldBe("a:1,b:2"), static b => b.Username.ShouldBe("u"), static b => b.Database.ShouldBe("d"));
        new Npgsql.NpgsqlConnectionStringBuilder(PostgresConnection.Of("postgresql://[fd00::1]:7777", "S", "f")).ShouldSatisfyAllConditions(
            static b => b.Host.ShouldBe("fd00::1"), static b => b.Port.ShouldBe(7777));
        new Npgsql.NpgsqlConnectionStringBuilder(PostgresConnection.Of("Host=a;Command Timeout=99;Maximum Pool Size=3", "S", "f")).ShouldSatisfyAllConditions(
            static b => b.CommandTimeout.ShouldBe(99), static b => b.MaxPoolSize.ShouldBe(3), static b => b.Timeout.ShouldBe(5));
    }

    internal override async Task<TestDatabase> MakeAsync() => await PostgresDatabase.MakeAsync(fixture.Server);

    protected override Task PutRightAsync() => Database.SetVersionAsync(RecordMigrations.ForPostgres.Count);

    private string Uri(string user, string password) => $"postgresql://{user}:{password}@/{Postgres.Name}?host={System.Uri.EscapeDataString(fixture.Server.Directory)}\n";

    private static Task<long> JobsAsync(RecordStore store) => store.ReadAsync(static session => session.ValueAsync<long>("SELECT COUNT(*) FROM jobs"), default);
}
