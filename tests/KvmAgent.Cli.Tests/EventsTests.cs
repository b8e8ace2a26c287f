using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Store;

namespace KvmAgent.Cli.Tests;

/// <summary>What happened to machines, by a coordinator that writes it down.</summary>
public sealed class EventsTests : IAsyncLifetime
{
    private Kvmctl _kvmctl = null!;
    private TestDatabase? _database;
    private ManagementCluster _management = null!;
    private Wire _wire = null!;

    public async Task InitializeAsync()
    {
        _kvmctl = Kvmctl.Create();
        _management = await ManagementCluster.StartAsync(database: _database = TestDatabase.OfFile());
        _wire = Wire.To(_management.Address);
        _kvmctl.LogIn(_wire.Address, _management.Authority, _management.Cluster.Server.Token);
    }

    public async Task DisposeAsync()
    {
        _wire.Dispose();
        _kvmctl.Dispose();
        await _management.DisposeAsync();
        await _database!.DisposeAsync();
    }

    [Fact]
    public async Task They_are_a_table_for_people_also_of_machines_that_are_gone()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        _management.Cluster.Delete("web");
        await _management.Cluster.GoneAsync("web");
        await Coordinator.Tests.Support.Until.TrueAsync(async () => (await _kvmctl.DoAsync("events", "shop/web")).Contains(" deleted ", StringComparison.Ordinal));
        var lines = (await _kvmctl.DoAsync("events", "-n", "shop", "--since", "1h")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldMatch(@"^TIME +NAMESPACE +NAME +TYPE +WHAT *$");
        lines.ShouldContain(static l => l.Contains(" created ", StringComparison.Ordinal));
        lines.ShouldContain(static l => l.Contains("-> Running", StringComparison.Ordinal));
        lines.ShouldContain(static l => l.Contains("SuccessfulCreate", StringComparison.Ordinal));
        (await _kvmctl.JsonAsync("events", "-A", "--type", "deleted"))["events"]!.AsArray().ShouldHaveSingleItem();
        (await _kvmctl.DoAsync("events", "-n", "shop", "--limit", "1", "-o", "name")).ShouldMatch(@"^\d+\n$");
        (await _kvmctl.DoAsync("events", "-n", "other")).ShouldBe("there are no events\n");
        await FailsAsync(64, "--since yesterday is neither an age nor a time", "events", "--since", "yesterday");
        await FailsAsync(64, "type=\"lost\" is not known", "events", "--type", "lost");
        await FailsAsync(64, "shop/web is one machine", "events", "shop/web", "-A");
    }

    [Fact]
    public async Task What_happens_while_nobody_can_be_reached_is_shown_afterwards_in_order_and_once()
    {
        _management.Cluster.Apply("old", "Halted");
        await _management.ShownAsync("old", "stopped");
        using var follow = _kvmctl.Start("events", "-n", "shop", "--type", "created", "--follow", "-o", "json");
        await follow.SaysAsync("\"old\"");

        _wire.IsCut = true;
        await follow.SaysAsync(static r => r.Error.Contains("dialling again in", StringComparison.Ordinal), "that it is broken");
        _management.Cluster.Apply("one", "Halted");
        await _management.Cluster.UntilAsync(() => _management.Cluster.Machine("one")!["status"] is not null, "one is looked at");
        _management.Cluster.Delete("one");
        _management.Cluster.Apply("two", "Halted");
        _wire.IsCut = false;
        await follow.SaysAsync("\"two\"");
        follow.Lines.Select(static l => (string?)JsonNode.Parse(l)!["name"]).ShouldBe(["old", "one", "two"]);
        follow.Signal(2);
        (await follow.EndAsync()).ExitCode.ShouldBe(0);
    }

    private async Task FailsAsync(int code, string why, params string[] arguments)
    {
        var run = await _kvmctl.RunAsync(arguments);
        run.ExitCode.ShouldBe(code, run.Error + run.Output);
        run.Error.ShouldContain(why);
    }
}
