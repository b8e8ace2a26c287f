using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;

namespace KvmAgent.TestSupport.Charts;

/// <summary>As much of a Kubernetes API server as helm's dry runs ask for: version, discovery, and the objects that it is given.</summary>
public sealed class ClusterStandIn : IAsyncDisposable
{
    private static readonly (string ApiVersion, string[] Namespaced, string[] Others)[] Kinds =
    [
        ("v1", ["Secret", "ConfigMap", "Service", "ServiceAccount", "PersistentVolumeClaim"], []),
        ("apps/v1", ["StatefulSet", "Deployment"], []),
        ("policy/v1", ["PodDisruptionBudget"], []),
        ("networking.k8s.io/v1", ["NetworkPolicy"], []),
        ("monitoring.coreos.com/v1", ["ServiceMonitor"], []),
        ("rbac.authorization.k8s.io/v1", ["Role", "RoleBinding"], ["ClusterRole", "ClusterRoleBinding"]),
        ("apiregistration.k8s.io/v1", [], ["APIService"]),
        ("apiextensions.k8s.io/v1", [], ["CustomResourceDefinition"]),
    ];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, JsonObject> _objects;
    private readonly Task _serving;

    public ClusterStandIn(params IEnumerable<JsonObject> objects)
    {
        _objects = objects.ToDictionary(PathOf);
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <returns>What <c>helm install</c> would make, and its notes.</returns>
    public async Task<string> InstallAsync(HelmChart chart, params IEnumerable<string> arguments)
    {
        var result = await TryInstallAsync(chart, arguments);
        result.ExitCode.ShouldBe(0, result.Error);
        return result.Output;
    }

    public Task<HelmResult> TryInstallAsync(HelmChart chart, params IEnumerable<string> arguments) => HelmChart.RunAsync(
    [
        "install", chart.Release, chart.Directory, "--namespace", chart.Namespace, "--kube-apiserver", $"http://{_listener.LocalEndpoint}",
        "--dry-run=server", "--disable-openapi-validation", .. arguments,
    ]);

    /// <summary>The objects of what <see cref="InstallAsync"/> gave.</summary>
    public static RenderedChart Objects(string installed)
    {
        // The notes follow the objects of an install.
        var notes = installed.IndexOf("\nNOTES:", StringComparison.Ordinal);
        return new RenderedChart(installed[installed.IndexOf("---\n", StringComparison.Ordinal)..(notes < 0 ? installed.Length : notes)]);
    }

    /// <summary>What helm writes on the objects of a release.</summary>
    public static JsonObject Metadata(HelmChart chart, string name, string? ns = null)
    {
        var metadata = new JsonObject
        {
            ["name"] = name,
            ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = "Helm" },
            ["annotations"] = new JsonObject
            {
                ["meta.helm.sh/release-name"] = chart.Release,
                ["meta.helm.sh/release-namespace"] = chart.Namespace,
            },
        };
        if (ns is not null)
        {
            metadata["namespace"] = ns;
        }

        return metadata;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await AnswerAsync(client.GetStream());
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        var request = await reader.ReadLineAsync(_stop.Token) ?? "";
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 })
        {
            // Headers say nothing that matters here.
        }

        var body = Content(request.Split(' ')[1].Split('?')[0]);
        var text = (body ?? new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["reason"] = "NotFound", ["code"] = 404 }).ToJsonString();
        await stream.WriteAsync(
            Encoding.UTF8.GetBytes(
                $"HTTP/1.1 {(body is null ? "404 Not Found" : "200 OK")}\r\nContent-Type: application/json\r\nConnection: close\r\n"
                + $"Content-Length: {Encoding.UTF8.GetByteCount(text)}\r\n\r\n{text}"),
            _stop.Token);
    }

    private JsonNode? Content(string path) => path switch
    {
        "/version" => new JsonObject { ["major"] = "1", ["minor"] = "32", ["gitVersion"] = "v1.32.0" },
        "/api" => new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") },
        "/apis" => new JsonObject
        {
            ["kind"] = "APIGroupList",
            ["apiVersion"] = "v1",
            ["groups"] = new JsonArray([.. Kinds.Where(static k => k.ApiVersion.Contains('/', StringComparison.Ordinal)).Select(static k => Group(k.ApiVersion))]),
        },
        _ => Resources(path) ?? _objects.GetValueOrDefault(path)?.DeepClone(),
    };

    private static JsonObject Group(string apiVersion)
    {
        var parts = apiVersion.Split('/');
        JsonObject Version() => new() { ["groupVersion"] = apiVersion, ["version"] = parts[1] };
        return new JsonObject { ["name"] = parts[0], ["versions"] = new JsonArray(Version()), ["preferredVersion"] = Version() };
    }

    private static JsonObject? Resources(string path)
    {
        if (Kinds.FirstOrDefault(k => path == Root(k.ApiVersion)) is not { ApiVersion: { } version } kinds)
        {
            return null;
        }

        JsonObject Resource(string kind, bool namespaced) =>
            new() { ["name"] = Plural(kind), ["kind"] = kind, ["namespaced"] = namespaced, ["verbs"] = new JsonArray("get") };
        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["groupVersion"] = version,
            ["resources"] = new JsonArray([.. kinds.Namespaced.Select(k => Resource(k, true)), .. kinds.Others.Select(k => Resource(k, false))]),
        };
    }

    private static string PathOf(JsonObject obj)
    {
        var ns = (string?)obj["metadata"]!["namespace"] is { } name ? $"/namespaces/{name}" : "";
        return $"{Root((string)obj["apiVersion"]!)}{ns}/{Plural((string)obj["kind"]!)}/{obj["metadata"]!["name"]}";
    }

    private static string Root(string apiVersion) => (apiVersion == "v1" ? "/api/" : "/apis/") + apiVersion;

    private static string Plural(string kind) => kind.ToLowerInvariant() is var name && name.EndsWith('y') ? name[..^1] + "ies" : name + "s";
}
