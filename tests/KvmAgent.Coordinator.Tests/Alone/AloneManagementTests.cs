using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Alone;

/// <summary>The management API of a coordinator without a cluster: the same paths, of instances alone.</summary>
public sealed class AloneManagementTests
{
    private const string Web = "/kubevirt/vms/team/web";

    [Fact]
    public async Task An_enrolled_machine_is_listed_told_and_stopped_but_cannot_be_started()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        var (agent, _) = await host.LinkAsync(token);
        using var client = host.ManagementClient();
        using (agent)
        {
            await agent.TransitionAsync(1, VmPhase.Running);
            await Until.TrueAsync(async () => (string?)(await ListAsync(client))["vms"]!.AsArray().SingleOrDefault()?["power_state"] == "running");
            var told = (await client.GetFromJsonAsync<JsonNode>(new Uri(Web, UriKind.Relative)))!;
            ((string?)told["vm"]!["kind"], told["manifest"]).ShouldBe(("VirtualMachineInstance", null));

            var refused = await client.PostAsync(new Uri($"{Web}/start", UriKind.Relative), null);
            refused.StatusCode.ShouldBe(HttpStatusCode.Conflict);
            (await refused.Content.ReadAsStringAsync()).ShouldContain("team/web is an instance without a VirtualMachine, so it cannot be started");

            var stopping = client.PostAsJsonAsync(new Uri($"{Web}/stop", UriKind.Relative), new { grace_period_seconds = 7 });
            var request = (await agent.ReceiveAsync())!.Value;
            (request.GetProperty("method").GetString(), request.GetProperty("params").GetProperty("gracePeriodSeconds").GetInt32()).ShouldBe((LinkMethods.Shutdown, 7));
            await agent.SendAsync($$$"""{"jsonrpc":"2.0","id":{{{request.GetProperty("id")}}},"result":{}}""");
            (await stopping).StatusCode.ShouldBe(HttpStatusCode.OK);
            await Until.TrueAsync(async () => (string?)(await ListAsync(client))["vms"]![0]!["power_state"] == "stopping");
        }
    }

    [Fact]
    public async Task Only_peoples_token_is_taken()
    {
        await using var host = await AloneHost.StartAsync();
        foreach (var wrong in new[] { "guessed", host.EnrolmentToken, await host.EnrolAsync() })
        {
            using var client = host.ManagementClient(wrong);
            (await client.PostAsync(new Uri("/kubevirt/vms/list", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }
    }

    [Fact]
    public async Task What_happened_to_a_machine_is_told_over_a_restart()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        using (var client = host.ManagementClient())
        {
            var (agent, _) = await host.LinkAsync(token);
            using (agent)
            {
                await agent.TransitionAsync(1, VmPhase.Running);
                await HappenedAsync(client, "changed running");
            }
        }

        await host.EndAsync();
        await host.BeginAsync();
        using var later = host.ManagementClient();
        var (again, _) = await host.LinkAsync(token);
        using (again)
        {
            await again.TransitionAsync(2, VmPhase.Paused);
            await HappenedAsync(later, "changed paused");
        }

        var all = await EventsAsync(later);
        all.Count(static e => e.StartsWith("created ", StringComparison.Ordinal)).ShouldBe(1);
        all.IndexOf("changed running").ShouldBeLessThan(all.IndexOf("changed paused"));
        (await later.GetAsync(new Uri("/kubevirt/images", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.OK);
        var refused = await later.PostAsJsonAsync(new Uri("/kubevirt/images", UriKind.Relative), new { name = "a", url = "https://example.com/a" });
        (refused.StatusCode, (await refused.Content.ReadAsStringAsync()).Contains("has no DataVolumes", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.NotFound, true));

        static Task HappenedAsync(HttpClient client, string what) => Until.TrueAsync(async () => (await EventsAsync(client)).Contains(what), what);

        static async Task<List<string>> EventsAsync(HttpClient client) =>
            [.. (await client.GetFromJsonAsync<JsonNode>(new Uri("/kubevirt/events?namespace=team&name=web", UriKind.Relative)))!["events"]!.AsArray().Select(static e => $"{e!["type"]} {e["power_state"]}")];
    }

    private static async Task<JsonNode> ListAsync(HttpClient client)
    {
        var answer = await client.PostAsJsonAsync(new Uri("/kubevirt/vms/list", UriKind.Relative), new { all_namespaces = true });
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }
}
