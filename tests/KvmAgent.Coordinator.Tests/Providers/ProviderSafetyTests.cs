using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>Who may do what with another cluster, and what is neither told nor dialled.</summary>
public sealed class ProviderSafetyTests : TwoClusters
{
    [Fact]
    public async Task Each_thing_that_is_done_with_a_provider_needs_leave_of_its_own()
    {
        await AddAsync("east", Kubeconfig());
        var asked = new List<string>();
        string[] allowed = [];
        Own.Cluster.Server.Access = spec =>
        {
            var what = spec["resourceAttributes"]!;
            if ((string?)spec["user"] != ManagementCluster.Jane || (string?)what["resource"] != "providers")
            {
                return (string?)spec["user"] != ManagementCluster.Jane;
            }

            var line = $"{what["verb"]} {what["group"]} {what["name"]}".Trim();
            asked.Add(line);
            return allowed.Contains(line);
        };
        var wanted = new (string Path, JsonNode? Body, string Leave)[]
        {
            ($"{Root}/list", null, "list kvmagent.io"),
            ($"{Root}/get", Named("east"), "get kvmagent.io east"),
            ($"{Root}/add", Kubeconfig("west"), "create kvmagent.io west"),
            ($"{Root}/edit", new JsonObject { ["name"] = "east", ["namespace"] = "shop" }, "update kvmagent.io east"),
            ($"{Web}/start", Of("east"), "use kvmagent.io east"),
            ("/kubevirt/vms/list", Of("east"), "use kvmagent.io east"),
            ("/kubevirt/vms", new JsonObject { ["provider"] = "east", ["manifest"] = Manifest() }, "use kvmagent.io east"),
            ($"{Root}/remove", Named("east"), "delete kvmagent.io east"),
        };
        foreach (var (path, body, leave) in wanted)
        {
            // All leaves but the one.
            allowed = [.. wanted.Select(static w => w.Leave).Where(l => l != leave)];
            asked.Clear();
            var (code, answer) = await Own.PostAsync(path, body, ManagementCluster.Jane);
            (code, string.Join(' ', asked)).ShouldBe((403, leave), answer.ToJsonString());
            ((string)answer["error"]!).ShouldContain($"User \"jane\" cannot {leave.Split(' ')[0]} resource \"providers\" in API group \"kvmagent.io\"");
        }

        foreach (var path in new[] { $"{Web}?provider=east", "/inventory/nodes?provider=east", "/inventory/gatherer?provider=east" })
        {
            allowed = [];
            (await Own.SendAsync(HttpMethod.Get, path, token: ManagementCluster.Jane)).Code.ShouldBe(403);
        }

        (await Own.SendAsync(HttpMethod.Delete, $"{Web}?provider=east", token: ManagementCluster.Jane)).Code.ShouldBe(403);
        Theirs.Cluster.Machine("web").ShouldBeNull();
        allowed = ["use kvmagent.io east"];
        (await Own.PostAsync("/kubevirt/vms/list", Of("east"), ManagementCluster.Jane)).Code.ShouldBe(200);
        (await Own.PostAsync("/kubevirt/vms/list", new JsonObject { ["namespace"] = "shop" }, ManagementCluster.Jane)).Code.ShouldBe(403, "leave for another cluster is none for the own one");
        (await Own.PostAsync("/kubevirt/vms/list", Of("west"), ManagementCluster.Jane)).Code.ShouldBe(403, "nor for one that may not be there");
    }

