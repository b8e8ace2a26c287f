using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>
/// A provider that runs KubeVirt itself, without CDI: what it lacks is told by name, and all else goes on. That it is managed as one of ours is
/// RealKubeVirtTests' to prove, with KubeVirt's own programs.
/// </summary>
public sealed class UpstreamProviderTests : IAsyncLifetime
{
    private const string Web = "/kubevirt/vms/shop/web";

    private TestDatabase _database = null!;
    private ManagementCluster _own = null!;
    private TestApiServer _other = null!;

    public async Task InitializeAsync()
    {
        _database = TestDatabase.OfFile();
        _own = await ManagementCluster.StartAsync(database: _database);
        var kinds = CustomResourceDefinitions.All.Where(static d => (string?)d["spec"]!["group"] == "kubevirt.io").ToList();
        _other = await TestApiServer.StartAsync(new TestApiServerOptions
        {
            Https = true,
            CelRules = AnyRule.Of(kinds),
            AbsentGroups = ["subresources.kubevirt.io", "cdi.kubevirt.io"],
            Namespaces = ["default", "kube-system", "shop"],
        });
        await _other.ApplyCrdsAsync(string.Join("---\n", kinds.Select(static d => YamlText.Of(d))));
        foreach (var manifest in Yaml.Documents(
            """
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: disk, namespace: shop}
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
            ---
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: web, namespace: shop}
            spec: {runStrategy: Always, template: {spec: {domain: {devices: {}}, volumes: [{name: root, persistentVolumeClaim: {claimName: disk}}]}}}
            ---
            apiVersion: kubevirt.io/v1
            kind: VirtualMachineInstance
            metadata: {name: web, namespace: shop}
            spec: {domain: {devices: {}}}
            status: {phase: Running, nodeName: n1}
            """))
        {
            _other.Create(manifest.AsObject());
        }

        var (code, body) = await _own.PostAsync("/kubevirt/providers/add", new JsonObject { ["name"] = "east", ["kubeconfig"] = _other.Kubeconfig });
        code.ShouldBe(201, body.ToJsonString());
    }

    public async Task DisposeAsync()
    {
        await _own.DisposeAsync();
        await _other.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task What_a_machine_uses_is_not_told_and_that_is_said()
    {
        var (code, body) = await _own.SendAsync(HttpMethod.Get, $"{Web}/usage?provider=east");
        (code, (string?)body["error"]).ShouldBe(
            (501, "provider \"east\" does not tell what its machines use: it has no subresource virtualmachineinstances/usage; ask its Prometheus for kubevirt_vmi_*"));
        (await _own.SendAsync(HttpMethod.Get, "/kubevirt/vms/shop/none/usage?provider=east")).Code.ShouldBe(404);
        (await _own.ListAsync(new JsonObject { ["provider"] = "east", ["namespace"] = "shop" }))["vms"]!.AsArray().Select(static vm => (string?)vm!["name"]).ShouldBe(["web"]);
    }

    [Fact]
    public async Task A_disk_that_nobody_would_copy_is_not_begun_to_be_cloned()
    {
        var (code, body) = await _own.PostAsync($"{Web}/clone", new JsonObject { ["provider"] = "east", ["name"] = "copy" });
        (code, (string?)body["error"]).ShouldBe(
            (422, "shop/web cannot be cloned: provider \"east\" has no DataVolumes (cdi.kubevirt.io/v1beta1), by which disks are copied; install CDI or kvm-coordinator there"));
        _other.Get("kubevirt.io", "virtualmachines", "shop", "copy").ShouldBeNull();
        ((int)(await _own.PostAsync("/jobs/query")).Body["total"]!).ShouldBe(0);
    }

    [Fact]
    public async Task A_screen_that_somebody_has_is_told_to_be_in_use_as_ours_is()
    {
        using var authority = new TestAuthority("kubevirt.io");
        // As virt-api tells on what virt-handler told it (main, August 2026).
        await using var virtApi = await VirtApiAsync(authority, static http => Results.Json(
            new
            {
                kind = "Status",
                apiVersion = "v1",
                status = "Failure",
                message = "Internal error occurred: Can't connect to websocket (503): websocket: bad handshake: application info: Active VNC connection. Request denied.",
                reason = "InternalError",
                code = 500,
            },
            statusCode: http.Request.Query["preserveSession"] == "true" ? 500 : 418).ExecuteAsync(http));
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {_own.Cluster.Server.Token}");
        using var invoker = new HttpMessageInvoker(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true });
        await socket.ConnectAsync(new Uri($"wss://{_own.Coordinator.Management}{Web}/vnc?provider=east"), invoker, CancellationToken.None);

        (await socket.ReceiveAsync(new byte[1], CancellationToken.None)).MessageType.ShouldBe(WebSocketMessageType.Close);

        ((int?)socket.CloseStatus, socket.CloseStatusDescription).ShouldBe((4409, "the screen is in use by another client"));
    }

    [Fact]
    public async Task The_log_is_that_of_the_pod_where_the_machine_is_and_not_of_one_that_it_was_to_move_to()
    {
        var uid = (string)_other.Get("kubevirt.io", "virtualmachineinstances", "shop", "web")!["metadata"]!["uid"]!;
        foreach (var (name, node) in new[] { ("virt-launcher-web-a", "n1"), ("virt-launcher-web-b", "n2") })
        {
            // The second is newer.
            _other.Faults.ClockSkew += TimeSpan.FromMinutes(1);
            _other.Create(Yaml.Documents(
                $$"""
                apiVersion: v1
                kind: Pod
                metadata: {name: {{name}}, namespace: shop, labels: {kubevirt.io: virt-launcher, kubevirt.io/created-by: {{uid}} } }
                spec: {nodeName: {{node}}, containers: [{name: guest-console-log, image: a}, {name: compute, image: a}]}
                status: {phase: Running}
                """).Single().AsObject());
            _other.Log("shop", name, name);
        }

        using var http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true });
        http.DefaultRequestHeaders.Authorization = new("Bearer", _own.Cluster.Server.Token);
        (await http.GetStringAsync(new Uri($"https://{_own.Coordinator.Management}{Web}/logs?provider=east"))).ShouldBe("virt-launcher-web-a\n");
    }

    /// <summary>An aggregated API of KubeVirt's group.</summary>
    private async Task<WebApplication> VirtApiAsync(TestAuthority authority, RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(authority.Server("virt-api.kubevirt.svc"), static https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.AllowAnyClientCertificate();
        })));
        var app = builder.Build();
        app.Run(answer);
        await app.StartAsync();
        _other.Create(Yaml.Documents(
            $$"""
            apiVersion: apiregistration.k8s.io/v1
            kind: APIService
            metadata: {name: v1.subresources.kubevirt.io}
            spec: {group: subresources.kubevirt.io, version: v1, groupPriorityMinimum: 1000, versionPriority: 15, service: {name: virt-api, namespace: kubevirt}, caBundle: {{Convert.ToBase64String(Encoding.ASCII.GetBytes(authority.Pem))}} }
            """).Single().AsObject());
        _other.Aggregate("subresources.kubevirt.io", new IPEndPoint(IPAddress.Loopback, new Uri(app.Urls.Single()).Port), authority.Client("front-proxy-client"));
        return app;
    }
}
