using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Machines;
using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>What people, nodes and strangers do to a machine's objects behind the coordinator's back.</summary>
public sealed class HandTests : IAsyncLifetime
{
    private FaultCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await FaultCluster.StartAsync();
        await _cluster.CoordinateAsync();
    }

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task A_pod_that_is_deleted_by_hand_is_followed_by_another()
    {
        var before = await RunAsync();
        _cluster.Server.Delete("", "pods", FaultCluster.Namespace, (string)_cluster.Pods("web").Single()["metadata"]!["name"]!);
        await _cluster.RunningAsync("web", before);
        await EndAsync();
    }

    [Fact]
    public async Task A_pod_that_is_evicted_fails_and_is_followed_by_another()
    {
        var before = await RunAsync();
        var pod = _cluster.Pods("web").Single();
        _cluster.PodOf("web").End(137);
        _cluster.Server.SetStatus("", "pods", FaultCluster.Namespace, (string)pod["metadata"]!["name"]!, JsonNode.Parse(
            """{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory."}""")!);
        await _cluster.RunningAsync("web", before);
        await EndAsync();
    }

    [Fact]
    public async Task On_a_node_that_is_lost_nothing_is_started_a_second_time()
    {
        var before = await RunAsync();
        var pod = _cluster.PodOf("web");
        _cluster.Node.Lost = true;
        // As the node lifecycle controller does.
        _cluster.Server.Delete("", "pods", FaultCluster.Namespace, pod.Agent.Pod.Name);
        await _cluster.UntilAsync(
            () => (string?)FaultCluster.Condition(_cluster.Instance("web"), "Ready")?["reason"] == "PodTerminating", "the instance's pod is said to be ended");
        await _cluster.RestartAsync("web");
        await _cluster.UntilAsync(() => _cluster.Instance("web")?["metadata"]?["deletionTimestamp"] is not null, "the instance is being deleted");
        _cluster.Apply("other");
        await _cluster.RunningAsync("other");
        _cluster.Pods("web").Single()["metadata"]!["uid"]!.GetValue<string>().ShouldBe(pod.Uid);
        ((string?)_cluster.Machine("web")!["status"]!["printableStatus"]).ShouldBe("Stopping");

        _cluster.Node.Lost = false;
        await _cluster.RunningAsync("web", before);
        await EndAsync("other");
        await EndAsync();
    }

    [Theory]
    [InlineData("Background")]
    [InlineData("Foreground")]
    public async Task An_instance_that_is_deleted_by_hand_is_followed_by_another_once_its_pod_is_gone(string policy)
    {
        var before = await RunAsync();
        _cluster.Node.Shutdown = TimeSpan.FromSeconds(1);
        _cluster.Delete("web", "virtualmachineinstances", policy);
        await _cluster.RunningAsync("web", before);
        await EndAsync();
    }

    [Fact]
    public async Task A_machine_that_is_deleted_and_made_again_waits_for_the_former_guest()
    {
        await RunAsync();
        _cluster.Node.Shutdown = TimeSpan.FromSeconds(1);
        var before = _cluster.Uid("web");
        _cluster.Delete("web");
        await _cluster.UntilAsync(() => _cluster.Machine("web") is null, "the machine is gone");
        _cluster.Apply("web");
        await _cluster.RunningAsync("web", before);
        await EndAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(60)]
    [InlineData(150)]
    public async Task A_machine_that_is_deleted_while_it_starts_leaves_nothing(int afterMilliseconds)
    {
        _cluster.Node.Step = TimeSpan.FromMilliseconds(40);
        _cluster.Apply("web");
        await Task.Delay(TimeSpan.FromMilliseconds(afterMilliseconds), TimeProvider.System);
        _cluster.Delete("web");
        await _cluster.GoneAsync("web");
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        await _cluster.GoneAsync("web");
    }

    [Fact]
    public async Task A_pod_that_a_stranger_made_first_is_not_trusted()
    {
        _cluster.Node.Schedules = false;
        var create = new TaskCompletionSource();
        _cluster.Server.Faults.OnRequest = request => HttpMethods.IsPost(request.Method) && request.Path.Value!.EndsWith("/pods", StringComparison.Ordinal)
            ? new Fault { Until = create.Task } : null;
        _cluster.Apply("web");
        await _cluster.UntilAsync(() => _cluster.Server.All("", "configmaps", FaultCluster.Namespace).Count == 1, "the pod is about to be made");
        var instance = _cluster.Instance("web")!;
        var name = (string)_cluster.Server.All("", "configmaps", FaultCluster.Namespace).Single()["metadata"]!["name"]!;
        var stranger = (string)_cluster.Server.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["namespace"] = FaultCluster.Namespace,
                ["labels"] = new JsonObject { [MachineLabels.Role] = MachineLabels.Launcher, [MachineLabels.CreatedBy] = (string?)instance["metadata"]!["uid"] },
                ["annotations"] = new JsonObject { [MachineLabels.Domain] = "web" },
            },
            ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "compute", ["image"] = "strange" }) },
        })["metadata"]!["uid"]!;
        create.SetResult();
        _cluster.Node.Schedules = true;
        await _cluster.RunningAsync("web");
        _cluster.PodOf("web").Uid.ShouldNotBe(stranger);
        _cluster.Instance("web")!["status"]!["activePods"]!.AsObject().ContainsKey(stranger).ShouldBeFalse();
        await EndAsync();
    }

    private async Task<string?> RunAsync()
    {
        _cluster.Apply("web");
        await _cluster.RunningAsync("web");
        return _cluster.Uid("web");
    }

    private async Task EndAsync(string name = "web")
    {
        _cluster.Node.Shutdown = TimeSpan.FromMilliseconds(30);
        _cluster.Strategy(name, "Halted");
        await _cluster.StoppedAsync(name);
        _cluster.Delete(name);
        await _cluster.UntilAsync(() => _cluster.Machine(name) is null && _cluster.Pods(name).Count == 0, $"{name} is gone");
    }
}
