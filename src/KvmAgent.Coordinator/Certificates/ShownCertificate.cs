using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvmAgent.Coordinator.Certificates;

/// <summary>Whether a certificate that is shown to us, by either end, is of an authority; the system's authorities do not count.</summary>
internal static class ShownCertificate
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1", ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    public static bool IsClientOf(X509Certificate2 certificate, X509Certificate2Collection authorities, DateTimeOffset now) =>
        IsOf(certificate, authorities, ClientAuthentication, now);

    public static bool IsServerOf(X509Certificate2 certificate, X509Certificate2Collection authorities, DateTimeOffset now) =>
        IsOf(certificate, authorities, ServerAuthentication, now);

    private static bool IsOf(X509Certificate2 certificate, X509Certificate2Collection authorities, string usage, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(usage));
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        return chain.Build(certificate);
    }
}
