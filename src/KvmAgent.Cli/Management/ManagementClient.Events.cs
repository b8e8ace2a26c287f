using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Management;

internal sealed partial class ManagementClient
{
    /// <summary>The coordinator says something every 15 s, if only that it is there.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(60);

    /// <summary>Changes of machines, as <c>GET /kubevirt/vms/watch</c> tells them; null first, when each change from then on is told.</summary>
    /// <param name="query">With its question mark.</param>
    /// <exception cref="CliException">It is refused, or breaks; <see cref="CliException.MayPass"/> tells whether dialling again helps. At the server's end the sequence ends.</exception>
    public async IAsyncEnumerable<VmChange?> WatchAsync(string query, TimeProvider time, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var next in StreamAsync($"/kubevirt/vms/watch{query}", null, time, cancel).ConfigureAwait(false))
        {
            switch (next.Name)
            {
                case VmChange.OpenEventName:
                    yield return null;
                    break;
                case VmChange.EventName:
                    yield return Read(next, RestJson.Default.VmChange);
                    break;
            }
        }
    }

    /// <summary>What happens to machines, as <c>GET /kubevirt/events/watch</c> tells it.</summary>
    /// <param name="query">With its question mark.</param>
    /// <param name="after">The last id that is known.</param>
    /// <returns>How far it is, and what has happened; null where there is only the former, or <see cref="HistoryStream.Gap"/>.</returns>
    /// <exception cref="CliException">Likewise.</exception>
    public async IAsyncEnumerable<(long After, HistoryEvent? Happened, bool IsGap)> HistoryAsync(string query, long after, TimeProvider time, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var next in StreamAsync($"/kubevirt/events/watch{query}", after, time, cancel).ConfigureAwait(false))
        {
            switch (next.Name)
            {
                case HistoryStream.Happened:
                    var happened = Read(next, RestJson.Default.HistoryEvent);
                    yield return (happened.Id, happened, false);
                    break;
                case HistoryStream.Gap:
                    yield return (Read(next, RestJson.Default.HistoryPosition).After, null, true);
                    break;
                case "" when next.Id is { } id:
                    yield return (id, null, false);
                    break;
            }
        }
    }

    /// <summary>Server-sent events.</summary>
    private async IAsyncEnumerable<ServerEvent> StreamAsync(string path, long? after, TimeProvider time, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (after is { } last)
        {
            request.Headers.Add("Last-Event-ID", last.ToString(CultureInfo.InvariantCulture));
        }

        using var response = await BeginAsync(request, HttpStatusCode.OK, cancel).ConfigureAwait(false);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false));
        var next = new ServerEvent("", "", null);
        while (await LineAsync(lines, time, cancel).ConfigureAwait(false) is { } line)
        {
            switch (line.Split(':', 2))
            {
                case ["event", var value]:
                    next = next with { Name = value.TrimStart(' ') };
                    break;
                case ["data", var value]:
                    next = next with { Data = next.Data + value };
                    break;
                case ["id", var value] when long.TryParse(value.TrimStart(' '), NumberStyles.None, CultureInfo.InvariantCulture, out var id):
                    next = next with { Id = id };
                    break;
                case [""]:
                    yield return next;
                    next = new ServerEvent("", "", null);
                    break;
            }
        }
    }

    /// <summary>Sends it, and reads no more of the answer than that it is as wanted.</summary>
    /// <exception cref="CliException">It is not.</exception>
    private async Task<HttpResponseMessage> BeginAsync(HttpRequestMessage request, HttpStatusCode wanted, CancellationToken cancel)
    {
        HttpResponseMessage? response = null;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
            if (response.StatusCode == wanted)
            {
                return response;
            }

            throw await FailureAsync(response, cancel).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            response?.Dispose();
            throw NoAnswer(e);
        }
        catch (CliException)
        {
            response?.Dispose();
            throw;
        }
    }

    private async Task<string?> LineAsync(StreamReader lines, TimeProvider time, CancellationToken cancel)
    {
        using var silence = new CancellationTokenSource(LongestSilence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancel);
        try
        {
            return await lines.ReadLineAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException || silence.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            var why = e is OperationCanceledException ? $"nothing came for {LongestSilence.TotalSeconds} s" : e.Message;
            throw new CliException(ExitCodes.TryAgain, $"{_http.BaseAddress} does not tell changes any more: {why}; try again", e);
        }
    }

    private T Read<T>(ServerEvent told, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(told.Data, type) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCodes.Unavailable, $"{_http.BaseAddress} tells no changes as a kvm-coordinator does: {e.Message}; see that the URL is that of its management API", e);
        }
    }

    /// <param name="Name">Empty: what only says how far it is.</param>
    private sealed record ServerEvent(string Name, string Data, long? Id);
}
