using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace KvmAgent.Tests.Charts;

/// <summary>As much of a Kubernetes API server as helm's dry runs ask for: version, discovery, and at most one Secret.</summary>
internal sealed class ClusterStandIn : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly JsonObject? _secret;
    private readonly Task _serving;

    public ClusterStandIn(JsonObject? secret = null)
    {
        _secret = secret;
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <returns>What <c>helm install</c> would make, and its notes.</returns>
    public async Task<string> InstallAsync(params IEnumerable<string> arguments)
    {
        var result = await Helm.RunAsync(
        [
            "install", Helm.Release, Helm.Chart, "--namespace", Helm.Namespace, "--kube-apiserver", $"http://{_listener.LocalEndpoint}",
            "--dry-run=server", "--disable-openapi-validation", .. arguments,
        ]);
        result.ExitCode.ShouldBe(0, result.Error);
        return result.Output;
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
        "/apis" => JsonNode.Parse(
            """
            {"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],
              "preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]}
            """),
        "/api/v1" => Resources("v1", "Secret", "ConfigMap", "Service", "PersistentVolumeClaim"),
        "/apis/apps/v1" => Resources("apps/v1", "StatefulSet"),
        _ when _secret is not null && path == $"/api/v1/namespaces/{Helm.Namespace}/secrets/{_secret["metadata"]!["name"]}" => _secret.DeepClone(),
        _ => null,
    };

    private static JsonObject Resources(string version, params IEnumerable<string> kinds) => new()
    {
        ["kind"] = "APIResourceList",
        ["groupVersion"] = version,
        ["resources"] = new JsonArray(
        [
            .. kinds.Select(k => new JsonObject
            {
                ["name"] = $"{k.ToLowerInvariant()}s",
                ["kind"] = k,
                ["namespaced"] = true,
                ["verbs"] = new JsonArray("get"),
            }),
        ]),
    };
}
