using System.Net;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Store;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>Builds of images, registered and found where they run.</summary>
public sealed class BuildRoutesTests : IAsyncLifetime
{
    private const string Builds = "/kubevirt/builds", Web = "registry.example.com/web";

    private TestDatabase? _database;
    private ManagementCluster _management = null!;

    public async Task InitializeAsync()
    {
        _management = await ManagementCluster.StartAsync(database: _database = TestDatabase.OfFile());
        // Pods here are no machines'.
        _management.Cluster.Node.Schedules = false;
    }

    public async Task DisposeAsync()
    {
        await _management.DisposeAsync();
        await _database!.DisposeAsync();
    }

    [Fact]
    public async Task A_revision_counts_up_by_itself_for_each_name_also_where_many_come_at_once()
    {
        (await AddAsync(Web, 'a')).ShouldBe((1, 1));
        (await AddAsync("registry.example.com/db", 'b')).ShouldBe((2, 1));
        (await AddAsync(Web, 'c')).ShouldBe((3, 2));
        var many = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AddAsync(Web, 'd')));
        many.Select(static m => m.Revision).Order().ShouldBe(Enumerable.Range(3, 8));

        var (_, one) = await _management.SendAsync(HttpMethod.Get, $"{Builds}/1");
        ((string?)one["name"], (string?)one["build_host"], (string?)one["action_id"], (string?)one["repo_digests"]![0]).ShouldBe((Web, "builder-1", "4711", $"{Web}@sha256:{new string('a', 64)}"));
        var (_, list) = await _management.SendAsync(HttpMethod.Get, $"{Builds}?name={Web}");
        list["builds"]!.AsArray().Select(static b => (int)b!["revision"]!).ShouldBe(Enumerable.Range(1, 10).Reverse());
        (await _management.SendAsync(HttpMethod.Get, $"{Builds}/99")).Code.ShouldBe((int)HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_runs_is_told_with_its_pods_and_how_it_stands()
    {
        await AddAsync(Web, 'a');
        await AddAsync("registry.example.com/idle", 'b');
        Run("web-1", 'a');
        (await RunningAsync()).ShouldBe(["registry.example.com/idle 0 none running: ", $"{Web} 1 consistent: shop/web-1"]);
        await AddAsync(Web, 'c');
        (await RunningAsync()).ShouldBe(["registry.example.com/idle 0 none running: ", $"{Web} 3 outdated: shop/web-1"]);
    }

    [Fact]
    public async Task Who_may_not_sees_and_adds_none_and_pods_are_those_that_the_caller_may_list()
    {
        await AddAsync(Web, 'a');
        _management.Cluster.Server.AddUser("viewer", "viewer", static request => request.Method == "GET" && !request.Path.Value!.EndsWith("/pods", StringComparison.Ordinal));
        foreach (var (method, path) in new[] { (HttpMethod.Get, Builds), (HttpMethod.Get, $"{Builds}/1"), (HttpMethod.Get, $"{Builds}/running"), (HttpMethod.Post, Builds) })
        {
            (await _management.SendAsync(method, path, method == HttpMethod.Post ? Build(Web, 'a') : null, "viewer")).Code.ShouldBe((int)HttpStatusCode.Forbidden);
        }

        _management.Cluster.Server.Access = static spec => (string?)spec["user"] != "viewer" || spec["resourceAttributes"] is { } asked && (string?)asked["resource"] == "builds" && (string?)asked["verb"] == "list";
        (await _management.SendAsync(HttpMethod.Get, Builds, token: "viewer")).Code.ShouldBe((int)HttpStatusCode.OK);
        (await _management.SendAsync(HttpMethod.Post, Builds, Build(Web, 'a'), "viewer")).Code.ShouldBe((int)HttpStatusCode.Forbidden);
        var (code, body) = await _management.SendAsync(HttpMethod.Get, $"{Builds}/running?namespace=shop", token: "viewer");
        code.ShouldBe((int)HttpStatusCode.Forbidden, body.ToJsonString());
    }

    [Theory]
    [InlineData("""{"name": "web:latest", "image_id": "x"}""", "name=\"web:latest\" is no image without a tag")]
    [InlineData("""{"name": "web"}""", "there is nothing to know the build by")]
    [InlineData("""{"name": "web", "repo_digests": ["web:latest"]}""", "repo_digests has \"web:latest\", which is none")]
    [InlineData("""{"name": "web", "image_id": "abc"}""", "image_id=\"abc\" is none")]
    [InlineData("""{"name": "web", "revision": 7}""", "revision")]
    public async Task A_wrong_build_is_told_with_its_value_and_the_remedy(string json, string why)
    {
        var (code, body) = await _management.PostTextAsync(Builds, json);
        (code, ((string)body["error"]!).Contains(why, StringComparison.Ordinal)).ShouldBe((400, true), body.ToJsonString());
    }

    private static JsonObject Build(string name, char digest) => new()
    {
        ["name"] = name,
        ["build_host"] = "builder-1",
        ["action_id"] = "4711",
        ["repo_digests"] = new JsonArray($"{name}@sha256:{new string(digest, 64)}"),
    };

    private async Task<(long Id, int Revision)> AddAsync(string name, char digest)
    {
        var (code, body) = await _management.PostAsync(Builds, Build(name, digest));
        code.ShouldBe((int)HttpStatusCode.Created, body.ToJsonString());
        return ((long)body["id"]!, (int)body["revision"]!);
    }

    private void Run(string name, char digest) => _management.Run(name, Web, $"docker-pullable://{Web}@sha256:{new string(digest, 64)}");

    private async Task<IEnumerable<string>> RunningAsync()
    {
        var (code, body) = await _management.SendAsync(HttpMethod.Get, $"{Builds}/running?namespace=shop");
        code.ShouldBe((int)HttpStatusCode.OK, body.ToJsonString());
        return body["images"]!.AsArray().Select(static i => $"{i!["name"]} {i["runtime_status"]} {i["status"]}: {string.Join(',', i["pods"]!.AsArray().Select(static p => $"{p!["namespace"]}/{p["pod"]}"))}");
    }
}
