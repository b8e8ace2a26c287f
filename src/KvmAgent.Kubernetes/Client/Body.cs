namespace KvmAgent.Kubernetes;

/// <summary>Reads an answer's body up to a limit.</summary>
internal static class Body
{
    /// <exception cref="HttpRequestException">It is longer.</exception>
    /// <exception cref="IOException">It broke off.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, int limit, string request, CancellationToken ct)
    {
        var announced = response.Content.Headers.ContentLength;
        if (announced > limit)
        {
            throw TooLong(request, limit);
        }

        // One byte more than announced, so that the end is seen without growing.
        var room = new byte[announced is { } length ? (int)length + 1 : 16384];
        var filled = 0;
        var stream = await response.Content.ReadAsStreamAsync(ct).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            while (await stream.ReadAsync(room.AsMemory(filled), ct).ConfigureAwait(false) is > 0 and var read)
            {
                filled += read;
                if (filled > limit)
                {
                    throw TooLong(request, limit);
                }

                if (filled == room.Length)
                {
                    Array.Resize(ref room, Math.Min(2 * room.Length, limit + 1));
                }
            }
        }

        return room.AsMemory(0, filled);
    }

    private static HttpRequestException TooLong(string request, int limit) => new(
        HttpRequestError.ConfigurationLimitExceeded, $"{request}: the answer is longer than {limit >> 20} MiB; ask for less, by a selector or in pages");
}
