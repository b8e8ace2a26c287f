using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
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
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/kubevirt/vms/watch{query}");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using var response = await BeginAsync(request, HttpStatusCode.OK, cancel).ConfigureAwait(false);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false));
        var (name, data) = ("", "");
        while (await LineAsync(lines, time, cancel).ConfigureAwait(false) is { } line)
        {
            switch (line.Split(':', 2))
            {
                case ["event", var value]:
                    name = value.TrimStart(' ');
                    break;
                case ["data", var value]:
                    data += value;
                    break;
                case [""] when name == VmChange.OpenEventName:
                    (name, data) = ("", "");
                    yield return null;
                    break;
                case [""] when name == VmChange.EventName:
                    yield return Change(data);
                    (name, data) = ("", "");
                    break;
                default:
                    // A comment, or an event that a newer coordinator tells.
                    data = line.Length == 0 ? "" : data;
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

    private VmChange Change(string data)
    {
        try
        {
            return JsonSerializer.Deserialize(data, RestJson.Default.VmChange) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCodes.Unavailable, $"{_http.BaseAddress} tells no changes as a kvm-coordinator does: {e.Message}; see that the URL is that of its management API", e);
        }
    }
}
