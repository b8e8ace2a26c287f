using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.HostTests.Cluster;

/// <summary>The tests' own API server, made up as a cluster's: with a front proxy whose authority it publishes, and the default service account.</summary>
internal sealed class ClusterServer : IAsyncDisposable
{
    private ClusterServer(TestApiServer api, X509Certificate2 certificate) => (Api, FrontProxyCertificate) = (api, certificate);

    public TestApiServer Api { get; }

    public X509Certificate2 FrontProxyCertificate { get; }

    public string Kubeconfig => Api.Kubeconfig;

    /// <param name="https">For a cluster that is another coordinator's provider.</param>
    public static async Task<ClusterServer> StartAsync(bool https = false)
    {
        var api = await TestApiServer.StartAsync(KubeVirtServer.Options(https));
        using var authority = new TestAuthority("front-proxy-ca");
        api.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
            ["data"] = new JsonObject
            {
                ["requestheader-client-ca-file"] = authority.Pem,
                ["requestheader-allowed-names"] = "[\"front-proxy-client\"]",
            },
        });
        api.Create(JsonNode.Parse("""{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":"default"}}""")!.AsObject());
        return new ClusterServer(api, authority.Client("front-proxy-client"));
    }

    public ValueTask DisposeAsync()
    {
        FrontProxyCertificate.Dispose();
        return Api.DisposeAsync();
    }
}
