using System.Net;
using System.Net.Mime;

namespace KvmAgent.Kubernetes;

/// <summary>Requests with the credential on each. HTTP/2 where there is TLS, as other clients do: one connection for all watches.</summary>
/// <param name="connections">Of the same server; not disposed of here, for others may use them too.</param>
internal sealed class Transport(KubernetesConnection connection, Connections connections, TimeProvider time, string userAgent)
{
    /// <summary>As other clients say it. Of an aggregated API that declares no type for answers without a body, as KubeVirt's, JSON alone would be a 406.</summary>
    private const string JsonOrAny = MediaTypeNames.Application.Json + ", */*";

    /// <param name="path">Below the server's address, with its query.</param>
    /// <param name="accept">What may be answered.</param>
    /// <returns>With its body still to be read.</returns>
    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body, string? contentType, CancellationToken ct, string accept = JsonOrAny) => SendAsync(method, path, request =>
    {
        if (request.RequestUri!.Scheme == Uri.UriSchemeHttps)
        {
            request.Version = HttpVersion.Version20;
        }

        request.Headers.Accept.ParseAdd(accept);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
    }, ct);

    /// <summary>Asks for a WebSocket.</summary>
    public Task<HttpResponseMessage> UpgradeAsync(string path, WebSocketHandshake handshake, CancellationToken ct) =>
        SendAsync(HttpMethod.Get, path, handshake.Ask, ct);

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, Action<HttpRequestMessage> fill, CancellationToken ct)
    {
        var credential = await connection.Credentials.CurrentAsync(time, ct).ConfigureAwait(false);
        var response = await SendAsync(method, path, fill, credential, ct).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized && connection.Credentials.Refused(credential))
        {
            response.Dispose();
            credential = await connection.Credentials.CurrentAsync(time, ct).ConfigureAwait(false);
            response = await SendAsync(method, path, fill, credential, ct).ConfigureAwait(false);
        }

        return response;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, Action<HttpRequestMessage> fill, Credential credential, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(connection.Server, path));
        if (request.RequestUri!.Scheme == Uri.UriSchemeHttps)
        {
            // The only way to another name in TLS that the runtime has.
            request.Headers.Host = connection.Trust.Name;
        }

        request.Headers.UserAgent.ParseAdd(userAgent);
        if (credential.Authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", credential.Authorization);
        }

        fill(request);
        return await connections.With(credential.Certificate).SendAsync(request, ct).ConfigureAwait(false);
    }
}
