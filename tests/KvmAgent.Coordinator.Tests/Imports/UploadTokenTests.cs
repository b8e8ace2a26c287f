using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>Who gets a token to send a claim's image, and what it is good for.</summary>
public sealed class UploadTokenTests : IAsyncLifetime, IDisposable
{
    private const string Namespace = "golden";

    private static readonly HttpClient Http = new();

    private readonly ManualTime _time = new();
    private readonly UploadTokens _tokens;
    private readonly CancellationTokenSource _stop = new();
    private TestApiServer _server = null!;
    private KubernetesClient _client = null!;
    private WebApplication _listener = null!;
    private Task _watching = null!;
    private string _url = "";

    public UploadTokenTests() => _tokens = new UploadTokens(static () => [7], _time);

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync(Namespace);
        _server.Access = static spec => (string?)spec["user"] == "jane"
            && spec["resourceAttributes"] is { } asked
            && ((string?)asked["verb"], (string?)asked["group"], (string?)asked["resource"], (string?)asked["namespace"]) == ("create", "upload.cdi.kubevirt.io", "uploadtokenrequests", Namespace);
        _client = new KubernetesClient(KubernetesConnection.To(_server.Address, _server.Token), TimeProvider.System);
        var machines = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        var cache = new ImportCache(_client, machines, null, TimeProvider.System, NullLogger<ImportCache>.Instance);
        _watching = Task.WhenAll(machines.RunAsync(_stop.Token), cache.RunAsync(_stop.Token));
        Claim("fedora", new JsonObject { ["cdi.kubevirt.io/storage.upload.target"] = "" });
        Claim("plain", []);
        var api = new UploadTokenApi(cache, _tokens, new SubresourceAccess(_client));
        (_listener, var bound) = await Listener.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), null, api.Map, NullLoggerFactory.Instance, CancellationToken.None);
        _url = $"http://{bound}";
        await cache.Synced;
        await Until.TrueAsync(() => cache.Claims.List().Count() == 2);
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        await _listener.DisposeAsync();
        await _server.DisposeAsync();
    }

    public void Dispose()
    {
        _client.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Who_may_gets_one_for_the_claim()
    {
        var (status, answer) = await AskAsync("jane", """{"apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest", "metadata": {"generateName": "token-"}, "spec": {"pvcName": "fedora"} }""");
        status.ShouldBe(HttpStatusCode.Created);
        ((string?)answer["kind"], (string?)answer["spec"]!["pvcName"]).ShouldBe(("UploadTokenRequest", "fedora"));

        var token = (string)answer["status"]!["token"]!;
        var grant = _tokens.Read(token).ShouldNotBeNull();
        (grant.Namespace, grant.Name).ShouldBe((Namespace, "fedora"));
        grant.Uid.ShouldBe((string?)_server.Get("", "persistentvolumeclaims", Namespace, "fedora")!["metadata"]!["uid"]);
        new UploadTokens(static () => [8], _time).Read(token).ShouldBeNull();
        _time.Advance(TimeSpan.FromMinutes(5));
        _tokens.Read(token).ShouldBeNull();
    }

    [Theory]
    [InlineData("jack", "fedora", HttpStatusCode.Forbidden, "cannot create resource \"uploadtokenrequests\" in API group \"upload.cdi.kubevirt.io\"")]
    [InlineData(null, "fedora", HttpStatusCode.Forbidden, "names no user")]
    [InlineData("jane", "other", HttpStatusCode.NotFound, "persistentvolumeclaims \"other\" not found")]
    [InlineData("jane", "", HttpStatusCode.UnprocessableEntity, "spec.pvcName is not given")]
    [InlineData("jane", "plain", HttpStatusCode.UnprocessableEntity, "asks for no upload")]
    public async Task Others_get_none(string? user, string claim, HttpStatusCode code, string message)
    {
        var (status, answer) = await AskAsync(user, new JsonObject { ["spec"] = new JsonObject { ["pvcName"] = claim } }.ToJsonString());
        status.ShouldBe(code);
        ((string)answer["message"]!).ShouldContain(message);
        answer["status"]!.ToString().ShouldBe("Failure");
    }

    private void Claim(string name, JsonObject annotations) => _server.Create(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "PersistentVolumeClaim",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Namespace, ["annotations"] = annotations },
        ["spec"] = new JsonObject
        {
            ["accessModes"] = new JsonArray("ReadWriteOnce"),
            ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["storage"] = "1Gi" } },
        },
    });

    private async Task<(HttpStatusCode Status, JsonNode Answer)> AskAsync(string? user, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{_url}/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/{Namespace}/uploadtokenrequests")
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        if (user is not null)
        {
            request.Headers.Add("X-Remote-User", user);
        }

        using var answer = await Http.SendAsync(request);
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }
}
