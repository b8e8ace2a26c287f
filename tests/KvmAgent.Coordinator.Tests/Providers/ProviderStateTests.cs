using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>How another cluster is, as all replicas tell it; one that fails keeps nobody up.</summary>
public sealed class ProviderStateTests : TwoClusters
{
    [Fact]
    public async Task One_that_cannot_be_reached_is_shown_as_such_and_the_others_go_on()
    {
        await AddAsync("east", Kubeconfig());
        await AddAsync("west", ByToken("west", Other.Token));
        Other.AddUser("short", "short", "system:masters");
        await AddAsync("brief", ByToken("brief", "short"));
        Theirs.Cluster.Apply("web");
        await ShownAsync("running");

        Other.AddUser("short", "short", static _ => false);
        await StateAsync("brief", "refused", "does not let machines be seen, not even of namespace \"default\"");
        ((string)(await Own.PostAsync($"{Web}/pause", Of("brief"))).Body["error"]!).ShouldContain("provider \"brief\" does not allow it to whom it is known by");
        Other.Faults.OnRequest = static r => r.Headers.Authorization == "Bearer short" ? new Fault { Status = 401 } : null;
        await StateAsync("brief", "refused", "does not take the credentials");
        (await Own.PostAsync($"{Web}/pause", Of("brief"))).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(503, "it is not the caller's token that is wrong"), a => ((string)a.Body["error"]!).ShouldContain("provider \"brief\" does not take the credentials that are kept for it"));

        Other.Faults.OnRequest = null;
        Other.Faults.Down();
        await StateAsync("east", "unreachable", $"{Other.Address.GetLeftPart(UriPartial.Authority)} cannot be reached");
        (await Own.PostAsync($"{Web}/pause", Of("east"))).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(503), a => ((string)a.Body["error"]!).ShouldContain("provider \"east\" cannot be reached"));
        (await Own.ListAsync())["total"].ShouldNotBeNull();
        Other.Faults.Up();
        await StateAsync("east", "connected", null);
        await StateAsync("west", "connected", null);
        await ShownAsync("running");
    }

    [Fact]
    public async Task One_that_says_nothing_does_not_keep_the_others_from_being_listed()
    {
        await AddAsync("east", Kubeconfig());
        Other.AddUser("mute", "mute", "system:masters");
        await AddAsync("mute", ByToken("mute", "mute"));
        var speaks = new TaskCompletionSource();
        Other.Faults.OnRequest = r => r.Headers.Authorization == "Bearer mute" ? new Fault { Until = speaks.Task } : null;
        var told = (await OkAsync($"{Root}/list"))["providers"]!.AsArray();
        told.Select(static p => $"{p!["name"]} {p["state"]} {p["message"]}".Trim()).ShouldBe(["local connected", "east connected", $"mute unreachable {Other.Address.GetLeftPart(UriPartial.Authority)} has not answered yet"]);
        speaks.SetResult();
        await StateAsync("mute", "connected", null);
    }

    [Fact]
    public async Task What_one_replica_is_told_the_others_know()
    {
        var second = await Own.Cluster.CoordinateAsync("second");
        await AddAsync("east", Kubeconfig());
        Theirs.Cluster.Apply("web", "Halted");
        await Until.TrueAsync(async () => (await Own.PostAsync("/kubevirt/vms/list", With(Of("east"), "all_namespaces", true), at: second)) is (200, var list) && (int)list["total"]! == 1);
        await OkAsync($"{Root}/edit", new JsonObject { ["name"] = "east", ["namespace"] = "kvm-system" });
        await Until.TrueAsync(async () => (string?)(await Own.PostAsync($"{Root}/get", Named("east"), at: second)).Body["provider"]?["namespace"] == "kvm-system");
        (await Own.PostAsync($"{Root}/remove", Named("east"), at: second)).Code.ShouldBe(200);
        await Until.TrueAsync(async () => (await Own.PostAsync($"{Root}/get", Named("east"))).Code == 404);
        var third = await Own.Cluster.CoordinateAsync("third");
        await AddAsync("east", Kubeconfig(), at: second);
        (await Own.PostAsync($"{Root}/add", Kubeconfig(), at: third)).Code.ShouldBe(409);
    }

    [Fact]
    public async Task A_secret_that_somebody_else_has_written_is_a_provider_too_or_says_why_not()
    {
        foreach (var (name, text) in new[] { ("good", Other.Kubeconfig), ("bad", Other.Kubeconfig.Replace("token: ", "tokenFile: /", StringComparison.Ordinal)) })
        {
            Own.Cluster.Server.Create(new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Secret",
                ["metadata"] = new JsonObject
                {
                    ["name"] = $"kvm-provider-{name}",
                    ["namespace"] = Faults.FaultCluster.SystemNamespace,
                    ["labels"] = new JsonObject { ["kvmagent.io/provider"] = "true" },
                },
                ["data"] = new JsonObject { ["kubeconfig"] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text)) },
            });
        }

        await Until.TrueAsync(async () => (int)(await OkAsync($"{Root}/list"))["total"]! == 3);
        await StateAsync("good", "connected", null);
        await StateAsync("bad", "unusable", "tokenFile is refused");
        (await Own.PostAsync("/kubevirt/vms/list", Of("bad"))).ShouldSatisfyAllConditions(a => a.Code.ShouldBe(503), a => ((string)a.Body["error"]!).ShouldContain("tokenFile is refused"));
        await OkAsync($"{Root}/edit", Kubeconfig("bad"));
        await StateAsync("bad", "connected", null);
    }
}
