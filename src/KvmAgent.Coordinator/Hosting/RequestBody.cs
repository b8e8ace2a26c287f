using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>Small bodies, read whole.</summary>
internal static class RequestBody
{
    /// <param name="longest">In bytes.</param>
    /// <returns>From its beginning; null where it is longer.</returns>
    public static async Task<MemoryStream?> ReadAsync(HttpRequest request, int longest, CancellationToken cancel)
    {
        var text = new MemoryStream();
        var buffer = new byte[4096];
        while (await request.Body.ReadAsync(buffer, cancel).ConfigureAwait(false) is > 0 and var read)
        {
            text.Write(buffer.AsSpan(0, read));
            if (text.Length > longest)
            {
                return null;
            }
        }

        text.Position = 0;
        return text;
    }
}
