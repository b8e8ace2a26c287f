using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>Nodes, as people and Uyuni ask for them.</summary>
public sealed class NodeRoutesTests
{
    [Fact]
    public async Task Nodes_are_told_in_both_forms_and_to_those_alone_who_may_list_them()
    {
        await using var management = await ManagementCluster.StartAsync();
        management.CreateNode("n1", "amd64", "4", "8052040Ki");
        var (code, body) = await management.SendAsync(HttpMethod.Get, "/inventory/nodes");
        code.ShouldBe(200);
        var node = body["nodes"]!.AsArray().ShouldHaveSingleItem()!;
        ((string?)node["architecture"], (int?)node["cpus"], (long?)node["memory_bytes"], (bool?)node["ready"], (string?)node["kernel"])
            .ShouldBe(("x86_64", 4, 8052040L << 10, true, "6.1.0-28-cloud-amd64"));

        (code, body) = await management.SendAsync(HttpMethod.Get, "/inventory/gatherer");
        code.ShouldBe(200);
        JsonNode.DeepEquals(body, JsonNode.Parse(
            """
            {"n1":{"type":"kubernetes","name":"n1","hostIdentifier":"id-n1","cpuArch":"x86_64","cpuDescription":"(unknown)","cpuVendor":"(unknown)","cpuMhz":0,
             "totalCpuCores":4,"totalCpuSockets":4,"totalCpuThreads":1,"ramMb":7863,"os":"Debian GNU/Linux 12 (bookworm)","osVersion":"12","vms":{}}}
            """)).ShouldBeTrue(body.ToJsonString());

        management.Cluster.Server.AddUser("visitor", "visitor", static _ => false);
        (await management.SendAsync(HttpMethod.Get, "/inventory/nodes", token: "visitor")).Code.ShouldBe(403);
    }
}
