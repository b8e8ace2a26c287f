using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using KvmAgent.Settings;

namespace KvmAgent.Link;

/// <summary>By what the coordinator is known, and we to it; both rotate, and are read again each time.</summary>
internal static class LinkCredentials
{
    private const int LongestToken = 64 << 10;

    public static SslClientAuthenticationOptions Trust(LinkSettings settings)
    {
        var options = new SslClientAuthenticationOptions();
        if (settings.CaFile is { } file)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(file);
            options.CertificateChainPolicy = policy;
        }

        return options;
    }

    /// <exception cref="IOException">There is none.</exception>
    public static async Task<string> ReadTokenAsync(LinkSettings settings, CancellationToken cancel)
    {
        var file = new FileInfo(settings.TokenFile);
        if (!file.Exists || file.Length > LongestToken)
        {
            throw new IOException($"there is no token in {settings.TokenFile}; project one there, or set {Setting.CoordinatorTokenFile.Name}");
        }

        return (await File.ReadAllTextAsync(settings.TokenFile, cancel).ConfigureAwait(false)).Trim();
    }
}
