using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>The machines of several clusters in one list.</summary>
public sealed class AllProvidersTests : IAsyncLifetime
{
    private ManagementCluster _own = null!;
    private ManagementCluster _other = null!;

    public async Task InitializeAsync()
    {
        (_own, _other) = (await ManagementCluster.StartAsync(), await ManagementCluster.StartAsync(https: true));
        _own.Cluster.Apply("web", "Halted");
        _own.Cluster.Apply("web2", "Halted");
        _other.Cluster.Apply("web", "Halted");
        var (code, body) = await _own.PostAsync("/kubevirt/providers/add", new JsonObject { ["name"] = "east", ["kubeconfig"] = _other.Cluster.Server.Kubeconfig });
        code.ShouldBe(201, body.ToJsonString());
        await Until.TrueAsync(async () => (int)(await ListAsync())["total"]! == 3);
    }

    public async Task DisposeAsync()
    {
        await _own.DisposeAsync();
        await _other.DisposeAsync();
    }

    [Fact]
    public async Task They_are_paged_by_provider_namespace_and_name()
    {
        var shown = new List<string>();
        string? next = null;
        do
        {
            var page = await ListAsync(new JsonObject { ["limit"] = 1, ["continue"] = next });
            ((int)page["total"]!).ShouldBe(3);
            shown.AddRange(page["vms"]!.AsArray().Select(static vm => $"{vm!["provider"]} {vm["id"]}"));
            next = (string?)page["continue"];
        }
        while (next is not null);

        shown.ShouldBe(["east shop/web", "local shop/web", "local shop/web2"]);
        (await ListAsync(new JsonObject { ["namespace"] = "none" }))["vms"]!.AsArray().ShouldBeEmpty();
        var (code, body) = await _own.PostAsync("/kubevirt/vms/list", new JsonObject { ["all_providers"] = true, ["provider"] = "east" });
        (code, (string?)body["error"]).ShouldBe((400, "provider=\"east\" and all_providers exclude one another; give one of them"));
    }

    [Fact]
    public async Task What_cannot_be_shown_is_told_and_what_the_caller_may_not_use_is_not()
    {
        static Func<JsonObject, bool> But(params string[] resources) => spec => (string?)spec["user"] != "wide" || !resources.Contains((string?)spec["resourceAttributes"]?["resource"]);
        _own.Cluster.Server.AddUser("wide", "wide");
        _own.Cluster.Server.Access = But("providers");
        (await ListAsync(token: "wide"))["vms"]!.AsArray().Select(static vm => (string?)vm!["provider"]).ShouldBe(["local", "local"]);

        _own.Cluster.Server.Access = But("virtualmachines", "virtualmachineinstances");
        var list = await ListAsync(token: "wide");
        list["vms"]!.AsArray().Select(static vm => (string?)vm!["provider"]).ShouldBe(["east"]);
        list["problems"]!.AsArray().Select(static p => (string?)p!["provider"]).ShouldBe(["local"]);
        ((string?)list["problems"]![0]!["error"]).ShouldNotBeNull().ShouldContain("cannot list resource");
    }

    [Fact]
    public async Task Whoever_watches_them_is_told_of_each_and_ends_when_one_goes()
    {
        using var http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true }) { BaseAddress = _own.Address };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/kubevirt/vms/watch?all_providers=true") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", _own.Cluster.Server.Token) } };
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        (await lines.ReadLineAsync()).ShouldBe("event: open");

        _other.Cluster.Apply("late", "Halted");
        await ToldAsync("east", "shop/late");
        _own.Cluster.Apply("late", "Halted");
        await ToldAsync("local", "shop/late");

        (await _own.PostAsync("/kubevirt/providers/remove", new JsonObject { ["name"] = "east" })).Code.ShouldBe(200);
        while (await lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)) is not null)
        {
            // What was told before, and signs of life.
        }

        async Task ToldAsync(string provider, string id)
        {
            while (true)
            {
                var line = (await lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60))).ShouldNotBeNull();
                if (line.StartsWith("data: ", StringComparison.Ordinal) && JsonNode.Parse(line["data: ".Length..])!["vm"] is { } vm && ((string?)vm["provider"], (string?)vm["id"]) == (provider, id))
                {
                    return;
                }
            }
        }
    }

    private async Task<JsonNode> ListAsync(JsonObject? body = null, string? token = null)
    {
        var asked = body ?? [];
        asked["all_providers"] = true;
        var (code, answer) = await _own.PostAsync("/kubevirt/vms/list", asked, token);
        code.ShouldBe(200, answer.ToJsonString());
        return answer;
    }
}
