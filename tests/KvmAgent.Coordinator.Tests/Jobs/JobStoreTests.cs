using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Jobs;
using KvmAgent.Coordinator.Tests.Store;

namespace KvmAgent.Coordinator.Tests.Jobs;

/// <summary>Jobs as they are kept, in either database.</summary>
public abstract class JobStoreTests : IAsyncLifetime
{
    private TestDatabase? _database;

    public async Task InitializeAsync() => _database = await MakeAsync();

    public async Task DisposeAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_job_is_kept_to_the_letter_and_changed_by_one_at_a_time()
    {
        var (one, other) = (Store(), Store());
        var job = Job("a", 1) with { Message = "ä \"quoted\"\n", Objects = [new JobObject("VirtualMachine", "shop", "copy", null)], Percent = 12.5 };
        await one.AddAsync(job, default);
        var seen = (await other.FindAsync("a", default))!;
        Same(seen.Job, job);

        var changed = (await one.ReplaceAsync(seen, job with { Status = JobStates.Running }, default))!;
        (await other.ReplaceAsync(seen, job with { Status = JobStates.Failed }, default)).ShouldBeNull("it has been changed since");
        (await other.FindAsync("a", default))!.ShouldSatisfyAllConditions(k => k.Version.ShouldBe(changed.Version), static k => k.Job.Status.ShouldBe(JobStates.Running));

        (await Task.WhenAll(Enumerable.Range(0, 10).Select(n => (n % 2 == 0 ? one : other).ChangeAsync("a", static j => j with { Percent = j.Percent + 1 }, default))))
            .ShouldAllBe(static c => c != null);
        (await one.FindAsync("a", default))!.Job.Percent.ShouldBe(22.5);
        (await one.ChangeAsync("none", static j => j, default)).ShouldBeNull();
        await one.RemoveAsync("a", default);
        (await other.FindAsync("a", default)).ShouldBeNull();
    }

    [Fact]
    public async Task Those_that_are_asked_for_are_listed_the_newest_first()
    {
        var store = Store();
        await store.AddAsync(Job("a", 1) with { Status = JobStates.Completed }, default);
        await store.AddAsync(Job("b", 2) with { Status = JobStates.Running, Provider = "east" }, default);
        await store.AddAsync(Job("c", 3) with { Kind = JobKinds.Import }, default);

        (await LinesAsync()).ShouldBe(["c", "b", "a"]);
        (await LinesAsync(statuses: [JobStates.Running, JobStates.Completed])).ShouldBe(["b", "a"]);
        (await LinesAsync(provider: "east")).ShouldBe(["b"]);
        (await LinesAsync(kind: JobKinds.Import)).ShouldBe(["c"]);
        (await LinesAsync(ids: ["a", "c", "none"])).ShouldBe(["c", "a"]);
        (await LinesAsync(statuses: ["' OR 1 = 1 --"])).ShouldBeEmpty();
        (await store.OpenAsync(default)).Select(static j => j.Job.Id).ShouldBe(["b", "c"]);
        (await store.ReadAsync(["c", "gone", "a"], default)).Select(static j => j.Id).ShouldBe(["c", "a"]);
        (await store.LinesAsync([], null, null, ["b"], default)).ShouldBe([new JobLine("b", "east", "shop", "jane")]);

        async Task<IEnumerable<string>> LinesAsync(string[]? statuses = null, string? provider = null, string? kind = null, string[]? ids = null) =>
            (await store.LinesAsync(statuses ?? [], provider, kind, ids ?? [], default)).Select(static l => l.Id);
    }

    [Fact]
    public async Task The_oldest_that_are_over_go_and_none_that_is_not()
    {
        var records = _database!.Open();
        await records.WriteAsync(
            static session => session.RunAsync(
                """
                INSERT INTO jobs (id, version, kind, status, provider, namespace, owner, created, job)
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @most)
                SELECT 'old-' || i, 1, 'clone', CASE WHEN i = 1 THEN 'running' ELSE 'completed' END, 'local', 'shop', 'jane', i, '{}' FROM n
                """,
                ("@most", (long)JobStore.MostOver)),
            default);
        var store = new JobStore(records);

        await store.AddAsync(Job("new", JobStore.MostOver + 1), default);

        var left = (await store.LinesAsync([], null, null, [], default)).Select(static l => l.Id).ToList();
        left.Count.ShouldBe(JobStore.MostOver + 1);
        left.ShouldContain("old-1", "it is not over");
        await store.AddAsync(Job("newer", JobStore.MostOver + 2), default);
        (await store.LinesAsync([], null, null, ["old-2", "old-3"], default)).Select(static l => l.Id).ShouldBe(["old-3"]);
    }

    internal abstract Task<TestDatabase> MakeAsync();

    private JobStore Store() => new(_database!.Open());

    private static JobSummary Job(string id, long at) => new()
    {
        Id = id,
        Kind = JobKinds.Clone,
        Status = JobStates.Pending,
        Provider = "local",
        Namespace = "shop",
        Name = "copy",
        Message = "",
        Owner = "jane",
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(at),
    };

    private static void Same(JobSummary a, JobSummary b)
    {
        a.Objects.ShouldBe(b.Objects);
        (a with { Objects = b.Objects }).ShouldBe(b);
    }
}

public sealed class SqliteJobStoreTests : JobStoreTests
{
    internal override Task<TestDatabase> MakeAsync() => Task.FromResult<TestDatabase>(new SqliteDatabase());
}

[Collection(PostgresCollection.Name)]
public sealed class PostgresJobStoreTests(PostgresFixture fixture) : JobStoreTests
{
    internal override async Task<TestDatabase> MakeAsync() => await PostgresDatabase.MakeAsync(fixture.Server);
}
