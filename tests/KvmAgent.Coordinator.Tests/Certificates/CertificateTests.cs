using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Certificates;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Certificates;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Certificates;

/// <summary>What is served, and whom the aggregated API believes.</summary>
public sealed class CertificateTests : IAsyncLifetime, IDisposable
{
    private const string Proxy = "front-proxy-client";

    private readonly TestAuthority _authority = new("front-proxy-ca");
    private TestApiServer _server = null!;
    private KubernetesClient _client = null!;

    public async Task InitializeAsync()
    {
        _server = await TestApiServer.StartAsync(new TestApiServerOptions { Namespaces = ["kube-system", "kvm-system"] });
        _client = new KubernetesClient(KubernetesConnection.To(_server.Address, _server.Token), TimeProvider.System);
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    public void Dispose()
    {
        _client.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public async Task The_front_proxy_is_known_by_authority_and_name()
    {
        var proxy = await FrontProxyAsync($"[\"{Proxy}\"]");
        using TestAuthority stranger = new("front-proxy-ca"), itself = new(Proxy);
        proxy.IsTrusted(_authority.Client(Proxy)).ShouldBeTrue();
        // The same authority may sign people's certificates, too.
        proxy.IsTrusted(_authority.Client("jane,O=system:masters")).ShouldBeFalse();
        proxy.IsTrusted(stranger.Client(Proxy)).ShouldBeFalse();
        proxy.IsTrusted(itself.Certificate).ShouldBeFalse();
        proxy.IsTrusted(_authority.Server(Proxy)).ShouldBeFalse();
        proxy.IsTrusted(_authority.Client(Proxy, end: TimeProvider.System.GetUtcNow().AddMinutes(-1))).ShouldBeFalse();
    }

    [Fact]
    public async Task Where_no_names_are_published_the_authority_is_enough() =>
        (await FrontProxyAsync("[]")).IsTrusted(_authority.Client("any")).ShouldBeTrue();

    [Fact]
    public async Task A_server_without_a_front_proxy_is_told_of()
    {
        var proxy = new FrontProxy(_client, TimeProvider.System, NullLogger<FrontProxy>.Instance);
        var error = await Should.ThrowAsync<CoordinatorException>(() => proxy.LookAsync(CancellationToken.None));
        error.Message.ShouldContain("--requestheader-client-ca-file");
        proxy.IsTrusted(_authority.Client(Proxy)).ShouldBeFalse();
    }

    [Fact]
    public async Task Replicas_serve_one_certificate_of_one_authority()
    {
        var replicas = Enumerable.Range(0, 3).Select(_ => Serving("agents.kvm-system.svc", "10.0.0.1")).ToList();
        await Task.WhenAll(replicas.Select(static r => r.LookAsync(CancellationToken.None)));
        replicas.Select(static r => r.Current.Thumbprint).Distinct().Count().ShouldBe(1);
        var certificate = replicas[0].Current;
        certificate.MatchesHostname("agents.kvm-system.svc").ShouldBeTrue();
        certificate.MatchesHostname("10.0.0.1").ShouldBeTrue();
        certificate.MatchesHostname("other.svc").ShouldBeFalse();
        certificate.HasPrivateKey.ShouldBeTrue();
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(replicas[0].AuthorityPem);
        chain.Build(certificate).ShouldBeTrue();
    }

    [Fact]
    public async Task A_certificate_is_made_anew_for_other_names_and_late_in_its_life_by_the_same_authority()
    {
        var first = Serving("a.svc");
        await first.LookAsync(CancellationToken.None);
        var again = Serving("a.svc");
        await again.LookAsync(CancellationToken.None);
        again.Current.Thumbprint.ShouldBe(first.Current.Thumbprint);

        var other = Serving("a.svc", "b.svc");
        await other.LookAsync(CancellationToken.None);
        other.Current.Thumbprint.ShouldNotBe(first.Current.Thumbprint);
        other.AuthorityPem.ShouldBe(first.AuthorityPem);

        var later = new ServingCertificate(
            _client, "kvm-system", "tls", ["a.svc", "b.svc"], new LaterTime(TimeSpan.FromDays(61)), NullLogger<ServingCertificate>.Instance);
        await later.LookAsync(CancellationToken.None);
        later.Current.Thumbprint.ShouldNotBe(other.Current.Thumbprint);
        later.AuthorityPem.ShouldBe(first.AuthorityPem);
    }

    private ServingCertificate Serving(params string[] names) =>
        new(_client, "kvm-system", "tls", names, TimeProvider.System, NullLogger<ServingCertificate>.Instance);

    private async Task<FrontProxy> FrontProxyAsync(string names)
    {
        _server.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
            ["data"] = new JsonObject { ["requestheader-client-ca-file"] = _authority.Pem, ["requestheader-allowed-names"] = names },
        });
        var proxy = new FrontProxy(_client, TimeProvider.System, NullLogger<FrontProxy>.Instance);
        await proxy.LookAsync(CancellationToken.None);
        return proxy;
    }

    private sealed class LaterTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }
}
