using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Cli.Tests;

/// <summary>Machines are read anew by the real program, of a whole coordinator that watches have told nothing.</summary>
public sealed class RefreshTests : IAsyncLifetime
{
    private Kvmctl _kvmctl = null!;
    private ManagementCluster _management = null!;

    public async Task InitializeAsync()
    {
        _kvmctl = Kvmctl.Create();
        _management = await ManagementCluster.StartAsync();
        _kvmctl.LogIn(_management.Address, _management.Authority, _management.Cluster.Server.Token);
    }

    public async Task DisposeAsync()
    {
        _kvmctl.Dispose();
        await _management.DisposeAsync();
    }

    [Fact]
    public async Task What_was_known_otherwise_is_shown_of_all_machines_or_of_one()
    {
        foreach (var name in new[] { "gone", "web" })
        {
            _management.Cluster.Apply(name, "Halted");
            await _management.ShownAsync(name, "stopped");
        }

        (await _kvmctl.DoAsync("vm", "refresh", "-A")).ShouldBe("all was as it was known\n");

        // Nothing comes by a watch any more: each is held up before it begins.
        var hold = new TaskCompletionSource();
        _management.Cluster.Server.Faults.Add(static request => request.Query["watch"] == "true" && request.Path.Value!.Contains("/virtualmachine", StringComparison.Ordinal), new Fault { Until = hold.Task }, times: int.MaxValue);
        try
        {
            _management.Cluster.Server.Faults.CloseWatches();
            Label("one");
            _management.Cluster.Delete("gone");
            (await _kvmctl.DoAsync("vm", "refresh", "shop/gone")).ShouldMatch(@"^NAMESPACE +NAME +DIFFERENCE +STATUS +FIELDS *\nshop +gone +removed +Stopped *\n$");
            (await _kvmctl.DoAsync("vm", "refresh", "-n", "shop", "web", "-o", "name")).ShouldBe("shop/web\n");
            Label("two");
            var told = await _kvmctl.JsonAsync("vm", "refresh", "-n", "shop");
            ((string?)told["differences"]![0]!["type"], (string?)told["differences"]![0]!["fields"]![0], (int)told["total"]!).ShouldBe(("changed", "labels", 1));
        }
        finally
        {
            hold.SetResult();
        }

        await FailsAsync(69, "machine shop/none not found", "shop/none");
        await FailsAsync(64, "\"web\" and --all-namespaces exclude one another", "web", "-A");
    }

    private void Label(string mark) =>
        _management.Cluster.Server.Update("kubevirt.io", "virtualmachines", "shop", "web", vm => vm["metadata"]!["labels"] = new JsonObject { ["mark"] = mark });

    private async Task FailsAsync(int code, string why, params string[] arguments)
    {
        var run = await _kvmctl.RunAsync(["vm", "refresh", .. arguments]);
        (run.ExitCode, run.Output).ShouldBe((code, ""), run.Error);
        run.Error.ShouldContain(why);
    }
}
