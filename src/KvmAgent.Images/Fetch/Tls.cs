using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvmAgent.Images.Fetch;

/// <summary>Whom we trust, and who we are.</summary>
internal static class Tls
{
    private static readonly string[] CertificateFiles = [".crt", ".cer", ".pem"];

    /// <exception cref="ImageException">A file cannot be read, or holds none.</exception>
    public static SslClientAuthenticationOptions Options(SourceAccess access)
    {
        var options = new SslClientAuthenticationOptions();
        if (access.CaFile is { } authorities)
            options.CertificateChainPolicy = Trust(authorities);
        if (access.ClientCertificateFile is { } certificate)
            options.ClientCertificateContext = Identity(certificate, access.ClientKeyFile ?? certificate);
        if (access.InsecureTls)
#pragma warning disable CA5359 // That is what was asked for, by name.
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        return options;
    }

    private static X509ChainPolicy Trust(string path)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck, // as SslStream does without a policy
        };
        using var system = new X509Store(StoreName.Root, StoreLocation.LocalMachine, OpenFlags.ReadOnly);
        policy.CustomTrustStore.AddRange(system.Certificates);
        var before = policy.CustomTrustStore.Count;
        try
        {
            foreach (var file in Directory.Exists(path) ? Directory.EnumerateFiles(path).Where(IsCertificate) : [path])
                policy.CustomTrustStore.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ImageException(ImageFailure.Settings, $"CA file {path} cannot be read as PEM certificates: {e.Message}", e);
        }
        if (policy.CustomTrustStore.Count == before)
            throw new ImageException(ImageFailure.Settings, $"CA file {path} holds no certificate; give PEM (-----BEGIN CERTIFICATE-----)");
        return policy;
    }

    private static SslStreamCertificateContext Identity(string certificateFile, string keyFile)
    {
        try
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(certificateFile);
            return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(certificateFile, keyFile), all, offline: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ImageException(
                ImageFailure.Settings, $"the client certificate {certificateFile} with the key {keyFile} cannot be read as PEM: {e.Message}", e);
        }
    }

    private static bool IsCertificate(string path) => CertificateFiles.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);
}
