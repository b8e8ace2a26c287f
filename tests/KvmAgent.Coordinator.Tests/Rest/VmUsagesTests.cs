using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>What machines use, by the management API.</summary>
public sealed class VmUsagesTests : IAsyncLifetime
{
    private const string Usage = "/kubevirt/vms/shop/web/usage";

    private ManagementCluster _management = null!;

    public async Task InitializeAsync() => _management = await ManagementCluster.StartAsync();

    public async Task DisposeAsync() => await _management.DisposeAsync();

    [Fact]
    public async Task It_is_asked_of_the_agent_each_time()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        var agent = _management.Cluster.PodOf("web").Agent;
        foreach (var seconds in new[] { 1.5, 7.25 })
        {
            agent.Usage = new VmUsage(seconds, 1 << 30, new NetworkUsage(10, 1, 20, 2), new BlockUsage(30, 3, 40, 4));

            var (code, body) = await _management.SendAsync(HttpMethod.Get, Usage);

            code.ShouldBe(200, body.ToJsonString());
            ((string?)body["vm"], (double)body["cpu_seconds"]!, (long)body["resident_bytes"]!).ShouldBe(("shop/web", seconds, 1L << 30));
            ((long)body["received_bytes"]!, (long)body["sent_bytes"]!, (long)body["read_bytes"]!, (long)body["written_bytes"]!).ShouldBe((10, 20, 30, 40));
        }
    }

    [Fact]
    public async Task An_older_agents_is_that_of_its_last_heartbeat()
    {
        _management.Cluster.Node.Dress = static agent => agent.TellsUsage = false;
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");

        var (code, body) = await _management.SendAsync(HttpMethod.Get, Usage);

        (code, (double?)body["cpu_seconds"]).ShouldBe((200, 1), body.ToJsonString());
    }

    [Fact]
    public async Task Who_has_none_is_told_why()
    {
        _management.Cluster.Apply("web", "Halted");
        var (code, body) = await _management.SendAsync(HttpMethod.Get, Usage);
        (code, (string?)body["error"]).ShouldBe((404, "machine shop/web does not run, or is not there"));

        _management.Cluster.Apply("on");
        await _management.Cluster.RunningAsync("on");
        _management.Cluster.Server.AddUser("viewer", "viewer", static request => !request.Path.Value!.EndsWith("/usage", StringComparison.Ordinal));
        (code, body) = await _management.SendAsync(HttpMethod.Get, "/kubevirt/vms/shop/on/usage", token: "viewer");
        (code, ((string)body["error"]!).Contains("forbidden", StringComparison.Ordinal)).ShouldBe((403, true), body.ToJsonString());
    }
}
