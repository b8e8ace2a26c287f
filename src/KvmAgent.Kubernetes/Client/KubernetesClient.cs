using System.Net.Mime;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

/// <summary>
/// One server's API. What fails is one of two: <see cref="KubernetesException"/> where the server says no, and
/// <see cref="HttpRequestException"/> where no whole answer came in time. (And <see cref="KubernetesConfigException"/> where a credential
/// cannot be had any more.) Nothing is tried again but, once, a request that was refused with an old credential.
/// </summary>
public sealed partial class KubernetesClient : IDisposable
{
    internal const int MostListBytes = 64 << 20, MostObjectBytes = 16 << 20;

    private readonly Transport _transport;
    private readonly Connections _connections;
    private readonly bool _ownsConnections;
    private readonly TimeProvider _time;
    private readonly KubernetesClientOptions _options;

    public KubernetesClient(KubernetesConnection connection, TimeProvider time, KubernetesClientOptions? options = null)
        : this(connection, new Connections(connection, options?.Connect), time, options ?? new KubernetesClientOptions()) => _ownsConnections = true;

    private KubernetesClient(KubernetesConnection connection, Connections connections, TimeProvider time, KubernetesClientOptions options)
    {
        (_connections, _time, _options) = (connections, time, options);
        _transport = new Transport(connection, connections, time, options.UserAgent);
        Connection = connection;
    }

    public KubernetesConnection Connection { get; }

    /// <summary>
    /// The same server for somebody else, by a token and nothing besides: what that one may not do fails as forbidden. It uses this one's connections
    /// and need not be disposed of.
    /// </summary>
    public KubernetesClient For(string token) => new(Connection.With(token), _connections, _time, _options);

    /// <summary>The text of <c>/version</c>, <c>/openapi/v3</c> and the like.</summary>
    /// <param name="path">With its query.</param>
    public Task<string> GetRawAsync(string path, CancellationToken ct) =>
        AskAsync(HttpMethod.Get, path.TrimStart('/'), null, null, MostListBytes, static bytes => Encoding.UTF8.GetString(bytes), ct);

    /// <summary>For subresources whose body is of another group than their path, as TokenRequest and Binding, and for those that are no objects.</summary>
    /// <param name="path">With its query.</param>
    /// <returns>The answer's text, which may be empty.</returns>
    public Task<string> SendRawAsync(HttpMethod method, string path, JsonNode body, CancellationToken ct) =>
        AskAsync(method, path.TrimStart('/'), KubernetesJson.Bytes(body), MediaTypeNames.Application.Json, MostObjectBytes, static bytes => Encoding.UTF8.GetString(bytes), ct);

    public void Dispose()
    {
        if (_ownsConnections)
        {
            _connections.Dispose();
        }
    }

    private delegate TAnswer Read<TAnswer>(ReadOnlySpan<byte> json);

    private Task<T> AskObjectAsync<T>(
        ResourceKind<T> kind, HttpMethod method, string path, byte[]? body, CancellationToken ct, string contentType = MediaTypeNames.Application.Json)
        where T : class, IKubernetesObject =>
        AskAsync(method, path, body, contentType, MostObjectBytes, json => KubernetesJson.ReadObject(kind, json), ct);

    private async Task<TAnswer> AskAsync<TAnswer>(
        HttpMethod method, string path, byte[]? body, string? contentType, int limit, Read<TAnswer> read, CancellationToken ct)
    {
        var request = $"{method} /{path}";
        if (body?.Length > MostObjectBytes)
        {
            throw new ArgumentException($"{request}: the body has {body.Length} bytes, more than {MostObjectBytes >> 20} MiB; no server takes that", nameof(body));
        }

        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            using var response = await _transport.SendAsync(method, path, body, contentType, either.Token).ConfigureAwait(false);
            var bytes = await Body.ReadAsync(response, limit, request, either.Token).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? read(bytes.Span) : throw Failure.Of(request, response, bytes, _time.GetUtcNow(), Connection.Credentials);
        }
        catch (Exception e) when (NoAnswer(request, e, _options.RequestTimeout, ct) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>The one exception for all the ways in which no answer comes.</summary>
    /// <returns>Null where it is something else, or already that exception.</returns>
    private HttpRequestException? NoAnswer(string request, Exception e, TimeSpan within, CancellationToken ct) => e switch
    {
        OperationCanceledException when !ct.IsCancellationRequested => new HttpRequestException(
            HttpRequestError.Unknown, $"{request}: no whole answer from {Connection.Server} within {within.TotalSeconds} s", new TimeoutException(null, e)),
        IOException => new HttpRequestException(HttpRequestError.ResponseEnded, $"{request}: {Connection.Server} broke the answer off: {e.Message}", e),
        // The handler asks a new connection for its other end, and where that has been reset already the failure comes as it is.
        SocketException => new HttpRequestException(HttpRequestError.ConnectionError, $"{request}: {Connection.Server} reset the connection: {e.Message}", e),
        JsonException => new HttpRequestException(HttpRequestError.InvalidResponse, $"{request}: the answer is not understood: {e.Message}", e),
        _ => null,
    };

    /// <summary>Where one object is.</summary>
    private static string PathOf<T>(ResourceKind<T> kind, string? ns, string name, string? subresource = null)
        where T : class, IKubernetesObject
    {
        // Without its name the path is that of the collection: a deletion of one would be one of all.
        if (string.IsNullOrEmpty(name) || name is "." or "..")
        {
            throw new ArgumentException($"\"{name}\" is no name of a {kind.Kind}", nameof(name));
        }

        return kind.Path(NamespaceOf(kind, ns), name, subresource);
    }

    private static string? NamespaceOf<T>(ResourceKind<T> kind, string? ns)
        where T : class, IKubernetesObject =>
        kind.Namespaced && string.IsNullOrEmpty(ns) ? throw new ArgumentException($"a {kind.Kind} needs a namespace; none is given", nameof(ns)) : ns;
}
