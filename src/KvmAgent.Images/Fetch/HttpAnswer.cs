using System.Globalization;
using System.Net.Http.Headers;

namespace KvmAgent.Images.Fetch;

/// <summary>What is looked at in every answer that brings an image.</summary>
internal static class HttpAnswer
{
    /// <summary>What tells that a later answer is of the same image.</summary>
    /// <remarks>RFC 9110, 8.8.2.2: a date is strong only if the server's clock was past it when it answered.</remarks>
    public static RangeConditionHeaderValue? StrongValidator(HttpResponseMessage response)
    {
        if (response.Headers.ETag is { IsWeak: false } tag)
            return new RangeConditionHeaderValue(tag);
        return response.Content.Headers.LastModified is { } modified && response.Headers.Date >= modified.AddSeconds(1)
            ? new RangeConditionHeaderValue(modified) : null;
    }

    /// <summary>By what this version of the image is known, weak or not: for a look whether there is another, not for putting ranges together.</summary>
    public static string? Revision(HttpResponseMessage response) =>
        response.Headers.ETag?.ToString() ?? response.Content.Headers.LastModified?.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Reads a body; an end that comes early is the caller's to see.</summary>
    /// <returns>How many bytes came; one more than there is room for if there are more.</returns>
    public static async Task<int> FillAsync(HttpResponseMessage response, Memory<byte> room, Uri at, StallGuard stall, CancellationToken ct)
    {
        using var body = await stall.RunAsync(token => new ValueTask<Stream>(response.Content.ReadAsStreamAsync(token)), at, true, ct).ConfigureAwait(false);
        var (filled, beyond) = (0, new byte[1]);
        while (filled <= room.Length)
        {
            var into = filled < room.Length ? room[filled..] : beyond;
            var count = await stall.RunAsync<int>(token => body.ReadAsync(into, token), at, true, ct).ConfigureAwait(false);
            if (count == 0)
                break;
            filled += count;
        }
        return filled;
    }

    /// <exception cref="ImageException">The server packs what it sends.</exception>
    public static void DemandPlain(HttpResponseMessage response, string shown)
    {
        if (response.Content.Headers.ContentEncoding.Count > 0)
            throw new ImageException(ImageFailure.Refused,
                $"{shown} is refused: the server packs it ({string.Join(", ", response.Content.Headers.ContentEncoding)}) although told not to");
    }
}
