using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// Hands requests of other groups through to whoever serves them, as kube-aggregator does: where an APIService says so, over TLS to the name
/// of its Service, checked by its caBundle, with the front proxy's certificate and the user in headers; upgrades too, whose bytes it passes on without looking at them.
/// </summary>
internal sealed class Aggregator(World world) : IDisposable
{
    private static readonly string[] Upgrade = ["Connection", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol"];

    private readonly ConcurrentDictionary<string, (IPEndPoint EndPoint, X509Certificate2 Certificate)> _backends = [];
    private readonly ConcurrentBag<HttpMessageInvoker> _invokers = [];

    /// <summary>Where the Service of a group's APIServices is, which this server has no network for.</summary>
    public void Add(string group, IPEndPoint endPoint, X509Certificate2 certificate) => _backends[group] = (endPoint, certificate);

    public bool Serves(RequestPath path) => _backends.ContainsKey(path.Group);

    public async Task<Answer> ForwardAsync(HttpContext http, RequestPath path, Identity user)
    {
        var upgrade = http.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } feature ? feature : null;
        var (endPoint, certificate) = _backends[path.Group];
        var (service, bundle) = Service($"{path.Version}.{path.Group}");
        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), $"https://{service}{http.Request.Path}{http.Request.QueryString}");
        var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body.ToArray());
            request.Content.Headers.TryAddWithoutValidation("Content-Type", http.Request.ContentType);
        }

        request.Headers.Add("X-Remote-User", user.Name);
        request.Headers.Add("X-Remote-Group", user.Groups);
        foreach (var name in upgrade is null ? [] : Upgrade)
        {
            request.Headers.TryAddWithoutValidation(name, http.Request.Headers[name].ToArray());
        }

        try
        {
            var response = await Invoker(endPoint, certificate, bundle).SendAsync(request, http.RequestAborted);
            if (upgrade is not null && response.StatusCode == HttpStatusCode.SwitchingProtocols)
            {
                return new Answer((int)response.StatusCode, []) { Watch = () => PumpAsync(http, upgrade, response) };
            }

            using var whole = response;
            return new Answer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(http.RequestAborted), response.Content.Headers.ContentType?.ToString() ?? "");
        }
        catch (HttpRequestException e)
        {
            throw new ApiError(503, "ServiceUnavailable", $"error trying to reach service: {e.Message}");
        }
    }

    /// <summary>The bytes both ways, until either end ends.</summary>
    private static async Task PumpAsync(HttpContext http, IHttpUpgradeFeature upgrade, HttpResponseMessage response)
    {
        using var ended = response;
        foreach (var (name, values) in response.Headers.Where(static h => h.Key.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase) || h.Key is "Upgrade"))
        {
            http.Response.Headers[name] = values.ToArray();
        }

        await using var backend = await response.Content.ReadAsStreamAsync(http.RequestAborted);
        await using var client = await upgrade.UpgradeAsync();
        await Task.WhenAny(client.CopyToAsync(backend, http.RequestAborted), backend.CopyToAsync(client, http.RequestAborted));
    }

    public void Dispose()
    {
        foreach (var invoker in _invokers)
        {
            invoker.Dispose();
        }
    }

    private (string Name, string Bundle) Service(string apiService)
    {
        lock (world.Gate)
        {
            var spec = world.Type("apiregistration.k8s.io", "apiservices")!.Table.Find("", apiService)?.Json["spec"];
            return (spec?["service"], (string?)spec?["caBundle"]) is (JsonObject service, { } bundle)
                ? ($"{service["name"]}.{service["namespace"]}.svc", bundle)
                : throw new ApiError(503, "ServiceUnavailable", $"APIService {apiService} is not there, or has no service or caBundle yet");
        }
    }

    /// <summary>For each request another: bundles rotate, and tests are in no hurry.</summary>
    private HttpMessageInvoker Invoker(IPEndPoint endPoint, X509Certificate2 certificate, string bundle)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(Encoding.ASCII.GetString(Convert.FromBase64String(bundle)));
        var invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions { ClientCertificates = [certificate], CertificateChainPolicy = policy },
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(endPoint, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        _invokers.Add(invoker);
        return invoker;
    }
}
