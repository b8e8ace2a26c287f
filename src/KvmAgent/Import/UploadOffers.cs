using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using KvmAgent.Contracts.Link;
using KvmAgent.Link;
using KvmAgent.Qemu;
using KvmAgent.Settings;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Import;

/// <summary>What a replica gives of an image that somebody sends.</summary>
/// <param name="Offset">Where in the image it begins.</param>
/// <param name="Total">Of the whole image; null where that is not known.</param>
internal sealed record UploadOffer(IPAddress Address, HttpClient Client, HttpResponseMessage Response, Stream Content, long Offset, long? Total) : IDisposable
{
    public void Dispose()
    {
        Content.Dispose();
        Response.Dispose();
        Client.Dispose();
    }
}

/// <summary>Asks each replica for an image that a person sends to the coordinator, for the person comes to any.</summary>
/// <param name="resolve">Finds all addresses of the coordinator's name.</param>
internal sealed partial class UploadOffers(LinkSettings link, Func<string, CancellationToken, Task<IPAddress[]>> resolve, TimeProvider time, ILogger<UploadOffers> log)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10), AskAgain = TimeSpan.FromSeconds(1);

    /// <summary>The first that comes, which goes on there or begins anew; the others are left.</summary>
    /// <param name="offset">How many bytes there are already.</param>
    /// <param name="total">Of how many, where that is known.</param>
    public async Task<UploadOffer> NextAsync(long offset, long? total, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var asked = new Dictionary<IPAddress, Task<UploadOffer>>();
        UploadOffer? first = null;
        try
        {
            while (first is null)
            {
                foreach (var address in await AddressesAsync(end.Token).ConfigureAwait(false))
                {
                    if (!asked.ContainsKey(address))
                    {
                        asked[address] = AskAsync(address, offset, total, end.Token);
                    }
                }

                var pause = Task.Delay(asked.Count == 0 ? AskAgain : LookEvery, time, end.Token);
                var done = await Task.WhenAny(asked.Values.Append(pause)).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
                first = done is Task<UploadOffer> answered ? await answered.ConfigureAwait(false) : null;
            }

            LogComes(first.Address, first.Offset);
            return first;
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            foreach (var other in asked.Values)
            {
                await ((Task)other).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (other.IsCompletedSuccessfully && !ReferenceEquals(other.Result, first))
                {
                    other.Result.Dispose();
                }
            }
        }
    }

    /// <summary>Until it has one: a replica that is restarted, or does not know the pod yet, is asked again.</summary>
    private async Task<UploadOffer> AskAsync(IPAddress address, long offset, long? total, CancellationToken cancel)
    {
        string? told = null;
        while (true)
        {
            try
            {
                return await AskOnceAsync(address, offset, total, cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or CryptographicException && !cancel.IsCancellationRequested)
            {
                if (told != e.Message)
                {
                    LogFailed(address, told = e.Message);
                }
            }

            await Task.Delay(AskAgain, time, cancel).ConfigureAwait(false);
        }
    }

    private async Task<UploadOffer> AskOnceAsync(IPAddress address, long offset, long? total, CancellationToken cancel)
    {
        // The wait has no end; a connection that is dead is found out by its pings.
        var client = new HttpClient(LinkHttp.Handler(link, address)) { Timeout = Timeout.InfiniteTimeSpan };
        HttpResponseMessage? response = null;
        try
        {
            using var request = await LinkHttp.RequestAsync(link, HttpMethod.Get, ImporterProtocol.UploadPath, cancel).ConfigureAwait(false);
            request.Headers.Add(ImporterProtocol.UploadOffset, offset.ToString(CultureInfo.InvariantCulture));
            if (total is not null)
            {
                request.Headers.Add(ImporterProtocol.UploadLength, total.Value.ToString(CultureInfo.InvariantCulture));
            }

            response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                var why = response.Headers.WwwAuthenticate.FirstOrDefault()?.Parameter ?? "";
                throw new HttpRequestException($"refused with {(int)response.StatusCode} {ConsoleText.Clean(why, 256)}".TrimEnd());
            }

            var begins = Number(response, ImporterProtocol.UploadOffset);
            return begins == 0 || begins == offset
                ? new UploadOffer(
                    address, client, response, await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false), begins.Value, Number(response, ImporterProtocol.UploadLength))
                : throw new HttpRequestException($"has what begins at byte {begins?.ToString(CultureInfo.InvariantCulture) ?? "?"}; {offset} was asked for");
        }
        catch
        {
            response?.Dispose();
            client.Dispose();
            throw;
        }
    }

    private async Task<IReadOnlyList<IPAddress>> AddressesAsync(CancellationToken cancel)
    {
        try
        {
            return await resolve(link.Url!.DnsSafeHost, cancel).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            LogUnknown(link.Url!.DnsSafeHost, e.Message);
            return [];
        }
    }

    private static long? Number(HttpResponseMessage response, string header) =>
        response.Headers.TryGetValues(header, out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    [LoggerMessage(Level = LogLevel.Debug, Message = "an upload comes by the coordinator at {Address}, from byte {Offset}")]
    private partial void LogComes(IPAddress address, long offset);

    [LoggerMessage(Level = LogLevel.Information, Message = "the coordinator at {Address} cannot be asked for an upload, it is tried again: {Error}")]
    private partial void LogFailed(IPAddress address, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the coordinator {Host} is not found, it is tried again: {Error}")]
    private partial void LogUnknown(string host, string error);
}
