using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;

namespace KvmAgent.Cli.Tests;

/// <summary>What is shown of machines while they change.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private Kvmctl _kvmctl = null!;
    private ManagementCluster _management = null!;
    private Wire _wire = null!;

    public async Task InitializeAsync()
    {
        _kvmctl = Kvmctl.Create();
        _management = await ManagementCluster.StartAsync();
        _wire = Wire.To(_management.Address);
        _kvmctl.LogIn(_wire.Address, _management.Authority, _management.Cluster.Server.Token);
    }

    public async Task DisposeAsync()
    {
        _wire.Dispose();
        _kvmctl.Dispose();
        await _management.DisposeAsync();
    }

    [Fact]
    public async Task A_table_comes_first_and_then_a_line_for_each_change_until_Ctrl_C()
    {
        _management.Cluster.Apply("a-machine-of-a-long-name", "Halted");
        await _management.ShownAsync("a-machine-of-a-long-name", "stopped");
        using var watch = _kvmctl.Start("vm", "watch", "-A");
        await watch.SaysAsync("a-machine-of-a-long-name");
        watch.Lines[0].ShouldMatch(@"^NAMESPACE\s+NAME\s+STATUS\s+READY\s+IP\s+NODE\s+AGE\s*$");

        _management.Cluster.Apply("web");
        await watch.SaysAsync(static r => r.Lines.Any(static l => System.Text.RegularExpressions.Regex.IsMatch(l, @"^shop\s+web\s+Running\s+True")), "web runs");
        watch.Lines.Count(static l => l.StartsWith("NAMESPACE", StringComparison.Ordinal)).ShouldBe(1);
        watch.Lines.ShouldAllBe(l => l.IndexOf(l.Contains("web") ? "web" : l.Contains("NAME ") ? "NAME " : "a-mach", StringComparison.Ordinal) == 12);
        watch.Lines[^1].IndexOf("Running", StringComparison.Ordinal).ShouldBe(watch.Lines[0].IndexOf("STATUS", StringComparison.Ordinal));
        _management.Cluster.Delete("web");
        await watch.SaysAsync(static r => r.Lines.Any(static l => System.Text.RegularExpressions.Regex.IsMatch(l, @"^shop\s+web\s+Removed\s+False")), "web is removed");

        watch.Signal(2);
        (await watch.EndAsync()).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(0, r.Error), r => r.Error.ShouldBeEmpty());
    }

    [Fact]
    public async Task What_changed_while_the_stream_was_broken_is_shown_when_it_is_dialled_again()
    {
        _management.Cluster.Apply("db", "Halted");
        _management.Cluster.Apply("old", "Halted");
        await _management.ShownAsync("db", "stopped");
        await _management.ShownAsync("old", "stopped");
        using var watch = _kvmctl.Start("vm", "watch", "-n", "shop", "-o", "json");
        await watch.SaysAsync(static r => r.Lines.Count == 2, "both");
        watch.Lines.Select(static l => Id(l)).ShouldBe(["set shop/db", "set shop/old"]);

        _wire.IsCut = true;
        await watch.SaysAsync(static r => r.Error.Contains("dialling again in", StringComparison.Ordinal), "that it is broken");
        _management.Cluster.Delete("old");
        await _management.Cluster.UntilAsync(() => _management.Cluster.Machine("old") is null, "old is there");
        _management.Cluster.Apply("new", "Halted");
        await _management.ShownAsync("new", "stopped");
        await watch.SaysAsync(static r => r.Error.Contains("does not answer", StringComparison.Ordinal), "that nobody answers");
        _wire.IsCut = false;
        await watch.SaysAsync(static r => r.Lines.Count == 4, "what changed");
        watch.Lines.Skip(2).Select(static l => Id(l)).ShouldBe(["removed shop/old", "set shop/new"]);
    }

    [Fact]
    public async Task Who_may_not_is_told_so_and_nothing_is_dialled_again()
    {
        _kvmctl.LogIn(_wire.Address, _management.Authority, "guessed");
        (await _kvmctl.RunAsync("vm", "watch")).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(77), r => r.Error.ShouldContain("the token is wrong or has expired"));
        _wire.IsCut = true;
        (await _kvmctl.RunAsync("vm", "watch")).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(69), r => r.Error.ShouldContain("does not answer"));
        (await _kvmctl.RunAsync("vm", "watch", "-A", "-n", "shop")).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(64), r => r.Error.ShouldContain("exclude one another"));
    }

    private static string Id(string line)
    {
        var change = JsonNode.Parse(line)!;
        return $"{change["type"]} {change["vm"]!["id"]}";
    }
}
