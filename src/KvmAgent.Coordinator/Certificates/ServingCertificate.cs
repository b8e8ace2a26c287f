using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
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
    private const string CaCert = "ca.crt", CaKey = "ca.key", Cert = "tls.crt", Key = "tls.key";

    private volatile SslStreamCertificateContext? _current;
    private volatile X509Certificate2Collection _authorities = [];

    /// <summary>Made once for a certificate: a chain built at each handshake is most of the work of thousands that dial at once.</summary>
    public SslStreamCertificateContext Context => _current ?? throw new InvalidOperationException("there is no certificate before the first look");

    public X509Certificate2 Current => Context.TargetCertificate;

    /// <summary>PEM, to be trusted.</summary>
    public string AuthorityPem { get; private set; } = "";

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
                if (secret is not null && Fits(secret))
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

    private bool Fits(Secret secret)
    {
        if (secret.Data is not { } data || !data.ContainsKey(CaCert) || !data.ContainsKey(CaKey) || !data.ContainsKey(Cert) || !data.ContainsKey(Key))
        {
            return false;
        }

        using var certificate = X509CertificateLoader.LoadCertificate(Der(data[Cert]));
        var third = (certificate.NotAfter - certificate.NotBefore) / 3;
        return time.GetUtcNow() < certificate.NotAfter - third && names.All(n => certificate.MatchesHostname(n));
    }

    private Secret Make(Secret? former)
    {
        var now = time.GetUtcNow();
        using var authority = former?.Data is { } data && data.ContainsKey(CaCert) && data.ContainsKey(CaKey)
            ? X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(data[CaCert]), Encoding.ASCII.GetString(data[CaKey]))
            : CertificateMaker.Authority(now);
        using var serving = CertificateMaker.Serving(authority, names, now);
        return new Secret
        {
            Metadata = former?.Metadata ?? new ObjectMeta { Name = secretName, Namespace = ns },
            Type = former?.Type ?? "Opaque",
            Data = new Dictionary<string, byte[]>
            {
                [CaCert] = Encoding.ASCII.GetBytes(authority.ExportCertificatePem()),
                [CaKey] = Encoding.ASCII.GetBytes(authority.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
                [Cert] = Encoding.ASCII.GetBytes(serving.ExportCertificatePem()),
                [Key] = Encoding.ASCII.GetBytes(serving.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
            },
            Unknown = former?.Unknown,
        };
    }

    private void Take(Secret secret)
    {
        var data = secret.Data!;
        AuthorityPem = Encoding.ASCII.GetString(data[CaCert]);
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(AuthorityPem);
        _authorities = authorities;
        var certificate = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(data[Cert]), Encoding.ASCII.GetString(data[Key]));
        if (_current?.TargetCertificate.Thumbprint != certificate.Thumbprint)
        {
            // The former is left to the connections that still use it.
            _current = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
        }
    }

    private static byte[] Der(byte[] pem)
    {
        var text = Encoding.ASCII.GetString(pem);
        return Convert.FromBase64String(text[PemEncoding.Find(text).Base64Data]);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "a new certificate is served until {End:u}")]
    private partial void LogMade(DateTime end);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the certificate in Secret {Secret} could not be looked at, the former is served on: {Error}")]
    private partial void LogFailed(string secret, string error);
}
