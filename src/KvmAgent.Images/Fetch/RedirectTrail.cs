using System.Net;

namespace KvmAgent.Images.Fetch;

/// <summary>Follows redirects within the limits that keep them harmless: few, no loop, http and https only, never from https to http (CVE-2009-0037).</summary>
internal sealed class RedirectTrail(HttpSource source, Uri start)
{
    private const int Most = 5, MostAgain = 2;

    private readonly List<Uri> _visited = [start];
    private int _askedAgain;

    public Uri At => _visited[^1];

    /// <summary>Asks, and follows redirects until somebody answers otherwise.</summary>
    public async Task<HttpResponseMessage> AskAsync(HttpClient client, Action<HttpRequestMessage> prepare, StallGuard stall, bool begun, CancellationToken ct)
    {
        while (true)
        {
            using var request = source.Request(At);
            prepare(request);
            HttpResponseMessage response;
            try
            {
                response = await stall.RunAsync(token => new ValueTask<HttpResponseMessage>(
                    client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token)), At, begun, ct).ConfigureAwait(false);
            }
            catch (ImageException e) when (e.Reason == ImageFailure.Refused && _visited.Count > 1)
            {
                // Who gave one address does not know the other.
                throw new ImageException(e.Reason, $"{source.Shown} redirects: {e.Message}", e);
            }
            try
            {
                if (!await GoesOnAsync(response, client, stall, ct).ConfigureAwait(false))
                    return response;
            }
            catch
            {
                response.Dispose();
                throw;
            }
            response.Dispose();
        }
    }

    private async Task<bool> GoesOnAsync(HttpResponseMessage response, HttpClient client, StallGuard stall, CancellationToken ct)
    {
        if (!response.IsSuccessStatusCode && _askedAgain < MostAgain && source.Dialect is { } dialect
            && await dialect.AskAgainAsync(source, response, client, stall, ct).ConfigureAwait(false))
        {
            _askedAgain++;
            return true;
        }
        if (!IsRedirect(response))
            return false;
        Follow(response);
        return true;
    }

    private static bool IsRedirect(HttpResponseMessage response) => response.StatusCode
        is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
        or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    private void Follow(HttpResponseMessage response)
    {
        if (response.Headers.Location is not { } location)
            throw Stop(ImageFailure.Unavailable, $"answers {(int)response.StatusCode} without saying where to");
        if (!Uri.TryCreate(At, location, out var next) || !HttpAddress.IsHttp(next))
            throw Stop(ImageFailure.Refused, $"redirects to something that is neither http nor https");
        if (At.Scheme == "https" && next.Scheme == "http")
            throw Stop(ImageFailure.Refused, $"redirects from https down to {HttpAddress.Show(next)}");
        next = HttpAddress.Bare(next);
        if (_visited.Contains(next))
            throw Stop(ImageFailure.Unavailable, $"redirects in a loop back to {HttpAddress.Show(next)}");
        if (_visited.Count > Most)
            throw Stop(ImageFailure.Unavailable, $"redirects more than {Most} times");
        _visited.Add(next);
    }

    private ImageException Stop(ImageFailure reason, string what) =>
        new(reason, $"{source.Shown} is not available: {HttpAddress.Show(At)} {what}; give the final address instead");
}
