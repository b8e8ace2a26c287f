using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Certificates;

/// <summary>
/// Whom the aggregated API believes: the API server's front proxy, by a certificate of the authority and with a common name that the API
/// server itself publishes (ConfigMap extension-apiserver-authentication). That authority may sign ordinary clients too, so the name is
/// checked where names are published.
/// </summary>
internal sealed partial class FrontProxy(KubernetesClient client, TimeProvider time, ILogger<FrontProxy> log)
{
    private const string Namespace = "kube-system", Name = "extension-apiserver-authentication",
        Authority = "requestheader-client-ca-file", AllowedNames = "requestheader-allowed-names";

    private volatile Trust? _trust;

    private sealed record Trust(X509Certificate2Collection Authorities, IReadOnlyList<string> Names);

    /// <exception cref="CoordinatorException">The API server publishes no authority.</exception>
    public async Task LookAsync(CancellationToken cancel)
    {
        var published = await client.FindAsync(CoreKinds.ConfigMaps, Namespace, Name, cancel).ConfigureAwait(false);
        if (published?.Data?.GetValueOrDefault(Authority) is not { Length: > 0 } pem)
        {
            throw new CoordinatorException(
                FailureReason.Unavailable,
                $"ConfigMap {Namespace}/{Name} has no {Authority}: the API server has no front proxy; start it with --requestheader-client-ca-file and --proxy-client-cert-file");
        }

        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(pem);
        _trust = new Trust(authorities, JsonSerializer.Deserialize(published.Data.GetValueOrDefault(AllowedNames) ?? "[]", TextsJson.Default.ListString)!);
    }

    public Task RunAsync(CancellationToken stop) => Regularly.LookAsync(LookAsync, LogFailed, Regularly.Minute, Regularly.Minute, time, stop);

    /// <summary>Whether a client's certificate is the front proxy's.</summary>
    public bool IsTrusted(X509Certificate2 certificate)
    {
        if (_trust is not { } trust)
        {
            return false;
        }

        var name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        return ShownCertificate.IsClientOf(certificate, trust.Authorities, time.GetUtcNow()) && (trust.Names.Count == 0 || trust.Names.Contains(name));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the front proxy's authority could not be looked up, the former is trusted on: {Error}")]
    private partial void LogFailed(string error);
}
