using System.Net;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>The inventory is read from the cluster anew.</summary>
public sealed class RefreshRoutesTests : IAsyncLifetime
{
    private ManagementCluster _management = null!;

    public async Task InitializeAsync() => _management = await ManagementCluster.StartAsync();

    public async Task DisposeAsync() => await _management.DisposeAsync();

    [Fact]
    public async Task What_watches_have_not_told_is_found_by_all_machines_or_by_one()
    {
        foreach (var name in new[] { "gone", "same", "web" })
        {
            _management.Cluster.Apply(name, "Halted");
            await _management.ShownAsync(name, "stopped");
        }

        (await RefreshAsync("/kubevirt/refresh", new JsonObject { ["namespace"] = "shop" })).ShouldBe([]);

        // Nothing comes by a watch any more: each is held up before it begins.
        var hold = new TaskCompletionSource();
        _management.Cluster.Server.Faults.Add(static request => request.Query["watch"] == "true" && request.Path.Value!.Contains("/virtualmachine", StringComparison.Ordinal), new Fault { Until = hold.Task }, times: int.MaxValue);
        try
        {
            _management.Cluster.Server.Faults.CloseWatches();
            Label("web", "one");
            (await RefreshAsync("/kubevirt/vms/shop/web/refresh")).ShouldBe(["changed shop/web labels"]);
            (await RefreshAsync("/kubevirt/vms/shop/web/refresh")).ShouldBe([]);

            _management.Cluster.Delete("gone");
            Label("web", "two");
            _management.Cluster.Apply("new", "Halted");
            (await RefreshAsync("/kubevirt/vms/shop/gone/refresh")).ShouldBe(["removed shop/gone"]);
            (await RefreshAsync("/kubevirt/refresh", new JsonObject { ["all_namespaces"] = true })).ShouldBe(["added shop/new", "changed shop/web labels"]);
            // The coordinator has looked at it now, and said so.
            await _management.ShownAsync("new", "stopped");
            (await RefreshAsync("/kubevirt/refresh", new JsonObject { ["namespace"] = "shop" })).ShouldBe([]);
        }
        finally
        {
            hold.SetResult();
        }

        Label("web", "three");
        await Until.TrueAsync(async () => (string?)(await _management.ListAsync())["vms"]!.AsArray().Single(static vm => (string?)vm!["name"] == "web")!["labels"]!["mark"] == "three", "watches go on");
    }

    [Fact]
    public async Task It_is_done_for_who_may_list_and_one_that_is_not_there_is_told()
    {
        foreach (var path in new[] { "/kubevirt/refresh", "/kubevirt/vms/shop/web/refresh" })
        {
            (await _management.PostAsync(path, token: ManagementCluster.Jane)).Code.ShouldBe((int)HttpStatusCode.Forbidden);
        }

        var (code, body) = await _management.PostAsync("/kubevirt/vms/shop/none/refresh");
        (code, (string?)body["error"]).ShouldBe((404, "machine shop/none not found"));
    }

    private void Label(string name, string mark) =>
        _management.Cluster.Server.Update("kubevirt.io", "virtualmachines", "shop", name, vm => vm["metadata"]!["labels"] = new JsonObject { ["mark"] = mark });

    private async Task<IEnumerable<string>> RefreshAsync(string path, JsonNode? body = null)
    {
        var (code, answer) = await _management.PostAsync(path, body);
        code.ShouldBe((int)HttpStatusCode.OK, answer.ToJsonString());
        return answer["differences"]!.AsArray().Select(static d => $"{d!["type"]} {d["vm"]!["id"]}{string.Concat(d["fields"]!.AsArray().Select(static f => $" {f}"))}");
    }
}
