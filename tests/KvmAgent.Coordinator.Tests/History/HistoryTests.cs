using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.History;

/// <summary>What is written down of machines, in every database alike.</summary>
public abstract class HistoryTests : IAsyncLifetime
{
    protected const string Namespace = "shop";

    private TestDatabase? _database;
    private TestApiServer? _server;
    private RecordStore? _reader;

    private protected TestDatabase Database => _database!;

    private protected TestApiServer Server => _server!;

    public async Task InitializeAsync()
    {
        _database = await MakeAsync();
        await (_reader = _database.Open()).OpenAsync(default);
        _server = await KubeVirtServer.StartAsync(Namespace);
    }

    public async Task DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Fact]
    public async Task Each_change_is_written_in_order()
    {
        await using var writing = RunningHistory.Start(Server, Database.Open());
        await writing.WritesAsync();
        Make("web", "Starting");
        foreach (var status in new[] { "Running", "Paused", "Running", "Stopping", "Stopped" })
        {
            await SeenAsync(writing, "web");
            Set("web", status);
        }

        await SeenAsync(writing, "web");
        Server.Delete("kubevirt.io", "virtualmachines", Namespace, "web");
        await ToldAsync("created Unknown", "changed Starting", "changed Running", "changed Paused", "changed Running", "changed Stopping", "changed Stopped", "deleted ");
        var all = await AllAsync();
        all.Select(static e => e.Id).ShouldBeInOrder(SortDirection.Ascending);
        (all[4].Former, all[^1].Former, all.Any(static e => e.Missed)).ShouldBe(("Paused", "Stopped", false));
    }

    [Fact]
    public async Task What_happened_while_nobody_wrote_is_found_and_nothing_is_told_twice()
    {
        Make("old", "Running");
        Make("web", "Running");
        Make("again", "Stopped");
        await using (var first = RunningHistory.Start(Server, Database.Open()))
        {
            await ToldAsync(3);
        }

        await using (var second = RunningHistory.Start(Server, Database.Open()))
        {
            await second.WritesAsync();
            Make("mark", "Stopped");
            await ToldAsync(5);
        }

        Server.Delete("kubevirt.io", "virtualmachines", Namespace, "old");
        Set("web", "Stopped");
        Server.Delete("kubevirt.io", "virtualmachines", Namespace, "again");
        Make("again", "Running");
        Make("new", "Starting");
        await using var third = RunningHistory.Start(Server, Database.Open());
        await ToldAsync(10);
        var found = (await AllAsync()).Skip(5).ToList();
        found.ShouldAllBe(static e => e.Missed);
        found.Select(static e => $"{e.Name} {e.Type} {e.Status}").ShouldBe(["old deleted ", "web changed Stopped", "again deleted ", "again created Running", "new created Starting"], ignoreOrder: true);
        found.Where(static e => e.Name == "again").Select(static e => e.Uid).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task Events_of_the_cluster_are_taken_once_each_time_that_they_happen()
    {
        Make("web", "Running");
        Tell("a", "VirtualMachine", "web", "Started", 1);
        Tell("b", "VirtualMachineInstance", "web", "Warned", 3);
        Tell("c", "PersistentVolumeClaim", "web", "Other", 1);
        Server.Create(Yaml.Documents(
            $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: virt-launcher-web, namespace: {{Namespace}}, labels: {kubevirt.io: virt-launcher}, annotations: {kubevirt.io/domain: web} }
            spec: {containers: [{name: compute, image: agent}]}
            """).Single().AsObject());
        Tell("d", "Pod", "virt-launcher-web", "Pulled", 1);
        Tell("e", "Pod", "other", "Pulled", 1);
        await using (RunningHistory.Start(Server, Database.Open()))
        {
            await ToldEventsAsync("Started 1 VirtualMachine/web", "Warned 3 VirtualMachineInstance/web", "Pulled 1 Pod/virt-launcher-web");
            Tell("f", "VirtualMachine", "web", "Stopped", 1);
            await ToldEventsAsync("Started 1 VirtualMachine/web", "Warned 3 VirtualMachineInstance/web", "Pulled 1 Pod/virt-launcher-web", "Stopped 1 VirtualMachine/web");
        }

        Count("a", 2);
        await using var second = RunningHistory.Start(Server, Database.Open());
        await ToldEventsAsync("Warned 3 VirtualMachineInstance/web", "Pulled 1 Pod/virt-launcher-web", "Stopped 1 VirtualMachine/web", "Started 2 VirtualMachine/web");
        Count("a", 5);
        await ToldEventsAsync("Warned 3 VirtualMachineInstance/web", "Pulled 1 Pod/virt-launcher-web", "Stopped 1 VirtualMachine/web", "Started 5 VirtualMachine/web");
        var warned = (await AllAsync()).Single(static e => e.Reason == "Warned");
        (warned.Namespace, warned.Name, warned.Severity, warned.Message).ShouldBe((Namespace, "web", "Warning", "it happened"));
    }

    [Fact]
    public async Task Who_comes_later_writes_alone()
    {
        Make("web", "Running");
        await using var first = RunningHistory.Start(Server, Database.Open());
        await ToldAsync(1);
        await using var second = RunningHistory.Start(Server, Database.Open());
        await second.WritesAsync();
        for (var i = 0; i < 5; i++)
        {
            Set("web", i % 2 == 0 ? "Stopped" : "Running");
            await ToldAsync(2 + i);
        }

        (await AllAsync()).Select(static e => $"{e.Type} {e.Status}").ShouldBe(["created Running", "changed Stopped", "changed Running", "changed Stopped", "changed Running", "changed Stopped"]);
    }

    [Fact]
    public async Task What_is_old_is_no_longer_kept_and_machines_are_not_forgotten()
    {
        Make("web", "Running");
        Make("db", "Stopped");
        await using (RunningHistory.Start(Server, Database.Open()))
        {
            await ToldAsync(2);
        }

        await using (RunningHistory.Start(Server, Database.Open(), kept: TimeSpan.Zero))
        {
            await ToldAsync(0);
        }

        Set("web", "Stopped");
        await using var last = RunningHistory.Start(Server, Database.Open());
        await ToldAsync("changed Stopped");
        (await Database.Open().ReadAsync(HistoryTable.EndsAsync, default)).ShouldBe((3, 2));
    }

    private protected abstract Task<TestDatabase> MakeAsync();

    private protected void Make(string name, string status)
    {
        Server.Create(Yaml.Documents(
            $$"""
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: {{name}}, namespace: {{Namespace}} }
            spec: {runStrategy: Manual, template: {spec: {domain: {devices: {} } } } }
            status: {printableStatus: {{status}} }
            """).Single().AsObject());
    }

    private protected void Set(string name, string status) =>
        Server.SetStatus("kubevirt.io", "virtualmachines", Namespace, name, new JsonObject { ["printableStatus"] = status });

    private protected Task<List<HistoryEvent>> AllAsync() => _reader!.ReadAsync(static session => HistoryTable.FindAsync(session, new HistoryQuery(1000) { After = 0 }), default);

    private protected Task ToldAsync(int count) => Until.TrueAsync(async () => (await AllAsync()).Count == count, $"{count} events");

    private protected async Task ToldAsync(params string[] all)
    {
        await Until.TrueAsync(async () => (await AllAsync()).Count >= all.Length, $"{all.Length} events");
        (await AllAsync()).Select(static e => $"{e.Type} {e.Status}").ShouldBe(all);
    }

    private async Task ToldEventsAsync(params string[] all)
    {
        string[] told = [];
        await Until.TrueAsync(async () =>
        {
            told = [.. (await AllAsync()).Where(static e => e.Type == HistoryTypes.Event).Select(static e => $"{e.Reason} {e.Count} {e.Object}")];
            return told.Length == all.Length && told.ToHashSet().SetEquals(all);
        }, $"{string.Join(", ", all)}; there are {string.Join(", ", told)}");
    }

    /// <summary>The table has what the server has: no change is passed over by the watch.</summary>
    private Task SeenAsync(RunningHistory writing, string name) => Until.TrueAsync(
        () => writing.Status(Namespace, name) == (string?)Server.Get("kubevirt.io", "virtualmachines", Namespace, name)!["status"]!["printableStatus"], $"{name} is seen");

    private void Tell(string id, string kind, string name, string reason, int count) => Server.Create(Yaml.Documents(
        $$"""
        apiVersion: v1
        kind: Event
        metadata: {name: {{id}}, namespace: {{Namespace}} }
        involvedObject: {kind: {{kind}}, name: {{name}}, namespace: {{Namespace}} }
        type: Warning
        reason: {{reason}}
        message: it happened
        firstTimestamp: 2026-01-01T00:00:00Z
        lastTimestamp: 2026-01-01T00:00:0{{count}}Z
        count: {{count}}
        """).Single().AsObject());

    private void Count(string id, int count) => Server.Update("", "events", Namespace, id, e =>
    {
        e["count"] = count;
        e["lastTimestamp"] = $"2026-01-01T00:00:0{count}Z";
    });
}

public sealed class SqliteHistoryTests : HistoryTests
{
    private protected override Task<TestDatabase> MakeAsync() => Task.FromResult(TestDatabase.OfFile());
}

[Collection(PostgresCollection.Name)]
public sealed class PostgresHistoryTests(PostgresFixture fixture) : HistoryTests
{
    [Fact]
    public async Task What_happens_while_the_database_is_away_is_written_when_it_is_back()
    {
        Make("web", "Stopped");
        await using var writing = RunningHistory.Start(Server, Database.Open());
        await ToldAsync(1);
        await fixture.Server.EndAsync();
        try
        {
            foreach (var status in new[] { "Starting", "Running", "Stopped" })
            {
                Set("web", status);
                await Until.TrueAsync(() => writing.Status(Namespace, "web") == status);
            }
        }
        finally
        {
            await fixture.Server.BeginAsync();
        }

        await ToldAsync("created Stopped", "changed Starting", "changed Running", "changed Stopped");
    }

    private protected override async Task<TestDatabase> MakeAsync() => await PostgresDatabase.MakeAsync(fixture.Server);
}
