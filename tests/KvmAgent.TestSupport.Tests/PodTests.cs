using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class PodTests : ServerTest
{
    private const string Eviction = """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}""";

    [Fact]
    public async Task A_pod_begins_pending_and_its_spec_is_fixed()
    {
        var (_, pod) = await Client.PostAsync(Pods, Pod("p"));
        pod["status"]!["phase"]!.GetValue<string>().ShouldBe("Pending");
        (await Client.PatchAsync($"{Pods}/p", Client.Merge, """{"spec":{"nodeName":"n"}}""")).Code.ShouldBe(422);
        (await Client.PatchAsync($"{Pods}/p", Client.Strategic, """{"spec":{"containers":[{"name":"vm","image":"new"}]}}""")).Code.ShouldBe(200);
    }

    [Fact]
    public async Task A_pod_is_bound_once()
    {
        const string Binding = """{"apiVersion":"v1","kind":"Binding","metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}}""";
        await Client.PostAsync(Pods, Pod("p"));
        (await Client.PostAsync($"{Pods}/p/binding", Binding)).Code.ShouldBe(201);
        Server.Get("", "pods", "default", "p")!["spec"]!["nodeName"]!.GetValue<string>().ShouldBe("n1");
        (await Client.PostAsync($"{Pods}/p/binding", Binding)).Code.ShouldBe(409);
    }

    [Fact]
    public async Task An_eviction_asks_the_budget()
    {
        await Client.PostAsync(Pods, Pod("p", ",\"labels\":{\"a\":\"1\"}"));
        Server.SetStatus("", "pods", "default", "p", new System.Text.Json.Nodes.JsonObject { ["phase"] = "Running" });
        await Client.PostAsync(
            "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            """{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"b"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"a":"1"}}}}""");
        var (code, status) = await Client.PostAsync($"{Pods}/p/eviction", Eviction);
        (code, status["details"]!["causes"]![0]!["reason"]!.GetValue<string>()).ShouldBe((429, "DisruptionBudget"));
        Server.SetStatus("policy", "poddisruptionbudgets", "default", "b", new System.Text.Json.Nodes.JsonObject { ["disruptionsAllowed"] = 1 });
        (await Client.PostAsync($"{Pods}/p/eviction", Eviction)).Code.ShouldBe(201);
        Server.Count("", "pods").ShouldBe(0);
    }
}
