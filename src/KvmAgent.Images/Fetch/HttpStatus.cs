using System.Net;

namespace KvmAgent.Images.Fetch;

/// <summary>What a status that brings no image means.</summary>
internal static class HttpStatus
{
    /// <summary>Whether an address is no longer good that was: a signed one of a mirror expires, and the source itself knows a new one.</summary>
    public static bool IsOutdated(HttpResponseMessage response) =>
        response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.Gone;

    /// <param name="response">The answer.</param>
    /// <param name="askAgain">Whether there is another way to ask, whatever the status.</param>
    /// <param name="shown">The source.</param>
    public static Exception Explain(HttpResponseMessage response, bool askAgain, string shown)
    {
        var status = response.StatusCode;
        var said = $"the server answered {(int)status} {response.ReasonPhrase}".TrimEnd();
        if (askAgain || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)status is 425 or >= 500)
            return new PassingFault(said, retryAfter: response.Headers.RetryAfter?.Delta);
        var remedy = status switch
        {
            HttpStatusCode.NotFound or HttpStatusCode.Gone => "check the address",
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => "check user, password or the headers file",
            HttpStatusCode.ProxyAuthenticationRequired => "put the proxy's user and password into http_proxy or https_proxy",
            _ => "an image comes with 200",
        };
        return new ImageException(ImageFailure.Unavailable, $"{shown} is not available: {said}; {remedy}");
    }
}
