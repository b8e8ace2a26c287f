using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvmAgent.Kubernetes;

/// <summary>How the server is recognised.</summary>
/// <param name="Authorities">Those alone are trusted; null: the system's.</param>
/// <param name="Anyone">No check at all.</param>
/// <param name="Name">In its certificate, where it is not the address's host.</param>
internal sealed record ServerTrust(X509Certificate2Collection? Authorities = null, bool Anyone = false, string? Name = null)
{
    /// <param name="authorities">PEM.</param>
    /// <exception cref="CryptographicException">It is none, or has no certificate.</exception>
    public static ServerTrust Of(string authorities)
    {
        var all = new X509Certificate2Collection();
        all.ImportFromPem(authorities);
        return all.Count > 0 ? new ServerTrust(all) : throw new CryptographicException("it holds no certificate");
    }

    public SslClientAuthenticationOptions TlsOptions(ClientCertificate? client)
    {
        var options = new SslClientAuthenticationOptions();
        if (client is not null)
        {
            options.ClientCertificateContext = SslStreamCertificateContext.Create(client.Certificate, client.Chain, offline: true);
        }

        if (Anyone)
        {
#pragma warning disable CA5359 // That is what insecure-skip-tls-verify asks for.
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (Authorities is not null)
        {
            options.CertificateChainPolicy = ChainPolicy(Authorities);
        }

        return options;
    }

    private static X509ChainPolicy ChainPolicy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        foreach (var authority in authorities)
        {
            var isRoot = authority.SubjectName.RawData.AsSpan().SequenceEqual(authority.IssuerName.RawData);
            (isRoot ? policy.CustomTrustStore : policy.ExtraStore).Add(authority);
        }

        return policy;
    }
}
