using System.Net;
using System.Security.Cryptography;

namespace KvmAgent.Kubernetes;

/// <summary>How a server is reached, recognised, and convinced of who we are.</summary>
public sealed class KubernetesConnection
{
    internal KubernetesConnection(Uri server, string? ns, ServerTrust trust, Credentials credentials, IWebProxy? proxy, bool proxyOfEnvironment)
    {
        // Paths are appended to it: without the slash its last part would be replaced.
        Server = server.AbsolutePath.EndsWith('/') ? server : new UriBuilder(server) { Path = server.AbsolutePath + "/" }.Uri;
        Namespace = ns;
        Trust = trust;
        Credentials = credentials;
        Proxy = proxy;
        ProxyOfEnvironment = proxyOfEnvironment;
    }

    public Uri Server { get; }

    /// <summary>The service account's or the context's; null where none is named.</summary>
    public string? Namespace { get; }

    internal ServerTrust Trust { get; }

    internal Credentials Credentials { get; }

    internal IWebProxy? Proxy { get; }

    /// <summary>The proxy that a kubeconfig names; null: none, or the environment's.</summary>
    public Uri? NamedProxy => (Proxy as WebProxy)?.Address;

    /// <summary>Whether the server's certificate is looked at.</summary>
    public bool ChecksServer => !Trust.Anyone;

    /// <summary>HTTPS_PROXY and NO_PROXY count, where no proxy is named.</summary>
    internal bool ProxyOfEnvironment { get; }

    /// <summary>A server without more ado, and without a proxy.</summary>
    /// <param name="authorities">PEM; those alone are trusted. Null: the system's.</param>
    public static KubernetesConnection To(Uri server, string? token = null, string? ns = null, string? authorities = null) =>
        new(server, ns, authorities is null ? new ServerTrust() : ServerTrust.Of(authorities), new FixedCredentials(token is null ? new Credential() : Credential.OfToken(token)), null, proxyOfEnvironment: false);

    /// <summary>A server by what somebody has given of it. The environment's proxy counts.</summary>
    /// <param name="authorities">PEM; those alone are trusted. Null: the system's.</param>
    /// <exception cref="KubernetesConfigException">Something of it makes no sense; it names the login's field, and no value.</exception>
    public static KubernetesConnection To(Uri server, ServerLogin login, string? authorities)
    {
        var credential = login.Credential();
        try
        {
            return new(server, null, authorities is null ? new ServerTrust() : ServerTrust.Of(authorities), new FixedCredentials(credential), null, proxyOfEnvironment: true);
        }
        catch (CryptographicException e)
        {
            throw new KubernetesConfigException($"certificate_authority is no certificate: {e.Message}; give PEM with BEGIN CERTIFICATE", e);
        }
    }

    /// <summary>Of a kubeconfig that somebody else has sent: what would have something run or read here is refused by its name, and no value of it is told.</summary>
    /// <param name="context">Null: its current one.</param>
    /// <exception cref="KubernetesConfigException">It is refused, has no such context, or makes no sense.</exception>
    public static KubernetesConnection OfUpload(string kubeconfig, string? context) => UploadedKubeconfig.Connect(kubeconfig, context);

    /// <summary>For another program that believes this server's tokens.</summary>
    /// <returns>Null where the user shows something else: a certificate, a password.</returns>
    /// <exception cref="KubernetesConfigException">It cannot be had: a plugin failed, a file is gone.</exception>
    public async Task<string?> BearerTokenAsync(TimeProvider time, CancellationToken cancel)
    {
        const string scheme = "Bearer ";
        var shown = await Credentials.CurrentAsync(time, cancel).ConfigureAwait(false);
        return shown.Authorization?.StartsWith(scheme, StringComparison.Ordinal) == true ? shown.Authorization[scheme.Length..] : null;
    }

    /// <summary>The same server with this token instead of what is shown otherwise.</summary>
    internal KubernetesConnection With(string token) => new(Server, Namespace, Trust, new FixedCredentials(Credential.OfToken(token)), Proxy, ProxyOfEnvironment);

    /// <summary>As a pod's service account.</summary>
    /// <exception cref="KubernetesConfigException">This is no pod, or it has no service account.</exception>
    public static KubernetesConnection InCluster(string serviceAccountDir = ServiceAccount.DefaultDirectory) =>
        ServiceAccount.Connect(serviceAccountDir, Environment.GetEnvironmentVariable);

    /// <exception cref="KubernetesConfigException">There is no such file or context, or something in it is wrong.</exception>
    public static KubernetesConnection FromKubeconfig(KubeconfigOptions? options = null) =>
        Kubeconfig.Load(options ?? new KubeconfigOptions(), Environment.GetEnvironmentVariable).Connect();

    /// <summary>The named kubeconfig or context; otherwise the service account in a pod, the kubeconfig where one is there, or null.</summary>
    /// <exception cref="KubernetesConfigException">What is there is wrong.</exception>
    public static KubernetesConnection? Detect(KubeconfigOptions? options = null, string serviceAccountDir = ServiceAccount.DefaultDirectory) =>
        Detect(options ?? new KubeconfigOptions(), serviceAccountDir, Environment.GetEnvironmentVariable);

    internal static KubernetesConnection? Detect(KubeconfigOptions options, string serviceAccountDir, Func<string, string?> environment)
    {
        if (options.Paths is null && options.Context is null && ServiceAccount.IsInPod(environment))
        {
            return ServiceAccount.Connect(serviceAccountDir, environment);
        }

        return Kubeconfig.IsThere(options, environment) ? Kubeconfig.Load(options, environment).Connect() : null;
    }
}
