using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>Two clusters, each with a coordinator, of which the first manages the machines of the other: by KubeVirt's API alone.</summary>
public sealed class ProviderTests : IAsyncLifetime, IDisposable
{
    private const string Root = "/kubevirt/providers", Web = "/kubevirt/vms/shop/web";

    private readonly LogLines _logs = new();
    private ManagementCluster _own = null!;
    private ManagementCluster _other = null!;

    private TestApiServer Other => _other.Cluster.Server;

    public async Task InitializeAsync() => (_own, _other) = (await ManagementCluster.StartAsync(logs: _logs), await ManagementCluster.StartAsync(https: true));

    public async Task DisposeAsync()
    {
        await _own.DisposeAsync();
        await _other.DisposeAsync();
    }

    public void Dispose() => _logs.Dispose();

    [Fact]
    public async Task Machines_of_another_cluster_are_made_started_restarted_stopped_and_listed_as_the_own_are()
    {
        await AddAsync("east", Kubeconfig());
        var told = (await OkAsync($"{Root}/list"))["providers"]!.AsArray();
        told.Select(static p => $"{p!["name"]} {p["credential"]} {p["state"]}").ShouldBe(["local caller connected", "east kubeconfig connected"]);
        ((string?)told[1]!["server"], (string?)told[1]!["namespace"], (bool?)told[1]!["all_namespaces"], told[1]!["version"] is null).ShouldBe(($"{Other.Address.GetLeftPart(UriPartial.Authority)}", "default", true, false));

        await OkAsync("/kubevirt/vms", new JsonObject { ["provider"] = "east", ["manifest"] = Manifest() }, 201);
        await ShownAsync("stopped");
        await OkAsync($"{Web}/start", Of("east"));
        await _other.Cluster.RunningAsync("web");
        await ShownAsync("running");
        var first = _other.Cluster.Uid("web");
        await OkAsync($"{Web}/restart", Of("east"));
        _other.Cluster.Uid("web").ShouldNotBe(first, "it answers only when the former instance is gone");
        await _other.Cluster.RunningAsync("web", first);
        ((string?)(await _own.SendAsync(HttpMethod.Get, $"{Web}?provider=east")).Body["vm"]!["provider"]).ShouldBe("east");
        _other.CreateNode("n1", "amd64", "4", "8Gi");
        ((string?)(await _own.SendAsync(HttpMethod.Get, "/inventory/nodes?provider=east")).Body["nodes"]![0]!["provider"]).ShouldBe("east");
        ((int)(await _own.ListAsync())["total"]!).ShouldBe(0, "they are not the own cluster's");
        (await _own.SendAsync(HttpMethod.Get, Web)).Code.ShouldBe(404);

        await OkAsync($"{Root}/remove", Named("east"));
        (await _own.PostAsync("/kubevirt/vms/list", Of("east"))).ShouldSatisfyAllConditions(a => a.Code.ShouldBe(404), a => ((string)a.Body["error"]!).ShouldStartWith("provider \"east\" not found"));
        (await _own.PostAsync($"{Root}/remove", Named("east"))).Code.ShouldBe(404);
        _own.Cluster.Server.All("", "secrets", Faults.FaultCluster.SystemNamespace).ShouldNotContain(static s => ((string)s["metadata"]!["name"]!).Contains("provider", StringComparison.Ordinal));
        (await _other.Cluster.Admin.GetRawAsync("version", CancellationToken.None)).ShouldNotBeEmpty();
        _other.Cluster.Machine("web").ShouldNotBeNull("its machines are left alone");
    }

    [Fact]
    public async Task A_server_is_convinced_by_a_token_a_certificate_or_a_password()
    {
        using var authority = new TestAuthority("clients");
        using var certificate = authority.Client("us");
        Other.AddCertificate(certificate, "us", "system:masters");
        Other.AddPassword("us", "p:w ", "system:masters");
        using var key = certificate.GetECDsaPrivateKey()!;
        Other.Access = static _ => true;
        var bodies = new (string Kind, JsonObject Body)[]
        {
            ("token", ByToken("east", Other.Token)),
            ("certificate", With(With(Bare(), "client_certificate", certificate.ExportCertificatePem()), "client_key", key.ExportPkcs8PrivateKeyPem())),
            ("password", With(With(Bare(), "username", "us"), "password", "p:w ")),
        };
        _other.Cluster.Apply("web");
        foreach (var (kind, body) in bodies)
        {
            await OkAsync($"{Root}/{(kind == "token" ? "add" : "edit")}", body, kind == "token" ? 201 : 200);
            ((string?)(await OkAsync($"{Root}/get", Named("east")))["provider"]!["credential"]).ShouldBe(kind);
            await ShownAsync("running");
            await OkAsync($"{Web}/pause", Of("east"));
            await ShownAsync("paused");
            await OkAsync($"{Web}/unpause", Of("east"));
        }

        ((string)(await _own.PostAsync($"{Root}/edit", With(With(Bare(), "username", "us"), "password", "other"))).Body["error"]!).ShouldContain("does not take the credentials");

        JsonObject Bare()
        {
            var body = ByToken("east", "");
            body.Remove("token");
            return body;
        }
    }

