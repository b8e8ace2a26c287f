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

    /// <exception cref="ImageException">The server packs what it sends.</exception>
    public static void DemandPlain(HttpResponseMessage response, string shown)
    {
        if (response.Content.Headers.ContentEncoding.Count > 0)
            throw new ImageException(ImageFailure.Refused,
                $"{shown} is refused: the server packs it ({string.Join(", ", response.Content.Headers.ContentEncoding)}) although told not to");
    }
}
