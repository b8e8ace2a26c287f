using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Certificates;

/// <summary>
/// The certificate that all replicas serve, and the authority that agents and the API server trust: kept in one Secret, made by whichever
/// replica comes first, made anew in the last third of its life or where its names have changed, and taken up by the others within a minute.
/// </summary>
internal sealed partial class ServingCertificate(
    KubernetesClient client, string ns, string secretName, IReadOnlyList<string> names, TimeProvider time, ILogger<ServingCertificate> log)
{
    private volatile SslStreamCertificateContext? _current;
    private volatile X509Certificate2Collection _authorities = [];

    public SslStreamCertificateContext Context => _current ?? throw new InvalidOperationException("there is no certificate before the first look");

    public X509Certificate2 Current => Context.TargetCertificate;

    /// <summary>PEM, to be trusted.</summary>
    public string AuthorityPem { get; private set; } = "";

    /// <summary>What the replicas alone know: for keys of all kinds, each made of it by a name of its own.</summary>
    public byte[] SharedSecret { get; private set; } = [];

    /// <summary>Whether a replica of this coordinator shows it: none else has one of this authority.</summary>
    public bool IsOwnClient(X509Certificate2 certificate) => ShownCertificate.IsClientOf(certificate, _authorities, time.GetUtcNow());

    public bool IsOwnServer(X509Certificate2 certificate) => ShownCertificate.IsServerOf(certificate, _authorities, time.GetUtcNow());

    /// <summary>Looks once; there is a certificate then.</summary>
    public async Task LookAsync(CancellationToken cancel)
    {
        while (true)
        {
            var secret = await client.FindAsync(CoreKinds.Secrets, ns, secretName, cancel).ConfigureAwait(false);
            try
            {
                if (secret is not null && CertificateFiles.Fit(secret.Data, names, time.GetUtcNow()))
                {
                    Take(secret);
                    return;
                }

                var made = Make(secret);
                Take(secret is null
                    ? await client.CreateAsync(CoreKinds.Secrets, made, cancel).ConfigureAwait(false)
                    : await client.ReplaceAsync(CoreKinds.Secrets, made, null, cancel).ConfigureAwait(false));
                LogMade(Current.NotAfter);
                return;
            }
            catch (KubernetesException e) when (e.IsConflict || e.IsAlreadyExists)
            {
                // Another replica was quicker: take its.
            }
        }
    }

    public Task RunAsync(CancellationToken stop) =>
        Regularly.LookAsync(LookAsync, why => LogFailed(secretName, why), Regularly.Minute, Regularly.Minute, time, stop);

    private Secret Make(Secret? former) => new()
    {
        Metadata = former?.Metadata ?? new ObjectMeta { Name = secretName, Namespace = ns },
        Type = former?.Type ?? "Opaque",
        Data = CertificateFiles.Make(former?.Data, names, time.GetUtcNow()),
        Unknown = former?.Unknown,
    };

    private void Take(Secret secret)
    {
        AuthorityPem = CertificateFiles.AuthorityPem(secret.Data!);
        SharedSecret = CertificateFiles.SharedSecret(secret.Data!);
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(AuthorityPem);
        _authorities = authorities;
        var certificate = CertificateFiles.Load(secret.Data!);
        if (_current?.TargetCertificate.Thumbprint != certificate.TargetCertificate.Thumbprint)
        {
            // The former is left to the connections that still use it.
            _current = certificate;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "a new certificate is served until {End:u}")]
    private partial void LogMade(DateTime end);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the certificate in Secret {Secret} could not be looked at, the former is served on: {Error}")]
    private partial void LogFailed(string secret, string error);
}