    [Fact]
    public async Task HyperSDKs_configuration_is_taken_as_it_is_and_volumes_are_of_its_class()
    {
        await OkAsync($"{Root}/add", new JsonObject
        {
            ["name"] = "east",
            ["provider"] = new JsonObject
            {
                ["type"] = "kubevirt",
                ["metadata"] = new JsonObject { ["namespace"] = "shop", ["kubeconfig"] = Other.Kubeconfig, ["storageClass"] = "standard" },
            },
        }, 201);
        var told = (await OkAsync($"{Root}/get", Named("east")))["provider"]!;
        ((string?)told["namespace"], (string?)told["storage_class"]).ShouldBe(("shop", "standard"));
        var manifest = Manifest();
        manifest["metadata"]!.AsObject().Remove("namespace");
        manifest["spec"]!["dataVolumeTemplates"] = JsonNode.Parse(
            """[{"metadata":{"name":"a"},"spec":{"source":{"blank":{}},"storage":{"resources":{"requests":{"storage":"1Gi"}}}}},{"metadata":{"name":"b"},"spec":{"source":{"blank":{}},"pvc":{"storageClassName":"fast"}}}]""");
        await OkAsync("/kubevirt/vms", new JsonObject { ["provider"] = "east", ["manifest"] = manifest }, 201);
        var volumes = _other.Cluster.Machine("web")!["spec"]!["dataVolumeTemplates"]!;
        ((string?)volumes[0]!["spec"]!["storage"]!["storageClassName"], (string?)volumes[1]!["spec"]!["pvc"]!["storageClassName"]).ShouldBe(("standard", "fast"));
    }

    [Fact]
    public async Task Each_thing_that_is_done_with_a_provider_needs_leave_of_its_own()
    {
        await AddAsync("east", Kubeconfig());
        var asked = new List<string>();
        string[] allowed = [];
        _own.Cluster.Server.Access = spec =>
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
            var (code, answer) = await _own.PostAsync(path, body, ManagementCluster.Jane);
            (code, string.Join(' ', asked)).ShouldBe((403, leave), answer.ToJsonString());
            ((string)answer["error"]!).ShouldContain($"User \"jane\" cannot {leave.Split(' ')[0]} resource \"providers\" in API group \"kvmagent.io\"");
        }

        foreach (var path in new[] { $"{Web}?provider=east", "/inventory/nodes?provider=east", "/inventory/gatherer?provider=east" })
        {
            allowed = [];
            (await _own.SendAsync(HttpMethod.Get, path, token: ManagementCluster.Jane)).Code.ShouldBe(403);
        }

