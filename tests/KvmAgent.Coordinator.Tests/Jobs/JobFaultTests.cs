using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Jobs;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Jobs;

/// <summary>What becomes of jobs when their coordinator ends, the database is away, or the server does not answer.</summary>
[Collection(PostgresCollection.Name)]
public sealed class JobFaultTests(PostgresFixture fixture)
{
    [Fact]
    public async Task A_coordinator_that_is_restarted_in_the_middle_goes_on()
    {
        await using var jobs = await JobCluster.StartAsync(new SqliteDatabase());
        var id = await jobs.CloneAsync("copy");
        await Until.TrueAsync(() => jobs.Volume("copy-root") is not null);
        await jobs.Management.Coordinator.DisposeAsync();

        var next = await jobs.Management.Cluster.CoordinateAsync("next", database: jobs.Database);
        await jobs.FillAsync("copy-root");
        await jobs.UntilAsync(id, "completed", next);
    }

    [Fact]
    public async Task Of_replicas_that_share_a_database_one_goes_on_where_the_other_ended()
    {
        await using var jobs = await JobCluster.StartAsync(await PostgresDatabase.MakeAsync(fixture.Server));
        var other = await jobs.Management.Cluster.CoordinateAsync("other", database: jobs.Database);
        var id = await jobs.CloneAsync("copy");
        ((string?)(await jobs.JobAsync(id, other))["name"]).ShouldBe("copy", "each of them tells of it");
        await Until.TrueAsync(() => jobs.Volume("copy-root") is not null);
        await jobs.Management.Coordinator.DisposeAsync();

        await jobs.FillAsync("copy-root");
        await jobs.UntilAsync(id, "completed", other);
    }

    [Fact]
    public async Task A_database_that_is_away_keeps_nothing_from_running_and_nothing_is_begun()
    {
        await using var jobs = await JobCluster.StartAsync(await PostgresDatabase.MakeAsync(fixture.Server));
        var id = await jobs.CloneAsync("copy");
        await fixture.Server.EndAsync();
        try
        {
            var (code, body) = await jobs.Management.PostAsync($"{JobCluster.Web}/clone", new JsonObject { ["name"] = "other" });
            (code, (string)body["error"]!).ShouldSatisfyAllConditions(static a => a.Item1.ShouldBe(503), static a => a.Item2.ShouldContain("cannot be reached"));
            jobs.Management.Cluster.Machine("other").ShouldBeNull();
            // What was begun goes on meanwhile, and so does all else.
            await jobs.FillAsync("copy-root");
            await Until.TrueAsync(() => (string?)jobs.Volume("copy-root")!["status"]!["phase"] == "Succeeded");
            (await jobs.Management.ListAsync())["total"]!.GetValue<int>().ShouldBe(2);
        }
        finally
        {
            await fixture.Server.BeginAsync();
        }

        await jobs.UntilAsync(id, "completed");
    }

    [Fact]
    public async Task What_was_made_and_cannot_be_written_down_is_taken_back()
    {
        await using var jobs = await JobCluster.StartAsync(await PostgresDatabase.MakeAsync(fixture.Server));
        try
        {
            // It goes away after the job has been written down, and before its machine is made.
            jobs.Server.Faults.OnRequest = r => r.Method == "POST" && r.Path.Value!.EndsWith("/virtualmachines", StringComparison.Ordinal) ? new Fault { Until = fixture.Server.EndAsync() } : null;
            var (code, body) = await jobs.Management.PostAsync($"{JobCluster.Web}/clone", new JsonObject { ["name"] = "copy" });
            (code, (string)body["error"]!).ShouldSatisfyAllConditions(static a => a.Item1.ShouldBe(503), static a => a.Item2.ShouldContain("cannot be reached"));
            jobs.Server.Requests.Writes("kubevirt.io", "virtualmachines").Deletes.ShouldBe(1);
            await Until.TrueAsync(() => jobs.Management.Cluster.Machine("copy") is null);
        }
        finally
        {
            await fixture.Server.EndAsync();
            await fixture.Server.BeginAsync();
        }
    }

    [Fact]
    public async Task Nothing_is_deleted_but_what_was_made()
    {
        await using var jobs = await JobCluster.StartAsync(null);
        await JobCancelling.DeleteAsync(jobs.Management.Cluster.Admin, new JobObject("VirtualMachine", JobCluster.Namespace, "web", "of-a-former-one"), CancellationToken.None);
        jobs.Management.Cluster.Machine("web")!["metadata"]!["deletionTimestamp"].ShouldBeNull();
        await JobCancelling.DeleteAsync(jobs.Management.Cluster.Admin, new JobObject("VirtualMachine", JobCluster.Namespace, "gone", "any"), CancellationToken.None);
    }

    [Fact]
    public async Task Where_nobody_would_see_it_nothing_is_begun()
    {
        var provider = new Provider { Name = "east", Namespace = "a", Namespaces = ["a", "b"], Vms = null!, ClientFor = static _ => throw new InvalidOperationException("nobody asks it") };
        var plan = new JobPlan("clone", "VirtualMachine", "c", "copy", "c/web", "", [], "");
        (await Should.ThrowAsync<CoordinatorException>(() => new JobMaking(null!, TimeProvider.System).BeginAsync(null!, provider, plan, CancellationToken.None)))
            .Message.ShouldStartWith("namespace c is none that provider \"east\" is seen in");
    }

    [Fact]
    public async Task What_was_made_although_no_answer_came_is_found_by_the_leader()
    {
        await using var jobs = await JobCluster.StartAsync(new SqliteDatabase());
        jobs.Server.Faults.OnRequest = static r => r.Method == "POST" && r.Path.Value!.EndsWith("/virtualmachines", StringComparison.Ordinal) ? new Fault { Drop = Drop.After } : null;
        var (code, body) = await jobs.Management.PostAsync($"{JobCluster.Web}/clone", new JsonObject { ["name"] = "copy" });
        (code, (string)body["error"]!).ShouldSatisfyAllConditions(static a => a.Item1.ShouldBe(503), static a => a.Item2.ShouldMatch("^whether shop/copy has been made is not known: .*; job .* tells it in a minute$"));
        jobs.Server.Faults.OnRequest = null;
        var job = (await jobs.Management.PostAsync("/jobs/query")).Body["jobs"]!.AsArray().ShouldHaveSingleItem()!;
        await jobs.FillAsync("copy-root");
        await jobs.UntilAsync((string)job["id"]!, "completed");
    }

    [Fact]
    public async Task Without_a_database_it_is_told_which_setting_makes_one()
    {
        await using var jobs = await JobCluster.StartAsync(null);
        foreach (var (method, path) in new[] { (HttpMethod.Post, "/jobs/submit"), (HttpMethod.Get, "/jobs/query"), (HttpMethod.Get, "/jobs/1"), (HttpMethod.Post, $"{JobCluster.Web}/clone") })
        {
            var (code, body) = await jobs.Management.SendAsync(method, path, method == HttpMethod.Get ? null : new JsonObject { ["name"] = "copy" });
            (code, (string?)body["error"]).ShouldBe((501, "jobs need a database, and this coordinator has none; set DATABASE_FILE or DATABASE_CONNECTION_FILE (the chart's database.type)"), path);
        }

        jobs.Management.Cluster.Machine("copy").ShouldBeNull();
    }
}
