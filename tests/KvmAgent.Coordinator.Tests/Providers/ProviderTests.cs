using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>Another cluster is added and changed, and its machines managed as the own are.</summary>
public sealed class ProviderTests : TwoClusters
{
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
        await Theirs.Cluster.RunningAsync("web");
        await ShownAsync("running");
        var first = Theirs.Cluster.Uid("web");
        await OkAsync($"{Web}/restart", Of("east"));
        Theirs.Cluster.Uid("web").ShouldNotBe(first, "it answers only when the former instance is gone");
        await Theirs.Cluster.RunningAsync("web", first);
        ((string?)(await Own.SendAsync(HttpMethod.Get, $"{Web}?provider=east")).Body["vm"]!["provider"]).ShouldBe("east");
        Theirs.CreateNode("n1", "amd64", "4", "8Gi");
        ((string?)(await Own.SendAsync(HttpMethod.Get, "/inventory/nodes?provider=east")).Body["nodes"]![0]!["provider"]).ShouldBe("east");
        ((int)(await Own.ListAsync())["total"]!).ShouldBe(0, "they are not the own cluster's");
        (await Own.SendAsync(HttpMethod.Get, Web)).Code.ShouldBe(404);

        await OkAsync($"{Root}/remove", Named("east"));
        (await Own.PostAsync("/kubevirt/vms/list", Of("east"))).ShouldSatisfyAllConditions(a => a.Code.ShouldBe(404), a => ((string)a.Body["error"]!).ShouldStartWith("provider \"east\" not found"));
        (await Own.PostAsync($"{Root}/remove", Named("east"))).Code.ShouldBe(404);
        Own.Cluster.Server.All("", "secrets", Faults.FaultCluster.SystemNamespace).ShouldNotContain(static s => ((string)s["metadata"]!["name"]!).Contains("provider", StringComparison.Ordinal));
        (await Theirs.Cluster.Admin.GetRawAsync("version", CancellationToken.None)).ShouldNotBeEmpty();
        Theirs.Cluster.Machine("web").ShouldNotBeNull("its machines are left alone");
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
        Theirs.Cluster.Apply("web");
        foreach (var (kind, body) in bodies)
        {
            await OkAsync($"{Root}/{(kind == "token" ? "add" : "edit")}", body, kind == "token" ? 201 : 200);
            ((string?)(await OkAsync($"{Root}/get", Named("east")))["provider"]!["credential"]).ShouldBe(kind);
            await ShownAsync("running");
            await OkAsync($"{Web}/pause", Of("east"));
            await ShownAsync("paused");
            await OkAsync($"{Web}/unpause", Of("east"));
        }

        ((string)(await Own.PostAsync($"{Root}/edit", With(With(Bare(), "username", "us"), "password", "other"))).Body["error"]!).ShouldContain("does not take the credentials");

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
        var volumes = Theirs.Cluster.Machine("web")!["spec"]!["dataVolumeTemplates"]!;
        ((string?)volumes[0]!["spec"]!["storage"]!["storageClassName"], (string?)volumes[1]!["spec"]!["pvc"]!["storageClassName"]).ShouldBe(("standard", "fast"));
    }

    [Fact]
    public async Task What_is_changed_is_tried_before_it_takes_the_place_of_what_was()
    {
        await AddAsync("east", ByToken("east", Other.Token));
        (await Own.PostAsync($"{Root}/edit", ByToken("east", "expired"))).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(422), a => ((string)a.Body["error"]!).ShouldContain("provider \"east\" is not changed: "), a => ((string)a.Body["error"]!).ShouldContain("does not take the credentials"));
        (await Own.PostAsync($"{Root}/edit", new JsonObject { ["name"] = "east", ["server"] = "https://evil.example" })).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(400), a => ((string)a.Body["error"]!).ShouldContain("give one of token"));
        (await Own.PostAsync($"{Root}/edit", Named("none"))).Code.ShouldBe(404);
        await StateAsync("east", "connected", null);

        Other.AddUser("narrow", "narrow", static r => r.Path.Value!.Contains("/namespaces/shop/", StringComparison.Ordinal) || r.Path == "/version");
        await OkAsync($"{Root}/edit", ByToken("east", "narrow", "shop"));
        var told = (await OkAsync($"{Root}/get", Named("east")))["provider"]!;
        ((bool?)told["all_namespaces"], (string?)told["credential"]).ShouldBe((false, "token"));
        await OkAsync("/kubevirt/vms/list", Of("east"));
        (await Own.PostAsync("/kubevirt/vms/list", new JsonObject { ["provider"] = "east", ["all_namespaces"] = true })).ShouldSatisfyAllConditions(
            a => a.Code.ShouldBe(403), a => ((string)a.Body["error"]!).ShouldContain("reach namespace \"shop\" alone"));
        await OkAsync($"{Root}/edit", Kubeconfig());
        ((string?)(await OkAsync($"{Root}/get", Named("east")))["provider"]!["namespace"]).ShouldBe("shop", "what is not given stays");
        Kept("east").ShouldContainKey("kubeconfig");
        Kept("east").ShouldNotContainKey("token");
    }
}