        (await _own.SendAsync(HttpMethod.Delete, $"{Web}?provider=east", token: ManagementCluster.Jane)).Code.ShouldBe(403);
        _other.Cluster.Machine("web").ShouldBeNull();
        allowed = ["use kvmagent.io east"];
        (await _own.PostAsync("/kubevirt/vms/list", Of("east"), ManagementCluster.Jane)).Code.ShouldBe(200);
        (await _own.PostAsync("/kubevirt/vms/list", new JsonObject { ["namespace"] = "shop" }, ManagementCluster.Jane)).Code.ShouldBe(403, "leave for another cluster is none for the own one");
        (await _own.PostAsync("/kubevirt/vms/list", Of("west"), ManagementCluster.Jane)).Code.ShouldBe(403, "nor for one that may not be there");
    }

    [Fact]
    public async Task One_that_cannot_be_reached_is_shown_as_such_and_the_others_go_on()
    {
        await AddAsync("east", Kubeconfig());
        await AddAsync("west", ByToken("west", Other.Token));
        Other.AddUser("short", "short", "system:masters");
        await AddAsync("brief", ByToken("brief", "short"));
        _other.Cluster.Apply("web");
        await ShownAsync("running");

        Other.AddUser("short", "short", static _ => false);
        await StateAsync("brief", "refused", "does not let machines be seen, not even of namespace \"default\"");
        ((string)(await _own.PostAsync($"{Web}/pause", Of("brief"))).Body["error"]!).ShouldContain("provider \"brief\" does not allow it to whom it is known by");
        Other.Faults.OnRequest = static r => r.Headers.Authorization == "Bearer short" ? new Fault { Status = 401 } : null;
        await StateAsync("brief", "refused", "does not take the credentials");
        (await _own.PostAsync($"{Web}/pause", Of("brief"))).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(503, "it is not the caller's token that is wrong"), a => ((string)a.Body["error"]!).ShouldContain("provider \"brief\" does not take the credentials that are kept for it"));

        Other.Faults.OnRequest = null;
        Other.Faults.Down();
        await StateAsync("east", "unreachable", $"{Other.Address.GetLeftPart(UriPartial.Authority)} cannot be reached");
        (await _own.PostAsync($"{Web}/pause", Of("east"))).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(503), a => ((string)a.Body["error"]!).ShouldContain("provider \"east\" cannot be reached"));
        (await _own.ListAsync())["total"].ShouldNotBeNull();
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
        var second = await _own.Cluster.CoordinateAsync("second");
        await AddAsync("east", Kubeconfig());
        _other.Cluster.Apply("web", "Halted");
        await Until.TrueAsync(async () => (await _own.PostAsync("/kubevirt/vms/list", With(Of("east"), "all_namespaces", true), at: second)) is (200, var list) && (int)list["total"]! == 1);
        await OkAsync($"{Root}/edit", new JsonObject { ["name"] = "east", ["namespace"] = "kvm-system" });
        await Until.TrueAsync(async () => (string?)(await _own.PostAsync($"{Root}/get", Named("east"), at: second)).Body["provider"]?["namespace"] == "kvm-system");
        (await _own.PostAsync($"{Root}/remove", Named("east"), at: second)).Code.ShouldBe(200);
        await Until.TrueAsync(async () => (await _own.PostAsync($"{Root}/get", Named("east"))).Code == 404);
        var third = await _own.Cluster.CoordinateAsync("third");
        await AddAsync("east", Kubeconfig(), at: second);
        (await _own.PostAsync($"{Root}/add", Kubeconfig(), at: third)).Code.ShouldBe(409);
    }

    [Fact]
    public async Task What_is_changed_is_tried_before_it_takes_the_place_of_what_was()
    {
        await AddAsync("east", ByToken("east", Other.Token));
        (await _own.PostAsync($"{Root}/edit", ByToken("east", "expired"))).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(422), a => ((string)a.Body["error"]!).ShouldContain("provider \"east\" is not changed: "), a => ((string)a.Body["error"]!).ShouldContain("does not take the credentials"));
        (await _own.PostAsync($"{Root}/edit", new JsonObject { ["name"] = "east", ["server"] = "https://evil.example" })).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(400), a => ((string)a.Body["error"]!).ShouldContain("give one of token"));
        (await _own.PostAsync($"{Root}/edit", Named("none"))).Code.ShouldBe(404);
        await StateAsync("east", "connected", null);

        Other.AddUser("narrow", "narrow", static r => r.Path.Value!.Contains("/namespaces/shop/", StringComparison.Ordinal) || r.Path == "/version");
        await OkAsync($"{Root}/edit", ByToken("east", "narrow", "shop"));
        var told = (await OkAsync($"{Root}/get", Named("east")))["provider"]!;
        ((bool?)told["all_namespaces"], (string?)told["credential"]).ShouldBe((false, "token"));
        await OkAsync("/kubevirt/vms/list", Of("east"));
        (await _own.PostAsync("/kubevirt/vms/list", new JsonObject { ["provider"] = "east", ["all_namespaces"] = true })).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(403), a => ((string)a.Body["error"]!).ShouldContain("reach namespace \"shop\" alone"));
        await OkAsync($"{Root}/edit", Kubeconfig());
        ((string?)(await OkAsync($"{Root}/get", Named("east")))["provider"]!["namespace"]).ShouldBe("shop", "what is not given stays");
        Kept("east").ShouldContainKey("kubeconfig");
        Kept("east").ShouldNotContainKey("token");
    }

    [Fact]
    public async Task A_kubeconfig_is_kept_to_the_letter_and_no_secret_is_in_any_answer_or_log()
    {
        var text = $"# of mine\n{Other.Kubeconfig}\n";
        var body = Kubeconfig();
        body["kubeconfig"] = text;
        var answers = new List<string>();
        async Task SayAsync(string path, JsonNode? with = null) => answers.Add((await _own.PostAsync(path, with)).Body.ToJsonString());
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
        answers.Concat(_logs.All).ShouldAllBe(line => !line.Contains(Other.Token, StringComparison.Ordinal));
        _logs.All.ShouldContain(static l => l.Contains("audit: kubernetes-admin: POST /kubevirt/providers/add: provider east is added", StringComparison.Ordinal));
        _logs.All.ShouldNotContain(static l => l.Contains("failed by an error of the coordinator's", StringComparison.Ordinal));
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
            var (refused, answer) = await _own.PostAsync($"{Root}/add", body);
            ((string)answer["error"]!).ShouldContain(why, Case.Insensitive);
            refused.ShouldBe(code, answer.ToJsonString());
        }

        await using var bare = await TestApiServer.StartAsync(new TestApiServerOptions { Https = true, AbsentGroups = ["kubevirt.io"] });
        ((string)(await _own.PostAsync($"{Root}/add", Kubeconfig(text: bare.Kubeconfig))).Body["error"]!).ShouldContain("has no kubevirt.io/v1 virtualmachines; install KubeVirt or kvm-coordinator there");
        ((int)(await OkAsync($"{Root}/list"))["total"]!).ShouldBe(1);
    }

    [Fact]
    public async Task A_secret_that_somebody_else_has_written_is_a_provider_too_or_says_why_not()
    {
        foreach (var (name, text) in new[] { ("good", Other.Kubeconfig), ("bad", Other.Kubeconfig.Replace("token: ", "tokenFile: /", StringComparison.Ordinal)) })
        {
            _own.Cluster.Server.Create(new JsonObject
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
        (await _own.PostAsync("/kubevirt/vms/list", Of("bad"))).ShouldSatisfyAllConditions(a => a.Code.ShouldBe(503), a => ((string)a.Body["error"]!).ShouldContain("tokenFile is refused"));
        await OkAsync($"{Root}/edit", Kubeconfig("bad"));
        await StateAsync("bad", "connected", null);
    }

    private async Task AddAsync(string name, JsonObject body, Faults.RunningCoordinator? at = null)
    {
        var (code, answer) = await _own.PostAsync($"{Root}/add", With(body, "name", name), at: at);
        (code, (string?)answer["message"]).ShouldBe((201, $"provider {name} is added"), answer.ToJsonString());
    }

    private async Task<JsonNode> OkAsync(string path, JsonNode? body = null, int expected = 200)
    {
        var (code, answer) = await _own.PostAsync(path, body);
        code.ShouldBe(expected, answer.ToJsonString());
        return answer;
    }

    private async Task StateAsync(string name, string state, string? why)
    {
        JsonNode? told = null;
        await Until.TrueAsync(async () => (string?)(told = (await OkAsync($"{Root}/get", Named(name)))["provider"])!["state"] == state && (why is null || ((string?)told!["message"])!.Contains(why, StringComparison.Ordinal)), $"{name} {state} {why}");
    }

    private Task ShownAsync(string powerState) => Until.TrueAsync(
        async () => (string?)(await OkAsync("/kubevirt/vms/list", With(Of("east"), "all_namespaces", true)))["vms"]!.AsArray().SingleOrDefault()?["power_state"] == powerState, powerState);

    private JsonObject Kept(string name) => _own.Cluster.Server.Get("", "secrets", Faults.FaultCluster.SystemNamespace, $"kvm-provider-{name}")!["data"]!.AsObject();

    private JsonObject Kubeconfig(string name = "east", string? text = null) => new() { ["name"] = name, ["kubeconfig"] = text ?? Other.Kubeconfig };

    private JsonObject ByToken(string name, string token, string? ns = null)
    {
        var body = new JsonObject
        {
            ["name"] = name,
            ["server"] = Other.Address.GetLeftPart(UriPartial.Authority),
            ["certificate_authority"] = Other.CertificateAuthority,
            ["token"] = token,
        };
        return ns is null ? body : With(body, "namespace", ns);
    }

    private static JsonObject With(JsonObject body, string field, JsonNode? value)
    {
        body[field] = value;
        return body;
    }

    private static JsonObject Of(string provider) => new() { ["provider"] = provider };

    private static JsonObject Named(string name) => new() { ["name"] = name };

    private static JsonObject Manifest() => Yaml.Documents(
        $$"""
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata: {name: web, namespace: {{ManagementCluster.Namespace}} }
        spec:
          runStrategy: Manual
          template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        """).Single().AsObject();
}
