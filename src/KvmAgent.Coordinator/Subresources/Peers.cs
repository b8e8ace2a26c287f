using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>
/// The other replicas. Agents dial each, but a link may be lost or not made yet: then a request goes on, as it came, to a replica that has
/// one. Replicas are found behind the name that agents dial, listen at the same port, and know one another by the certificate that only they have.
/// </summary>
internal sealed class Peers : IDisposable
{
    /// <summary>Whoever says this is one of us or harms himself alone: what has been handed on once is not handed on again.</summary>
    private const string HandedOn = "X-Kvm-Coordinator-Handed-On";

    private const string LinkPath = "/peers/v1/links/";

    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(3);

    private static readonly HashSet<string> OfTheConnection = new(StringComparer.OrdinalIgnoreCase)
    {
        HeaderNames.Connection, HeaderNames.Host, HeaderNames.KeepAlive, HeaderNames.TransferEncoding, HandedOn,
    };

    private readonly string _name;
    private readonly int _port;
    private readonly ServingCertificate _own;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http;

    /// <param name="name">The host of the URL that agents dial.</param>
    /// <param name="port">Where each replica takes the API server's requests.</param>
    /// <param name="resolve">Finds all addresses of a name.</param>
    public Peers(string name, int port, ServingCertificate own, Func<string, CancellationToken, Task<IPAddress[]>> resolve, TimeProvider time)
    {
        (_name, _port, _own, _resolve, _time) = (name, port, own, resolve, time);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = AskLimit,
            // A rotated certificate is shown to a new connection.
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            SslOptions = new SslClientAuthenticationOptions
            {
                LocalCertificateSelectionCallback = (_, _, _, _, _) => own.Current,
                RemoteCertificateValidationCallback = (_, shown, _, errors) =>
                    !errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) && shown is X509Certificate2 certificate && own.IsOwnServer(certificate),
            },
        });
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Where the other replicas ask whether this one has a link.</summary>
    public void Map(IEndpointRouteBuilder routes, AgentRegistry agents) => routes.MapGet(
        LinkPath + "{uid}",
        (HttpContext context, string uid) => context.Connection.ClientCertificate is { } shown && _own.IsOwnClient(shown) && agents.Find(uid) is not null ? Results.Ok() : Results.NotFound());

    public static bool IsHandedOn(HttpRequest request) => request.Headers.ContainsKey(HandedOn);

    /// <returns>A replica that has a link of one of the pods' agents; null where none has, or none answers.</returns>
    public async Task<Uri?> FindAsync(IReadOnlyList<string> podUids, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(AskLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        IPAddress[] addresses;
        try
        {
            addresses = await _resolve(_name, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancel.IsCancellationRequested)
        {
            return null;
        }

        var asked = from address in addresses
                    let peer = new UriBuilder(Uri.UriSchemeHttps, address.ToString(), _port).Uri
                    from pod in podUids
                    select HasAsync(peer, pod, either.Token);
        await foreach (var answer in Task.WhenEach(asked).ConfigureAwait(false))
        {
            if (await answer.ConfigureAwait(false) is { } peer)
            {
                return peer;
            }
        }

        cancel.ThrowIfCancellationRequested();
        return null;
    }

    /// <summary>Hands a request on and its answer back, be it a stream.</summary>
    /// <exception cref="CoordinatorException">The replica does not answer.</exception>
    public async Task HandOnAsync(HttpContext context, Uri peer)
    {
        using var request = Copy(context.Request, peer);
        HttpResponseMessage answer;
        try
        {
            answer = await _http.SendAsync(request, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            throw new CoordinatorException(
                FailureReason.Unavailable, $"the replica of the coordinator that has the agent's link does not answer ({e.Message}); try again in a moment", e);
        }

        using (answer)
        {
            foreach (var header in answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated).Where(static h => !OfTheConnection.Contains(h.Key)))
            {
                context.Response.Headers[header.Key] = header.Value.ToArray();
            }

            var there = await answer.Content.ReadAsStreamAsync(context.RequestAborted).ConfigureAwait(false);
            await using (there.ConfigureAwait(false))
            {
                if (answer.StatusCode == HttpStatusCode.SwitchingProtocols)
                {
                    await UpgradeAsync(context, there).ConfigureAwait(false);
                    return;
                }

                context.Response.StatusCode = (int)answer.StatusCode;
                await there.CopyToAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
            }
        }
    }

    private HttpRequestMessage Copy(HttpRequest from, Uri peer)
    {
        var request = new HttpRequestMessage(new HttpMethod(from.Method), new Uri(peer, from.Path.ToUriComponent() + from.QueryString.ToUriComponent()))
        {
            Content = from.ContentLength > 0 || from.Headers.TransferEncoding.Count > 0 ? new StreamContent(from.Body) : null,
        };
        foreach (var (name, values) in from.Headers.Where(static h => !OfTheConnection.Contains(h.Key)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        if (from.HttpContext.WebSockets.IsWebSocketRequest)
        {
            request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        }

        // The name that the certificate must have, too.
        request.Headers.Host = _name;
        request.Headers.TryAddWithoutValidation(HandedOn, "1");
        return request;
    }

    /// <summary>Whatever is spoken from here on goes by as it is.</summary>
    private static async Task UpgradeAsync(HttpContext context, Stream there)
    {
        var here = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync().ConfigureAwait(false);
        await using (here.ConfigureAwait(false))
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            Task[] ways = [here.CopyToAsync(there, end.Token), there.CopyToAsync(here, end.Token)];
            await Task.WhenAny(ways).ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
            // How they end is told by what they spoke.
            await Task.WhenAll(ways).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>The peer, if it has.</returns>
    private async Task<Uri?> HasAsync(Uri peer, string podUid, CancellationToken cancel)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(peer, LinkPath + Uri.EscapeDataString(podUid)));
            request.Headers.Host = _name;
            using var answer = await _http.SendAsync(request, cancel).ConfigureAwait(false);
            return answer.StatusCode == HttpStatusCode.OK ? peer : null;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException)
        {
            // One that is going, or has gone.
            return null;
        }
    }
}
