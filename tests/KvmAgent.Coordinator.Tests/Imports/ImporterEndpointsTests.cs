using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>Who may tell how far an import is, and what.</summary>
public sealed class ImporterEndpointsTests : IAsyncLifetime
{
    private const string Namespace = "golden";

    private static readonly HttpClient Http = new();

    private TestApiServer _server = null!;
    private RunningImports _imports = null!;

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync(Namespace);
        _imports = await RunningImports.StartAsync(_server, new ImportOptions());
        _server.Create(JsonNode.Parse(
            $$"""
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
             "metadata": {"name": "fedora", "namespace": "{{Namespace}}", "annotations": {"kubevirt.io/storage.import.endpoint": "https://images.example/fedora.img"} },
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"} } } }
            """)!.AsObject());
        await Until.TrueAsync(() => Annotation(ImportAnnotations.PodUid) is not null);
        _server.SetStatus("", "pods", Namespace, "importer-fedora", JsonNode.Parse(
            """{"phase": "Running", "containerStatuses": [{"name": "importer", "state": {"running": {} }, "restartCount": 0}]}""")!.AsObject());
        await Until.TrueAsync(() => Annotation(ImportAnnotations.Phase) == "Running");
    }

    public async Task DisposeAsync()
    {
        await _imports.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task The_importers_own_pod_may()
    {
        // The other replicas know of the pod a moment later than the claim says so.
        await Until.TrueAsync(async () => (await PostAsync(Token(PodUid), """{"percent": 42}""")).Status == HttpStatusCode.NoContent);
        await Until.TrueAsync(() => Annotation(ImportAnnotations.Progress) == "42.00%");
        Annotation(ImportAnnotations.EarlyProgress).ShouldBe("42.00%");
    }

    [Fact]
    public async Task Nobody_else_may()
    {
        (await PostAsync(null, """{"percent": 42}""")).ShouldBe((HttpStatusCode.Unauthorized, "there is no bearer token\n"));
        (await PostAsync("nonsense", """{"percent": 42}""")).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await PostAsync(Token(Guid.NewGuid().ToString()), """{"percent": 42}""")).ShouldSatisfyAllConditions(
            static a => a.Status.ShouldBe(HttpStatusCode.Forbidden), static a => a.Text.ShouldContain("is no importer that a claim records"));
        (await PostAsync(Token(PodUid, "elsewhere"), """{"percent": 42}""")).Status.ShouldBe(HttpStatusCode.Forbidden);
        Annotation(ImportAnnotations.Progress).ShouldBeNull();
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("42")]
    [InlineData("{\"percent\": 101}")]
    [InlineData("{\"percent\": -1}")]
    [InlineData("{\"percent\": \"all\"}")]
    public async Task What_is_no_percentage_is_refused(string body)
    {
        await Until.TrueAsync(async () => (await PostAsync(Token(PodUid), """{"percent": 1}""")).Status == HttpStatusCode.NoContent);
        (await PostAsync(Token(PodUid), body)).Status.ShouldBe(HttpStatusCode.BadRequest);
        (await PostAsync(Token(PodUid), $$"""{"percent": 2{{new string(' ', 2000)}}}""")).Status.ShouldBe(HttpStatusCode.BadRequest);
    }

    private string PodUid => _server.Get("", "pods", Namespace, "importer-fedora")!["metadata"]!["uid"]!.ToString();

    private string? Annotation(string name) => (string?)_server.Get("", "persistentvolumeclaims", Namespace, "fedora")!["metadata"]!["annotations"]![name];

    private string Token(string uid, string ns = Namespace) => _server.AddServiceAccountToken(ns, "default", [RunningImports.Audience], ("importer-fedora", uid));

    private async Task<(HttpStatusCode Status, string Text)> PostAsync(string? token, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _imports.Url + ImporterProtocol.ProgressPath) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        using var answer = await Http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
