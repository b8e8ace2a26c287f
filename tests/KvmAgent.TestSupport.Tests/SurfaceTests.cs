using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class SurfaceTests : ServerTest
{
    [Theory]
    [InlineData("/api", "APIVersions")]
    [InlineData("/apis", "APIGroupList")]
    [InlineData("/apis/apps", "APIGroup")]
    [InlineData("/api/v1", "APIResourceList")]
    [InlineData("/apis/coordination.k8s.io/v1", "APIResourceList")]
    public async Task The_server_says_what_it_has(string path, string kind) => (await Client.GetAsync(path)).Body["kind"]!.GetValue<string>().ShouldBe(kind);

    [Fact]
    public async Task It_says_that_it_is_well_and_which_version_it_is()
    {
        (await Client.GetAsync("/readyz")).Body["text"]!.GetValue<string>().ShouldBe("ok");
        (await Client.GetAsync("/healthz")).Code.ShouldBe(200);
        (await Client.GetAsync("/version")).Body["major"]!.GetValue<string>().ShouldBe("1");
    }

    [Fact]
    public async Task With_TLS_the_authority_in_the_kubeconfig_is_trusted()
    {
        await using var server = await TestApiServer.StartAsync(new TestApiServerOptions { Https = true });
        server.Address.Scheme.ShouldBe("https");
        var data = server.Kubeconfig.Split('\n').Single(static l => l.Contains("certificate-authority-data", StringComparison.Ordinal)).Split(": ")[1];
        using var authority = X509Certificate2.CreateFromPem(System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(data)));
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, CustomTrustStore = { authority } };
        using var http = new HttpClient(handler) { BaseAddress = server.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Token);
        (await http.GetStringAsync(Pods)).ShouldContain("PodList");
    }

    [Fact]
    public async Task A_test_acts_as_another_client()
    {
        using var watch = await Client.WatchAsync(Pods);
        Server.Create(JsonNode.Parse(Pod("p"))!.AsObject());
        Server.SetStatus("", "pods", "default", "p", new JsonObject { ["phase"] = "Running" });
        Server.Update("", "pods", "default", "p", static pod => pod["metadata"]!["labels"] = new JsonObject { ["a"] = "1" });
        Server.Delete("", "pods", "default", "p");
        (await watch.NextAsync()).ShouldBe("ADDED p");
        (await watch.NextObjectAsync())!["object"]!["status"]!["phase"]!.GetValue<string>().ShouldBe("Running");
        (await watch.NextAsync()).ShouldBe("MODIFIED p");
        (await watch.NextAsync()).ShouldBe("DELETED p");
    }

    [Fact]
    public async Task Ten_thousand_objects_and_a_hundred_watches_are_no_burden()
    {
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 10_000; i++)
        {
            Server.Create(JsonNode.Parse(Pod($"p{i}"))!.AsObject());
        }

        var created = clock.Elapsed;
        var from = (await Client.GetAsync($"{Pods}?limit=1")).Body.Version();
        var watches = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Client.WatchAsync($"{Pods}?resourceVersion={from}")));
        clock.Restart();
        for (var i = 0; i < 200; i++)
        {
            Server.SetStatus("", "pods", "default", $"p{i}", new JsonObject { ["phase"] = "Running" });
        }

        await Task.WhenAll(watches.Select(static async watch =>
        {
            for (var i = 0; i < 200; i++)
            {
                (await watch.NextAsync()).ShouldBe($"MODIFIED p{i}");
            }

            watch.Dispose();
        }));
        var watched = clock.Elapsed;

        // Both take a fraction of this; a quadratic step would take minutes.
        created.ShouldBeLessThan(TimeSpan.FromSeconds(60), "10,000 creations");
        watched.ShouldBeLessThan(TimeSpan.FromSeconds(60), "20,000 events");
        Console.WriteLine($"10,000 creations in {created.TotalSeconds:F2} s, 20,000 events to 100 watches in {watched.TotalSeconds:F2} s");
    }
}
