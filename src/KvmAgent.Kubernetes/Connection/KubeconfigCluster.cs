using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KvmAgent.Kubernetes;

/// <summary>A cluster of a kubeconfig: where the server is, and how it is recognised.</summary>
internal static class KubeconfigCluster
{
    private static readonly string[] _proxySchemes = ["http", "https", "socks5"];

    public static Uri Server(ConfigNode cluster)
    {
        const string Remedy = "give an address such as https://host:6443";
        var text = cluster.Demand("server", Remedy);
        return Uri.TryCreate(text, UriKind.Absolute, out var server) && server.Scheme is "http" or "https" && server.Query.Length == 0
            ? server
            : throw cluster.Wrong("server", text, Remedy);
    }

    public static ServerTrust Trust(ConfigNode cluster)
    {
        var authorities = Pem(cluster, "certificate-authority");
        var anyone = cluster.Flag("insecure-skip-tls-verify");
        if (anyone && authorities is not null)
        {
            throw cluster.Wrong("insecure-skip-tls-verify", "true", "a certificate authority is named too; leave one of them out");
        }

        return new ServerTrust(authorities is null ? null : Certificates(cluster, authorities), anyone, cluster.Text("tls-server-name"));
    }

    public static Uri? Proxy(ConfigNode cluster) => cluster.Text("proxy-url") switch
    {
        null => null,
        var text when Uri.TryCreate(text, UriKind.Absolute, out var proxy) && _proxySchemes.Contains(proxy.Scheme) => proxy,
        var text => throw cluster.Wrong("proxy-url", text, $"give an address that begins with {string.Join(", ", _proxySchemes.Select(static s => s + "://"))}"),
    };

    /// <summary>What <c>NAME-data</c> holds in base64, or the file <c>NAME</c>; the former counts where both are there.</summary>
    public static string? Pem(ConfigNode node, string name)
    {
        if (node.Text($"{name}-data") is { } data)
        {
            try
            {
                return Encoding.UTF8.GetString(Convert.FromBase64String(data));
            }
            catch (FormatException e)
            {
                throw node.Wrong($"{name}-data", "not base64", "encode the PEM file with `base64 -w0`", e);
            }
        }

        if (node.Text(name) is not { } file)
        {
            return null;
        }

        try
        {
            return File.ReadAllText(node.Resolve(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw node.Wrong(name, node.Resolve(file), $"cannot be read ({e.Message}); name a readable PEM file", e);
        }
    }

    private static X509Certificate2Collection Certificates(ConfigNode cluster, string pem)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw cluster.Wrong("certificate-authority", $"no certificate ({e.Message})", "give PEM", e);
        }

        return authorities.Count > 0 ? authorities : throw cluster.Wrong("certificate-authority", "holds no certificate", "give PEM with BEGIN CERTIFICATE");
    }
}
