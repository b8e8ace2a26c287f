using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Alone;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Jobs;

/// <summary>Jobs on another cluster, which are watched by what is kept of it.</summary>
public sealed class JobProviderTests : IAsyncLifetime
{
    private JobCluster _other = null!;

    public async Task InitializeAsync() => _other = await JobCluster.StartAsync(null, https: true);

    public async Task DisposeAsync() => await _other.DisposeAsync();

    [Fact]
    public async Task A_machine_of_another_cluster_is_cloned_there_by_whoever_may_use_it()
    {
        await using var own = await JobCluster.StartAsync(new SqliteDatabase());
        (await own.Management.PostAsync("/kubevirt/providers/add", East())).Code.ShouldBe(201);
        own.Server.Access = static spec => (string?)spec["user"] != ManagementCluster.Jane;
        (await own.Management.PostAsync($"{JobCluster.Web}/clone", Copy(), ManagementCluster.Jane)).Code.ShouldBe(403);

        var (code, body) = await own.Management.PostAsync($"{JobCluster.Web}/clone", Copy());
        code.ShouldBe(202, body.ToJsonString());
        var id = (string)body["job_id"]!;
        own.Management.Cluster.Machine("copy").ShouldBeNull();
        (await own.Management.SendAsync(HttpMethod.Get, $"/jobs/{id}", token: ManagementCluster.Jane)).Code.ShouldBe(404);
        await Until.TrueAsync(async () => ((string)(await own.JobAsync(id))["message"]!).StartsWith("copy-root: Pending: ", StringComparison.Ordinal));

        // Where it does not answer for a while, that is what is told.
        _other.Server.Faults.Down();
        await Until.TrueAsync(async () => ((string)(await own.JobAsync(id))["message"]!).StartsWith("how far it is cannot be seen now: ", StringComparison.Ordinal));
        _other.Server.Faults.Up();
        await _other.FillAsync("copy-root");
        ((string?)(await own.UntilAsync(id, "completed"))["provider"]).ShouldBe("east");

        // Nobody can look any more.
        (_, body) = await own.Management.PostAsync($"{JobCluster.Web}/clone", Copy("second"));
        (await own.Management.PostAsync("/kubevirt/providers/remove", new JsonObject { ["name"] = "east" })).Code.ShouldBe(200);
        ((string?)(await own.UntilAsync((string)body["job_id"]!, "failed"))["error"]).ShouldBe("provider \"east\" is there no more");
    }

    [Fact]
    public async Task A_coordinator_alone_has_jobs_of_other_clusters_and_keeps_them()
    {
        await using var host = await AloneHost.StartAsync();
        using (var client = host.ManagementClient())
        {
            await PostAsync(client, "/kubevirt/providers/add", East(), 201);
            ((string)(await PostAsync(client, "/kubevirt/vms/team/web/clone", new JsonObject { ["name"] = "copy" }, 404))["error"]!).ShouldBe("machine team/web not found");
            await PostAsync(client, $"{JobCluster.Web}/clone", Copy(), 202);
        }

        await host.EndAsync();
        await host.BeginAsync();
        await _other.FillAsync("copy-root");
        using var again = host.ManagementClient();
        await Until.TrueAsync(async () => (string?)(await PostAsync(again, "/jobs/query", new JsonObject(), 200))["jobs"]![0]!["status"] == "completed");
    }

    private JsonObject East() => new() { ["name"] = "east", ["kubeconfig"] = _other.Server.Kubeconfig };

    private static JsonObject Copy(string name = "copy") => new() { ["provider"] = "east", ["name"] = name };

    private static async Task<JsonNode> PostAsync(HttpClient client, string path, JsonNode body, int expected)
    {
        using var content = new StringContent(body.ToJsonString(), System.Text.Encoding.UTF8, "application/json");
        var answer = await client.PostAsync(new Uri(path, UriKind.Relative), content);
        var text = await answer.Content.ReadAsStringAsync();
        ((int)answer.StatusCode).ShouldBe(expected, text);
        return JsonNode.Parse(text)!;
    }
}
