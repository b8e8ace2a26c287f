using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Adoption;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>Pods that others made, as charts/kvm-agent does, and whose agents link to the coordinator.</summary>
public sealed class AdoptionTests : IAsyncLifetime
{
    private const string Instances = "virtualmachineinstances";

    private FaultCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await FaultCluster.StartAsync();

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task A_linked_pod_is_an_instance_that_goes_with_it_and_the_next_pod_is_another()
    {
        await _cluster.CoordinateAsync();
        var pod = _cluster.CreateLinkedPod("web-0", domain: "web");
        await _cluster.ShownAsync("web", pod);
        var instance = _cluster.Instance("web")!;
        instance["metadata"]!["ownerReferences"]!.AsArray().Single()!["uid"]!.GetValue<string>().ShouldBe(pod);
        ((string?)instance["status"]!["nodeName"]).ShouldBe(FakeNode.Name);
        instance["status"]!["phaseTransitionTimestamps"]!.AsArray().Count.ShouldBeGreaterThan(1);
        var agent = _cluster.Node.Find(pod)!.Agent;
        await _cluster.UntilAsync(() => agent.Links == 1, "the agent is linked");
        agent.Set(VmPhase.Paused);
        await _cluster.UntilAsync(() => FaultCluster.Condition(_cluster.Instance("web"), "Paused") is not null, "what it says is heard");

        _cluster.Node.Shutdown = TimeSpan.FromMilliseconds(300);
        _cluster.Server.Delete("", "pods", FaultCluster.Namespace, "web-0");
        await _cluster.UntilAsync(() => (string?)FaultCluster.Condition(_cluster.Instance("web"), "Ready")?["reason"] is "ShuttingDown" or "PodTerminating", "it is being ended");
        await _cluster.UntilAsync(() => _cluster.Server.Get("", "pods", FaultCluster.Namespace, "web-0") is null, "the pod is gone");
        var next = _cluster.CreateLinkedPod("web-0", domain: "web");
        await _cluster.ShownAsync("web", next);
        Told().ShouldBeEmpty();

        _cluster.Server.Delete("", "pods", FaultCluster.Namespace, "web-0");
        await _cluster.UntilAsync(() => _cluster.Instance("web") is null, "the instance is gone");
        _cluster.Server.All("", "pods").ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Background")]
    [InlineData("Foreground")]
    public async Task An_instance_that_is_deleted_by_hand_is_made_again_and_the_guest_runs_on(string policy)
    {
        await _cluster.CoordinateAsync();
        var pod = _cluster.CreateLinkedPod("web");
        await _cluster.ShownAsync("web", pod);
        var before = _cluster.Uid("web");
        _cluster.Delete("web", Instances, policy);
        await _cluster.UntilAsync(() => _cluster.Uid("web") is { } uid && uid != before, "there is another");
        await _cluster.ShownAsync("web", pod);
        Pod("web")["metadata"]!["deletionTimestamp"].ShouldBeNull();
    }

    [Fact]
    public async Task A_name_that_is_taken_is_told_once_and_given_when_it_is_free()
    {
        var replica = _cluster.Replicate();
        _cluster.Apply("web");
        await _cluster.RunningAsync("web");
        var machines = _cluster.Uid("web");
        var pod = _cluster.CreateLinkedPod("web");
        await _cluster.UntilAsync(() => Told().Count == 1, "the pod is told");
        await _cluster.UntilAsync(() => FaultCluster.Condition(Pod("web"), "Ready") is { } ready && (string?)ready["status"] == "True", "the pod goes on");
        _cluster.Server.Update("", "pods", FaultCluster.Namespace, "web", static p => p["metadata"]!["labels"]!["changed"] = "yes");
        await _cluster.UntilAsync(() => replica.Cache.Linked.Get(FaultCluster.Namespace, "web")?.Metadata.Label("changed") is not null, "the pod's change is seen");
        _cluster.PodOf("web").Agent.Set(VmPhase.Paused);
        await _cluster.UntilAsync(() => FaultCluster.Condition(_cluster.Instance("web"), "Paused") is not null, "the machine is looked at again");
        _cluster.PodOf("web").Agent.Set(VmPhase.Running, ready: true);
        await _cluster.RunningAsync("web");
        Told().Single().ShouldContain("that of a VirtualMachine");
        _cluster.Uid("web").ShouldBe(machines);

        _cluster.Strategy("web", "Halted");
        await _cluster.UntilAsync(() => (string?)_cluster.Machine("web")!["status"]!["printableStatus"] == "Stopped", "the machine is stopped, and keeps its name");
        _cluster.Instance("web").ShouldBeNull();
        _cluster.Delete("web");
        await _cluster.ShownAsync("web", pod);
        _cluster.Node.Find(pod)!.Agent.Set(VmPhase.Paused);
        await _cluster.UntilAsync(() => FaultCluster.Condition(_cluster.Instance("web"), "Paused") is not null, "what its agent says is heard");
        Told().Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_machine_of_the_same_name_waits_until_the_pod_is_gone()
    {
        await _cluster.CoordinateAsync();
        var pod = _cluster.CreateLinkedPod("web");
        await _cluster.ShownAsync("web", pod);
        var instance = _cluster.Uid("web");
        _cluster.Apply("web");
        await _cluster.UntilAsync(() => (string?)FaultCluster.Condition(_cluster.Machine("web"), "Failure")?["reason"] == "NameTaken", "the machine says why it does not start");
        await _cluster.RestartAsync("web");
        _cluster.Strategy("web", "Halted");
        _cluster.Strategy("web", "Always");
        await _cluster.UntilAsync(() => (long?)_cluster.Machine("web")!["status"]!["observedGeneration"] == (long?)_cluster.Machine("web")!["metadata"]!["generation"], "all of it was looked at");
        _cluster.Uid("web").ShouldBe(instance);
        Pod("web")["metadata"]!["deletionTimestamp"].ShouldBeNull();

        _cluster.Server.Delete("", "pods", FaultCluster.Namespace, "web");
        await _cluster.RunningAsync("web", instance);
    }

    [Fact]
    public async Task What_is_written_in_instances_and_pods_takes_over_nothing()
    {
        await _cluster.CoordinateAsync();
        _cluster.Apply("db");
        await _cluster.RunningAsync("db");
        var launcher = _cluster.Pods("db").Single()["metadata"]!;
        var pod = _cluster.CreateLinkedPod("web");
        await _cluster.ShownAsync("web", pod);

        // A launcher's pod is none of others, and a linked pod is shown under the name that it asks for alone.
        _cluster.Server.Update("", "pods", FaultCluster.Namespace, (string)launcher["name"]!, p => p["metadata"]!["labels"]![MachineLabels.Linked] = "true");
        CreateInstance("thief", "thief", (string)launcher["name"]!, (string)launcher["uid"]!);
        CreateInstance("other", "other", "web", pod);
        CreateInstance("unowned", "unowned", null, null);
        await _cluster.UntilAsync(() => (string?)FaultCluster.Condition(_cluster.Instance("other"), "Synchronized")?["reason"] == "NotOfThisPod", "it says that it is of no pod");
        await _cluster.UntilAsync(() => (string?)_cluster.Instance("unowned")!["status"]?["phase"] == "Running", "one that is nobody's runs as any other");
        foreach (var forged in new[] { "thief", "other" })
        {
            _cluster.Instance(forged)!["status"]?["activePods"].ShouldBeNull();
            _cluster.Delete(forged, Instances);
        }

        await _cluster.RunningAsync("db");
        await _cluster.ShownAsync("web", pod);
        _cluster.Pods("db").Single()["metadata"]!["uid"]!.GetValue<string>().ShouldBe((string)launcher["uid"]!);
        _cluster.Server.All("", "pods").Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_pod_that_asks_for_another_name_later_keeps_its_instance()
    {
        await _cluster.CoordinateAsync();
        var pod = _cluster.CreateLinkedPod("web-0", domain: "web");
        await _cluster.ShownAsync("web", pod);
        _cluster.Server.Update("", "pods", FaultCluster.Namespace, "web-0", p => p["metadata"]!["annotations"]![MachineLabels.Domain] = "other");
        var agent = _cluster.Node.Find(pod)!.Agent;
        agent.Set(VmPhase.Paused);
        await _cluster.UntilAsync(() => FaultCluster.Condition(_cluster.Instance("web"), "Paused") is not null, "what it says is heard");
        _cluster.Instance("other").ShouldBeNull();
        agent.Links.ShouldBe(1);
    }

    [Fact]
    public async Task Who_leads_next_shows_the_pods_that_were_there_before()
    {
        var replica = _cluster.Replicate(leads: false);
        var pod = _cluster.CreateLinkedPod("web");
        await replica.Cache.Synced;
        await _cluster.UntilAsync(
            () => Conditions.IsTrue(replica.Cache.Linked.Get(FaultCluster.Namespace, "web")?.Status?.Conditions, "Ready"), "the pod is seen as it stays");
        replica.Lead();
        await _cluster.ShownAsync("web", pod);
    }

    private JsonObject Pod(string name) => _cluster.Server.Get("", "pods", FaultCluster.Namespace, name)!;

    private List<string> Told() => [.. _cluster.Server.All("", "events", FaultCluster.Namespace)
        .Where(static e => (string?)e["reason"] == AdoptionDecision.NameTaken && (string?)e["involvedObject"]!["kind"] == "Pod").Select(static e => (string)e["message"]!)];

    private void CreateInstance(string name, string disk, string? ownerName, string? ownerUid) => _cluster.Server.Create(new JsonObject
    {
        ["apiVersion"] = "kubevirt.io/v1",
        ["kind"] = "VirtualMachineInstance",
        ["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["namespace"] = FaultCluster.Namespace,
            ["labels"] = new JsonObject { [MachineLabels.Adopted] = "true" },
            ["ownerReferences"] = ownerName is null ? null : new JsonArray(new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["name"] = ownerName,
                ["uid"] = ownerUid,
                ["controller"] = true,
            }),
        },
        ["spec"] = JsonNode.Parse($$$"""{"domain":{"memory":{"guest":"1Gi"},"devices":{}},"volumes":[{"name":"{{{disk}}}","emptyDisk":{"capacity":"1Gi"}}]}"""),
    });
}
