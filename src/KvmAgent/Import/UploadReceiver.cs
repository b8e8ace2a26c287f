using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using KvmAgent.Contracts.Link;
using KvmAgent.Images;
using KvmAgent.Link;
using KvmAgent.Qemu;
using KvmAgent.Settings;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Import;

/// <summary>
/// Waits for an image that a person sends to the coordinator. Each replica is asked, for the person comes to any; the first that has one
/// gives it, and the others are left.
/// </summary>
internal sealed partial class UploadReceiver(LinkSettings link, TimeProvider time, ILogger<UploadReceiver> log)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10), AskAgain = TimeSpan.FromSeconds(1);

    /// <param name="take">Reads it to its end; the coordinator is told that all was taken by that.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<T> ReceiveAsync<T>(Func<UploadedImage, Task<T>> take, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var asked = new Dictionary<IPAddress, Task<Answer>>();
        Answer? first = null;
        try
        {
            while (first is null)
            {
                foreach (var address in await AddressesAsync(end.Token).ConfigureAwait(false))
                {
                    if (!asked.ContainsKey(address))
                    {
                        asked[address] = AskAsync(address, end.Token);
                    }
                }

                var pause = Task.Delay(asked.Count == 0 ? AskAgain : LookEvery, time, end.Token);
                var done = await Task.WhenAny(asked.Values.Append(pause)).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
                first = done is Task<Answer> answered ? await answered.ConfigureAwait(false) : null;
            }

            LogBegins(first.Address);
            return await take(new UploadedImage(first.Content, first.Response.Content.Headers.ContentLength, "the upload")).ConfigureAwait(false);
        }
        finally
        {
            first?.Dispose();
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
    private async Task<Answer> AskAsync(IPAddress address, CancellationToken cancel)
    {
        string? told = null;
        while (true)
        {
            try
            {
                return await AskOnceAsync(address, cancel).ConfigureAwait(false);
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

    private async Task<Answer> AskOnceAsync(IPAddress address, CancellationToken cancel)
    {
        // The wait has no end; a connection that is dead is found out by its pings.
        var client = new HttpClient(LinkHttp.Handler(link, address)) { Timeout = Timeout.InfiniteTimeSpan };
        HttpResponseMessage? response = null;
        try
        {
            using var request = await LinkHttp.RequestAsync(link, HttpMethod.Get, ImporterProtocol.UploadPath, cancel).ConfigureAwait(false);
            response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                var why = response.Headers.WwwAuthenticate.FirstOrDefault()?.Parameter ?? "";
                throw new HttpRequestException($"refused with {(int)response.StatusCode} {ConsoleText.Clean(why, 256)}".TrimEnd());
            }

            return new Answer(address, client, response, await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false));
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
            return await Dns.GetHostAddressesAsync(link.Url!.DnsSafeHost, cancel).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            LogUnknown(link.Url!.DnsSafeHost, e.Message);
            return [];
        }
    }

    private sealed record Answer(IPAddress Address, HttpClient Client, HttpResponseMessage Response, Stream Content) : IDisposable
    {
        public void Dispose()
        {
            Content.Dispose();
            Response.Dispose();
            Client.Dispose();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "an upload comes by the coordinator at {Address}")]
    private partial void LogBegins(IPAddress address);

    [LoggerMessage(Level = LogLevel.Information, Message = "the coordinator at {Address} cannot be asked for an upload, it is tried again: {Error}")]
    private partial void LogFailed(IPAddress address, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the coordinator {Host} is not found, it is tried again: {Error}")]
    private partial void LogUnknown(string host, string error);
}
