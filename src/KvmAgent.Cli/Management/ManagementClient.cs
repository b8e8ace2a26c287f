using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KvmAgent.Cli.Login;
using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;

namespace KvmAgent.Cli.Management;

/// <summary>The coordinator's management API, as `kvmctl login` has been told of it.</summary>
internal sealed partial class ManagementClient : IDisposable
{
    /// <summary>A restart answers when the guest has shut down.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly HttpClient _http;
    private readonly X509Certificate2Collection? _authorities;

    private ManagementClient(Uri server, string? serverName, string token, X509Certificate2Collection? authorities)
    {
        _authorities = authorities;
        _http = new HttpClient(Handler(authorities)) { BaseAddress = server, Timeout = Limit };
        // The only way to another name in TLS that the runtime has.
        _http.DefaultRequestHeaders.Host = serverName;
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>As somebody is logged in.</summary>
    /// <exception cref="CliException">Nobody is.</exception>
    public static Task<ManagementClient> OfAsync(CancellationToken cancel)
    {
        var path = LoginFile.Path(EnvironmentVariables.All());
        return OfAsync(
            LoginFile.Read(path) ?? throw new CliException(ExitCodes.Usage, $"there is no {path}; run `kvmctl login URL`, or set KVMCTL_CONFIG to the kvmctl.json that a coordinator alone has written"),
            cancel);
    }

    /// <exception cref="CliException">What it says cannot be used.</exception>
    public static async Task<ManagementClient> OfAsync(LoginFile login, CancellationToken cancel)
    {
        if (!Uri.TryCreate(login.Server, UriKind.Absolute, out var server) || server.Scheme != Uri.UriSchemeHttps || server.UserInfo.Length > 0 || server.PathAndQuery != "/")
        {
            throw new CliException(ExitCodes.Usage, $"\"{login.Server}\" is no https URL of a server; give one such as https://vms.example.org");
        }

        var token = login.Token ?? await TokenAsync(login, cancel).ConfigureAwait(false);
        if (token.Length == 0 || token.Any(static c => c is <= ' ' or > '~'))
        {
            throw new CliException(ExitCodes.Usage, "the token is empty or has characters that no token has; get another, as by `kubectl create token`");
        }

        if (login.TlsServerName is { } name && Uri.CheckHostName(name) == UriHostNameType.Unknown)
        {
            throw new CliException(ExitCodes.Usage, $"--tls-server-name \"{name}\" is no name of a host; give one such as kvm-coordinator-management.kvm-system.svc");
        }

        return new ManagementClient(server, login.TlsServerName, token, Authorities(login.CertificateAuthority));
    }

    public void Dispose()
    {
        _http.Dispose();
        foreach (var authority in _authorities ?? [])
        {
            authority.Dispose();
        }
    }

    /// <summary>Whether the server is a coordinator that takes the token: what a caller may, it says later.</summary>
    public async Task CheckAsync(CancellationToken cancel)
    {
        try
        {
            await PostAsync("/kubevirt/vms/list", new VmListRequest { Limit = 1 }, RestJson.Default.VmListRequest, RestJson.Default.VmList, cancel).ConfigureAwait(false);
        }
        catch (CliException e) when (e.ExitCode == ExitCodes.NoPermission && e.Message.Contains("forbidden", StringComparison.Ordinal))
        {
            // Known, but may not list there.
        }
    }

    public Task<TAnswer> GetAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answer, CancellationToken cancel) => SendAsync(HttpMethod.Get, path, null, answer, cancel);

