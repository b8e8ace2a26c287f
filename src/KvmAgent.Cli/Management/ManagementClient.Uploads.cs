using System.Globalization;
using System.Net;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Management;

internal sealed partial class ManagementClient
{
    /// <summary>How much of an image is there.</summary>
    /// <returns>In bytes; null where nobody takes any now: not yet, or no more.</returns>
    /// <exception cref="CliException">It is not told.</exception>
    public async Task<long?> OffsetAsync(string path, CancellationToken cancel)
    {
        using var request = Upload(HttpMethod.Head, path);
        using var response = await SendUploadAsync(request, cancel).ConfigureAwait(false);
        return response.StatusCode switch
        {
            HttpStatusCode.OK when response.Headers.TryGetValues(ImageUploads.Offset, out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var offset) => offset,
            HttpStatusCode.ServiceUnavailable or HttpStatusCode.Gone or HttpStatusCode.NotFound => null,
            var status => throw new CliException(ExitCodeOf(status), $"{_http.BaseAddress} answers {(int)status} {response.ReasonPhrase} where it was asked how much of the image is there"),
        };
    }

    /// <summary>Sends what comes next.</summary>
    /// <param name="length">Of the whole image.</param>
    /// <exception cref="CliException">It is not taken, or not all of it.</exception>
    public async Task SendPartAsync(string path, HttpContent part, long offset, long length, CancellationToken cancel)
    {
        using var request = Upload(HttpMethod.Patch, path);
        request.Headers.Add(ImageUploads.Offset, offset.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(ImageUploads.Length, length.ToString(CultureInfo.InvariantCulture));
        request.Content = part;
        // A refusal in the middle of what is sent would be a broken connection, and no words.
        request.Headers.ExpectContinue = true;
        using var response = await SendUploadAsync(request, cancel).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw await FailureAsync(response, cancel).ConfigureAwait(false);
        }
    }

    private static HttpRequestMessage Upload(HttpMethod method, string path) => new(method, path) { Headers = { { ImageUploads.VersionHeader, ImageUploads.Version } } };

    private async Task<HttpResponseMessage> SendUploadAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        try
        {
            return await _http.SendAsync(request, cancel).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw NoAnswer(e);
        }
        catch (TaskCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new CliException(ExitCodes.TryAgain, $"{_http.BaseAddress} did not take it within {Limit.TotalMinutes} minutes", e);
        }
    }
}
