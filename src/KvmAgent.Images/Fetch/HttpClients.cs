using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// The client: no redirects, cookies or unpacking behind our back. http_proxy, https_proxy, all_proxy and no_proxy are
/// honoured by the handler's default proxy (no_proxy takes hosts and .domains, no CIDR ranges).
/// </summary>
internal static class HttpClients
{
    public static HttpClient Create(string? caFile, TimeSpan connect, AddressGuard guard)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            ConnectTimeout = connect,
            ConnectCallback = guard.ConnectAsync,
        };
        if (caFile is not null)
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = Trust(caFile) };
        var client = new HttpClient(new ProxiedTargets(handler, guard)) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("kvm-agent");
        return client;
    }

    private static X509ChainPolicy Trust(string caFile)
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
            policy.CustomTrustStore.ImportFromPemFile(caFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ImageException(ImageFailure.Settings, $"CA file {caFile} cannot be read as PEM certificates: {e.Message}", e);
        }
        if (policy.CustomTrustStore.Count == before)
            throw new ImageException(ImageFailure.Settings, $"CA file {caFile} holds no certificate; give PEM (-----BEGIN CERTIFICATE-----)");
        return policy;
    }
}