    [Fact]
    public async Task A_kubeconfig_is_kept_to_the_letter_and_no_secret_is_in_any_answer_or_log()
    {
        var text = $"# of mine\n{Other.Kubeconfig}\n";
        var body = Kubeconfig();
        body["kubeconfig"] = text;
        var answers = new List<string>();
        async Task SayAsync(string path, JsonNode? with = null) => answers.Add((await Own.PostAsync(path, with)).Body.ToJsonString());
        await SayAsync($"{Root}/add", body);
        Convert.FromBase64String((string)Kept("east")["kubeconfig"]!).ShouldBe(System.Text.Encoding.UTF8.GetBytes(text));
        await SayAsync($"{Root}/add", body);
        await SayAsync($"{Root}/add", ByToken("west", Other.Token));
        await SayAsync($"{Root}/add", ByToken("wrong", Other.Token + "\n"));
        await SayAsync($"{Root}/add", ByToken("mad", Other.Token, "N"));
        var far = ByToken("far", Other.Token);
        far["server"] = "https://127.0.0.1:1";
        await SayAsync($"{Root}/add", far);
        far["server"] = $"https://me:{Other.Token}@127.0.0.1:1";
        await SayAsync($"{Root}/add", far);
        await SayAsync($"{Root}/add", new JsonObject { ["name"] = "bad", ["token"] = new JsonArray(Other.Token) });
        await SayAsync($"{Root}/add", new JsonObject { ["name"] = "bad", ["kubeconfig"] = Other.Token });
        await SayAsync($"{Root}/add", new JsonObject { ["name"] = "bad", ["kubeconfig"] = $"a: {Other.Token}: [" });
        Other.Faults.Down();
        await SayAsync($"{Root}/list");
        await SayAsync($"{Root}/get", Named("west"));
        await SayAsync($"{Web}/start", Of("west"));
        await SayAsync("/kubevirt/vms/list", Of("west"));
        await StateAsync("west", "unreachable", null);
        answers.Concat(Logs.All).ShouldAllBe(line => !line.Contains(Other.Token, StringComparison.Ordinal));
        Logs.All.ShouldContain(static l => l.Contains("audit: kubernetes-admin: POST /kubevirt/providers/add: provider east is added", StringComparison.Ordinal));
        Logs.All.ShouldNotContain(static l => l.Contains("failed by an error of the coordinator's", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_cannot_be_or_would_reach_what_is_here_is_not_added()
    {
        var elsewhere = Other.Kubeconfig.Replace("127.0.0.1", "127.0.0.2", StringComparison.Ordinal);
        var cases = new (JsonObject Body, int Code, string Why)[]
        {
            (Kubeconfig(text: elsewhere), 422, "host '127.0.0.2' is refused: it is at 127.0.0.2, this machine itself (loopback), where no cluster is looked for; if one is really there, set PROVIDER_ALLOW_ADDRESS=127.0.0.2"),
            (Kubeconfig(text: Other.Kubeconfig.Replace("server: ", "proxy-url: http://169.254.169.254\n    server: ", StringComparison.Ordinal)), 422, "host '169.254.169.254' is refused"),
            (Kubeconfig(text: Other.Kubeconfig.Replace("token: ", "tokenFile: /var/run/", StringComparison.Ordinal)), 400, "kubeconfig: users[0].user.tokenFile is refused"),
            (Kubeconfig(text: Other.Kubeconfig.Replace("token: ", "exec: {command: sh, args: [-c, x]}\n    was: ", StringComparison.Ordinal)), 400, "kubeconfig: users[0].user.exec is refused"),
            (Kubeconfig(text: Other.Kubeconfig.Replace("certificate-authority-data: ", "certificate-authority: /", StringComparison.Ordinal)), 400, "clusters[0].cluster.certificate-authority is refused"),
            (With(Kubeconfig(), "context", "prod"), 400, "context: \"prod\" is not among the contexts of kubeconfig; there are: test"),
            (With(Kubeconfig(), "token", "t"), 400, "kubeconfig and token exclude one another"),
            (With(Kubeconfig(), "namespace", "N"), 400, "namespace=\"N\" is no name in Kubernetes"),
            (With(Kubeconfig(), "name", "local"), 400, "name=\"local\" is the coordinator's own cluster"),
            (With(Kubeconfig(), "name", "East/../x"), 400, "name=\"East/../x\" is no provider's name"),
            (With(Kubeconfig(), "name", null), 400, "name is missing"),
            (Kubeconfig(text: "~/.kube/config"), 400, "kubeconfig is no kubeconfig, perhaps a file's name: files of yours are not here"),
            (new JsonObject { ["name"] = "east" }, 400, "there are no credentials; give a kubeconfig's text"),
            (new JsonObject { ["name"] = "east", ["provider"] = new JsonObject { ["type"] = "vsphere" } }, 400, "provider.type=\"vsphere\" is not known; give kubevirt"),
            (new JsonObject { ["name"] = "east", ["token"] = "t" }, 400, "server is missing, and token given"),
            (With(ByToken("east", "t"), "username", "u"), 400, "password is missing; username and password go together"),
            (With(With(ByToken("east", "t"), "username", "u"), "password", "p"), 400, "give one of token, client_certificate with client_key, or username with password"),
            (With(ByToken("east", "t"), "context", "c"), 400, "context=\"c\" is a kubeconfig's, and there is none"),
            (With(ByToken("east", "t"), "server", "http://127.0.0.1"), 400, "server is no https address"),
            (With(ByToken("east", "t"), "certificate_authority", "x"), 400, "certificate_authority is no certificate"),
            (With(ByToken("east", "t"), "certificate_authority", null), 422, "the remote certificate"),
            (ByToken("east", "expired"), 422, "does not take the credentials"),
            (With(ByToken("east", "t"), "server", "https://127.0.0.1:1"), 422, "https://127.0.0.1:1 cannot be reached: Connection refused"),
            (With(ByToken("east", "t"), "kind", "x"), 400, "kind"),
        };
        foreach (var (body, code, why) in cases)
        {
            var (refused, answer) = await Own.PostAsync($"{Root}/add", body);
            ((string)answer["error"]!).ShouldContain(why, Case.Insensitive);
            refused.ShouldBe(code, answer.ToJsonString());
        }

        await using var bare = await TestApiServer.StartAsync(new TestApiServerOptions { Https = true, AbsentGroups = ["kubevirt.io"] });
        ((string)(await Own.PostAsync($"{Root}/add", Kubeconfig(text: bare.Kubeconfig))).Body["error"]!).ShouldContain("has no kubevirt.io/v1 virtualmachines; install KubeVirt or kvm-coordinator there");
        ((int)(await OkAsync($"{Root}/list"))["total"]!).ShouldBe(1);
    }
}
