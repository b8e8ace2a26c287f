using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>Server-sent events, by the HTML standard.</summary>
internal static class ServerEvents
{
    public const string Media = "text/event-stream", LastId = "Last-Event-ID";

    /// <summary>So often something is sent, and the caller's rights are looked at again: idle streams live behind proxies.</summary>
    public static readonly TimeSpan Beat = TimeSpan.FromSeconds(15);

    public static void Begin(HttpResponse response)
    {
        response.ContentType = Media;
        response.Headers.CacheControl = "no-store";
    }

    /// <param name="data">One line.</param>
    /// <param name="id">Where a client may go on later; null: none.</param>
    public static async Task SendAsync(HttpResponse response, string name, string data, CancellationToken cancel, long? id = null)
    {
        var place = id is { } number ? string.Create(CultureInfo.InvariantCulture, $"id: {number}\n") : "";
        await response.WriteAsync($"{place}event: {name}\ndata: {data}\n\n", cancel).ConfigureAwait(false);
        await response.Body.FlushAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>A comment.</summary>
    /// <param name="id">Likewise: how far it is without an event.</param>
    public static async Task BeatAsync(HttpResponse response, CancellationToken cancel, long? id = null)
    {
        await response.WriteAsync(id is { } number ? string.Create(CultureInfo.InvariantCulture, $":\nid: {number}\n\n") : ":\n\n", cancel).ConfigureAwait(false);
        await response.Body.FlushAsync(cancel).ConfigureAwait(false);
    }
}
