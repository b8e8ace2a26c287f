using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Certificates;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Certificates;

/// <summary>What is served, and whom the aggregated API believes.</summary>
public sealed class CertificateTests : IAsyncLifetime, IDisposable
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2", ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    private readonly X509Certificate2 _authority = Issue("CN=front-proxy-ca", null);
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
        var proxy = await FrontProxyAsync("""["front-proxy-client"]""");
        using var stranger = Issue("CN=front-proxy-ca", null);
        proxy.IsTrusted(Issue("CN=front-proxy-client", _authority)).ShouldBeTrue();
        // The same authority may sign people's certificates, too.
        proxy.IsTrusted(Issue("CN=jane,O=system:masters", _authority)).ShouldBeFalse();
        proxy.IsTrusted(Issue("CN=front-proxy-client", stranger)).ShouldBeFalse();
        proxy.IsTrusted(Issue("CN=front-proxy-client", null)).ShouldBeFalse();
        proxy.IsTrusted(Issue("CN=front-proxy-client", _authority, usage: ServerAuthentication)).ShouldBeFalse();
        proxy.IsTrusted(Issue("CN=front-proxy-client", _authority, end: Now.AddMinutes(-1))).ShouldBeFalse();
    }

    [Fact]
    public async Task Where_no_names_are_published_the_authority_is_enough() =>
        (await FrontProxyAsync("[]")).IsTrusted(Issue("CN=any", _authority)).ShouldBeTrue();

    [Fact]
    public async Task A_server_without_a_front_proxy_is_told_of()
    {
        var proxy = new FrontProxy(_client, TimeProvider.System, NullLogger<FrontProxy>.Instance);
        var error = await Should.ThrowAsync<CoordinatorException>(() => proxy.LookAsync(CancellationToken.None));
        error.Message.ShouldContain("--requestheader-client-ca-file");
        proxy.IsTrusted(Issue("CN=front-proxy-client", _authority)).ShouldBeFalse();
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
            ["data"] = new JsonObject { ["requestheader-client-ca-file"] = _authority.ExportCertificatePem(), ["requestheader-allowed-names"] = names },
        });
        var proxy = new FrontProxy(_client, TimeProvider.System, NullLogger<FrontProxy>.Instance);
        await proxy.LookAsync(CancellationToken.None);
        return proxy;
    }

    private static X509Certificate2 Issue(string subject, X509Certificate2? authority, string usage = ClientAuthentication, DateTimeOffset? end = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(authority is null, false, 0, true));
        if (authority is null)
        {
            return request.CreateSelfSigned(Now.AddHours(-2), Now.AddHours(2));
        }

        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        using var signed = request.Create(authority, Now.AddHours(-1), end ?? Now.AddHours(1), [1, 2, 3, 4]);
        return signed.CopyWithPrivateKey(key);
    }

    private sealed class LaterTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }
}
