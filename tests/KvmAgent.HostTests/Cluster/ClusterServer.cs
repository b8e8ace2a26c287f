using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.HostTests.Cluster;

/// <summary>The tests' own API server, made up as a cluster's: with a front proxy whose authority it publishes, and the default service account.</summary>
internal sealed class ClusterServer : IAsyncDisposable
{
    private ClusterServer(TestApiServer api, X509Certificate2 certificate) => (Api, FrontProxyCertificate) = (api, certificate);

    public TestApiServer Api { get; }

    public X509Certificate2 FrontProxyCertificate { get; }

    public string Kubeconfig => Api.Kubeconfig;

    public static async Task<ClusterServer> StartAsync()
    {
        var api = await TestApiServer.StartAsync(KubeVirtServer.Options());
        using var authority = Issue("CN=front-proxy-ca", null);
        api.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
            ["data"] = new JsonObject
            {
                ["requestheader-client-ca-file"] = authority.ExportCertificatePem(),
                ["requestheader-allowed-names"] = "[\"front-proxy-client\"]",
            },
        });
        api.Create(JsonNode.Parse("""{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":"default"}}""")!.AsObject());
        return new ClusterServer(api, Issue("CN=front-proxy-client", authority));
    }

    public ValueTask DisposeAsync()
    {
        FrontProxyCertificate.Dispose();
        return Api.DisposeAsync();
    }

    private static X509Certificate2 Issue(string subject, X509Certificate2? authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(authority is null, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        if (authority is null)
        {
            return request.CreateSelfSigned(now.AddHours(-1), now.AddHours(2));
        }

        using var signed = request.Create(authority, now.AddMinutes(-30), now.AddHours(1), [1, 2, 3, 4]);
        return signed.CopyWithPrivateKey(key);
    }
}
