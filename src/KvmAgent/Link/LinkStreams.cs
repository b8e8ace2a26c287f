using System.Net;
using System.Text.Json;
using KvmAgent.Contracts.Link;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Link;

/// <summary>
/// The streams that the coordinator at one address asked for: our end first, which is the answer, then a WebSocket for it to that same
/// address. A stream outlives the link on which it was asked for.
/// </summary>
internal sealed partial class LinkStreams(
    IPAddress address, LinkDialer dialer, StreamTargets targets, StreamOwners owners, TimeProvider time, ILogger<LinkStreams> log, CancellationToken ended)
{
    private const int MostOpen = 32, IdLength = 32;
    private static readonly TimeSpan TargetLimit = TimeSpan.FromSeconds(5);
    private static readonly JsonElement Done = JsonSerializer.SerializeToElement(LinkAck.Done, LinkJson.Default.LinkAck);

    private readonly ILogger _log = log;
    private int _open;

    /// <exception cref="JsonRpcException">It cannot be opened.</exception>
    public async Task<JsonElement> OpenAsync(OpenStreamRequest request, CancellationToken cancel)
    {
        // It becomes part of a URL.
        if (request.Id.Length != IdLength || !request.Id.All(char.IsAsciiHexDigit))
        {
            throw new JsonRpcException(LinkErrors.InvalidParams, $"the stream's id has not {IdLength} hexadecimal digits");
        }

        owners.Demand(request);
        if (Interlocked.Increment(ref _open) > MostOpen)
        {
            Interlocked.Decrement(ref _open);
            throw new JsonRpcException(LinkErrors.Busy, $"{MostOpen} streams are open already; close one of them");
        }

        try
        {
            using var limit = new CancellationTokenSource(TargetLimit, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
            var target = await targets.OpenAsync(request, either.Token).ConfigureAwait(false);
            _ = Task.Run(() => ServeAsync(request, target), CancellationToken.None);
            return Done;
        }
        catch
        {
            Interlocked.Decrement(ref _open);
            throw;
        }
    }

    private async Task ServeAsync(OpenStreamRequest request, StreamTarget target)
    {
        try
        {
            // From before it is dialled: the other end has it a moment earlier than we do.
            using var owner = owners.Reserve(request);
            using var socket = await dialer.DialAsync(address, LinkProtocol.StreamPath + request.Id, ended).ConfigureAwait(false);
            owner?.TakeOver();
            await StreamPump.RunAsync(socket, target, time, owner?.Lost ?? new CancellationToken(canceled: true), ended).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // All ends.
        }
        catch (IOException e)
        {
            LogFailed(request.Kind, address, e.Message);
        }
        catch (Exception e)
        {
            LogFault(e);
        }
        finally
        {
            await target.Bytes.DisposeAsync().ConfigureAwait(false);
            Interlocked.Decrement(ref _open);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "a stream ({Kind}) to the coordinator at {Address} failed: {Why}")]
    private partial void LogFailed(string kind, IPAddress address, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "a fault of the agent's link, please report it; the VM goes on")]
    private partial void LogFault(Exception fault);
}
