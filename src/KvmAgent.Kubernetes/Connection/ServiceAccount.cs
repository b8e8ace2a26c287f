using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvmAgent.Kubernetes;

/// <summary>What the kubelet gives a pod: the server's address in the environment, token and authority as files.</summary>
internal static class ServiceAccount
{
    public const string DefaultDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const string Host = "KUBERNETES_SERVICE_HOST", Port = "KUBERNETES_SERVICE_PORT";

    public static bool IsInPod(Func<string, string?> environment) =>
        !string.IsNullOrEmpty(environment(Host)) && !string.IsNullOrEmpty(environment(Port));

    public static KubernetesConnection Connect(string directory, Func<string, string?> environment)
    {
        if (!IsInPod(environment))
        {
            throw new KubernetesConfigException($"{Host} and {Port} are not set: this is no pod; use a kubeconfig");
        }

        var (host, port) = (environment(Host)!, environment(Port)!);
        if (Uri.CheckHostName(host) is UriHostNameType.Unknown || !ushort.TryParse(port, out var number))
        {
            throw new KubernetesConfigException($"{Host}={host}, {Port}={port}: no host and port; leave them as the kubelet sets them");
        }

        var tokens = new TokenFileCredentials(Path.Combine(directory, "token"), "service account token", null);
        _ = tokens.Read();
        var space = Path.Combine(directory, "namespace");
        // No proxy: the environment's NO_PROXY often names networks, which this runtime does not understand, and the server is next door.
        return new KubernetesConnection(
            new UriBuilder("https", host, number).Uri,
            File.Exists(space) ? File.ReadAllText(space).Trim() : null,
            new ServerTrust(Authorities(Path.Combine(directory, "ca.crt"))),
            tokens,
            null,
            proxyOfEnvironment: false);
    }

    private static X509Certificate2Collection Authorities(string path)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new KubernetesConfigException($"service account: {path} cannot be read: {e.Message}; is automountServiceAccountToken false?", e);
        }

        return authorities.Count > 0 ? authorities : throw new KubernetesConfigException($"service account: {path} holds no certificate; have it written anew");
    }
}