    public Task<TAnswer> DeleteAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answer, CancellationToken cancel) => SendAsync(HttpMethod.Delete, path, null, answer, cancel);

    public Task<TAnswer> PostAsync<TRequest, TAnswer>(string path, TRequest body, JsonTypeInfo<TRequest> request, JsonTypeInfo<TAnswer> answer, CancellationToken cancel) =>
        SendAsync(HttpMethod.Post, path, JsonContent.Create(body, request), answer, cancel);

    /// <summary>Where the path says all.</summary>
    public Task<TAnswer> PostAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answer, CancellationToken cancel) => SendAsync(HttpMethod.Post, path, null, answer, cancel);

    private async Task<TAnswer> SendAsync<TAnswer>(HttpMethod method, string path, HttpContent? content, JsonTypeInfo<TAnswer> type, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        try
        {
            using var response = await _http.SendAsync(request, cancel).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                throw await FailureAsync(response, cancel).ConfigureAwait(false);
            }

            return await response.Content.ReadFromJsonAsync(type, cancel).ConfigureAwait(false) ?? throw new JsonException("it is null");
        }
        catch (HttpRequestException e)
        {
            throw NoAnswer(e);
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCodes.Unavailable, $"{_http.BaseAddress} gives no answer of a kvm-coordinator: {e.Message}; see that the URL is that of its management API", e);
        }
        catch (TaskCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new CliException(ExitCodes.TryAgain, $"{_http.BaseAddress} did not answer within {Limit.TotalMinutes} minutes; look with `kvmctl vm list`", e);
        }
    }

    private CliException NoAnswer(HttpRequestException e) => new(
        ExitCodes.Unavailable, $"{_http.BaseAddress} does not answer: {e.InnerException?.Message ?? e.Message}; see that it runs, and that its certificate is trusted (login --ca-file) and of that name (--tls-server-name)", e)
    { MayPass = true };

    private async Task<CliException> FailureAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        string? why = null;
        try
        {
            why = (await response.Content.ReadFromJsonAsync(RestJson.Default.RestError, cancel).ConfigureAwait(false))?.Error;
        }
        catch (JsonException)
        {
            // Somebody between has answered.
        }

        return why is not null ? new CliException(ExitCodeOf(response.StatusCode), why)
            : new CliException(ExitCodeOf(response.StatusCode), $"{_http.BaseAddress} answers {(int)response.StatusCode} {response.ReasonPhrase}, and not as a kvm-coordinator; see that the URL is that of its management API") { MayPass = true };
    }

    /// <param name="status">Of an answer, or behind <see cref="StreamCloses.Refused"/>.</param>
    public static int ExitCodeOf(HttpStatusCode status) => status switch
    {
        HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => ExitCodes.Usage,
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCodes.NoPermission,
        HttpStatusCode.Conflict or HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => ExitCodes.TryAgain,
        HttpStatusCode.NotFound or HttpStatusCode.NotImplemented or HttpStatusCode.BadGateway or HttpStatusCode.Gone => ExitCodes.Unavailable,
        _ => ExitCodes.Software,
    };

    /// <summary>Of the kubeconfig's user: those that plugins make expire, so none is kept.</summary>
    private static async Task<string> TokenAsync(LoginFile login, CancellationToken cancel)
    {
        var connection = KubernetesConnection.FromKubeconfig(new KubeconfigOptions { Paths = login.Kubeconfig is { } path ? [path] : null, Context = login.Context });
        return await connection.BearerTokenAsync(TimeProvider.System, cancel).ConfigureAwait(false)
            ?? throw new CliException(ExitCodes.Usage, "the kubeconfig's user has no token but a certificate or a password, which the coordinator cannot be shown; give --token-file, as of `kubectl create token`");
    }

    private static X509Certificate2Collection? Authorities(string? pem)
    {
        if (pem is null)
        {
            return null;
        }

        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new CliException(ExitCodes.Usage, $"the authority is no certificate: {e.Message}; give PEM", e);
        }

        return all.Count > 0 ? all : throw new CliException(ExitCodes.Usage, "the authority's PEM has no certificate; give one that begins with -----BEGIN CERTIFICATE-----");
    }

    private static SocketsHttpHandler Handler(X509Certificate2Collection? authorities)
    {
        // A token must not go anywhere else.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(15) };
        if (authorities is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            policy.CustomTrustStore.AddRange(authorities);
            handler.SslOptions.CertificateChainPolicy = policy;
        }

        return handler;
    }
}
