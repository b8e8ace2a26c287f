using System.Net.Sockets;
using System.Security.Authentication;

namespace KvmAgent.Images.Fetch;

/// <summary>A failure that may pass; <see cref="IsContact"/> when not even a connection came about.</summary>
internal sealed class PassingFault(string message, Exception? cause = null, bool isContact = false, TimeSpan? retryAfter = null)
    : Exception(message, cause)
{
    public bool IsContact { get; } = isContact;

    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>Tells what a network exception means: a fault that may pass, or the end.</summary>
internal static class HttpFault
{
    /// <param name="e">What the client threw.</param>
    /// <param name="at">The address asked.</param>
    /// <param name="begun">Whether bytes of the image came already: then even a name that is gone may come back.</param>
    public static Exception Explain(Exception e, Uri at, bool begun)
    {
        var proxy = HttpProxy.For(at);
        var through = proxy is null ? "" : $" through the proxy {proxy.Host}:{proxy.Port}";
        var name = proxy is null ? $"'{at.Host}'" : $"'{proxy.Host}' of the proxy";
        if (e is OperationCanceledException)
            return new PassingFault($"no connection to {at.Host}:{at.Port}{through} in time", e, isContact: true);
        if (e is not HttpRequestException request)
            return new PassingFault($"the connection to {at.Host} broke: {e.Message}", e);

        if (request.InnerException is ImageException refused) // by the address guard
            return refused;
        var socket = request.InnerException as SocketException;
        switch (request.HttpRequestError)
        {
            case HttpRequestError.NameResolutionError when !begun && socket?.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData:
                return Final($"the name {name} does not resolve; check its spelling and the DNS servers");
            case HttpRequestError.NameResolutionError:
                return new PassingFault($"the name {name} does not resolve now", e, isContact: true);
            case HttpRequestError.ConnectionError:
                return new PassingFault($"no connection to {at.Host}:{at.Port}{through}: {socket?.Message ?? request.Message}", e, isContact: true);
            case HttpRequestError.ProxyTunnelError:
                return new PassingFault($"no connection to {at.Host}:{at.Port}{through}: {request.Message}", e, isContact: true);
            case HttpRequestError.SecureConnectionError when request.InnerException is AuthenticationException tls:
                return Final($"TLS with {at.Host}:{at.Port} fails: {(tls.InnerException ?? tls).Message}; if its certificate is from a CA of your own, give that CA's file");
            case HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded:
                return Final($"{at.Host}:{at.Port} does not answer in HTTP ({request.Message}); check scheme and port");
            default:
                return new PassingFault($"the connection to {at.Host} broke: {request.InnerException?.Message ?? request.Message}", e);
        }

        ImageException Final(string what) => new(ImageFailure.Unavailable, $"{HttpAddress.Show(at)} is not available: {what}", e);
    }
}
