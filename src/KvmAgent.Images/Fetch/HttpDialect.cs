using System.Net.Http.Headers;

namespace KvmAgent.Images.Fetch;

/// <summary>What a kind of server adds to plain HTTP: how it is shown who asks, and what it means by answers that bring no image.</summary>
internal abstract class HttpDialect
{
    /// <summary>What is shown to the source's origin, and to no other.</summary>
    public virtual AuthenticationHeaderValue? Authorization => null;

    /// <summary>Looks at an answer that is no success.</summary>
    /// <param name="source">Whose it is.</param>
    /// <param name="response">The answer, with its request.</param>
    /// <param name="client">For questions of its own.</param>
    /// <param name="stall">Limits silence.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>Whether the same should be asked once more, since there is another <see cref="Authorization"/> now.</returns>
    /// <exception cref="ImageException">It knows better than the status alone what is wrong.</exception>
    public abstract Task<bool> AskAgainAsync(HttpSource source, HttpResponseMessage response, HttpClient client, StallGuard stall, CancellationToken ct);

    /// <summary>The beginning of an answer's body, for what a server says of itself; empty where it does not come.</summary>
    protected static async Task<byte[]> ReadSomeAsync(HttpResponseMessage response, int most, StallGuard stall, CancellationToken ct)
    {
        var (room, filled, at) = (new byte[most], 0, response.RequestMessage!.RequestUri!);
        try
        {
            using var body = await stall.RunAsync(token => new ValueTask<Stream>(response.Content.ReadAsStreamAsync(token)), at, true, ct).ConfigureAwait(false);
            while (filled < most && await stall.RunAsync<int>(token => body.ReadAsync(room.AsMemory(filled), token), at, true, ct).ConfigureAwait(false) is var count and > 0)
                filled += count;
        }
        catch (PassingFault)
        {
            // The status is what counts.
        }
        return room[..filled];
    }
}
