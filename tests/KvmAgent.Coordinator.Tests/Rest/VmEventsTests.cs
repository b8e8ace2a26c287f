using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>What a cluster tells of a machine.</summary>
public sealed class VmEventsTests : IAsyncLifetime
{
    private const string Events = "/kubevirt/vms/shop/web/events";

    private ManagementCluster _management = null!;

    public async Task InitializeAsync() => _management = await ManagementCluster.StartAsync();

    public async Task DisposeAsync() => await _management.DisposeAsync();

    [Fact]
    public async Task They_are_those_of_the_machine_its_instances_and_its_pods_the_newest_last()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        var pod = (string)_management.Cluster.Pods("web").Single()["metadata"]!["name"]!;
        var machine = (string)_management.Cluster.Machine("web")!["metadata"]!["uid"]!;
        Tell("VirtualMachine", "web", "Mine", "2001-01-01T00:00:03Z", machine);
        Tell("VirtualMachine", "web", "Former", "2001-01-01T00:00:04Z", "another");
        Tell("VirtualMachineInstance", "web", "FormerInstance", "2001-01-01T00:00:01Z", "another");
        Tell("PersistentVolumeClaim", "web", "Volume", "2001-01-01T00:00:05Z", "another");
        Tell("Pod", "other", "Other", "2001-01-01T00:00:05Z", "another");
        _management.Cluster.Server.Create(Event("Pod", pod, "Scheduled", "x", new JsonObject
        {
            ["eventTime"] = "2001-01-01T00:00:00.000000Z",
            ["series"] = new JsonObject { ["count"] = 7, ["lastObservedTime"] = "2001-01-01T00:00:02.000000Z" },
            ["action"] = "Binding",
            ["reportingComponent"] = "default-scheduler",
            ["reportingInstance"] = "scheduler-1",
        }));

        var (code, body) = await _management.SendAsync(HttpMethod.Get, Events);
        code.ShouldBe(200, body.ToJsonString());
        var all = body["events"]!.AsArray();
        all.Take(3).Select(static e => $"{e!["reason"]} {e["object"]}").ShouldBe(["FormerInstance VirtualMachineInstance/web", $"Scheduled Pod/{pod}", "Mine VirtualMachine/web"]);
        all.Select(static e => (string?)e!["reason"]).ShouldNotContain(static r => r == "Former" || r == "Volume" || r == "Other");
        (all[1]!["count"]!.GetValue<int>(), (DateTimeOffset)all[1]!["first_seen"]!, (DateTimeOffset)all[1]!["last_seen"]!)
            .ShouldBe((7, DateTimeOffset.UnixEpoch.AddYears(31), DateTimeOffset.UnixEpoch.AddYears(31).AddSeconds(2)));
        (all.Count, (int?)body["total"]).ShouldBe((all.Count, all.Count));
    }

    [Fact]
    public async Task Of_many_the_newest_are_told()
    {
        _management.Cluster.Apply("web", "Halted");
        for (var i = 0; i < 230; i++)
        {
            Tell("VirtualMachineInstance", "web", $"R{i}", $"2101-01-01T00:{i / 60:00}:{i % 60:00}Z", "another");
        }

        var (_, body) = await _management.SendAsync(HttpMethod.Get, Events);
        var all = body["events"]!.AsArray();
        (all.Count, (string?)all[0]!["reason"], (string?)all[^1]!["reason"]).ShouldBe((200, "R30", "R229"));
        ((int)body["total"]!).ShouldBeGreaterThanOrEqualTo(230);
    }

    [Fact]
    public async Task They_are_told_to_whom_the_cluster_tells_them_and_of_machines_that_are_there()
    {
        _management.Cluster.Apply("web", "Halted");
        _management.Cluster.Server.AddUser("viewer", "viewer", static request => request.Method == "GET" && !request.Path.Value!.EndsWith("/events", StringComparison.Ordinal));
        var (code, body) = await _management.SendAsync(HttpMethod.Get, Events, token: "viewer");
        (code, ((string)body["error"]!).Contains("forbidden", StringComparison.Ordinal)).ShouldBe((403, true), body.ToJsonString());
        (code, body) = await _management.SendAsync(HttpMethod.Get, "/kubevirt/vms/shop/none/events");
        (code, (string?)body["error"]).ShouldBe((404, "machine shop/none not found"));
    }

    private void Tell(string kind, string name, string reason, string last, string uid) => _management.Cluster.Server.Create(
        Event(kind, name, reason, uid, new JsonObject { ["firstTimestamp"] = "2000-01-01T00:00:00Z", ["lastTimestamp"] = last, ["count"] = 1 }));

    private static JsonObject Event(string kind, string name, string reason, string uid, JsonObject rest)
    {
        var made = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject { ["name"] = $"{name}.{reason.ToLowerInvariant()}", ["namespace"] = ManagementCluster.Namespace },
            ["involvedObject"] = new JsonObject { ["kind"] = kind, ["name"] = name, ["namespace"] = ManagementCluster.Namespace, ["uid"] = uid },
            ["type"] = "Warning",
            ["reason"] = reason,
            ["message"] = "it happened",
        };
        foreach (var (key, value) in rest)
        {
            made[key] = value?.DeepClone();
        }

        return made;
    }
}
