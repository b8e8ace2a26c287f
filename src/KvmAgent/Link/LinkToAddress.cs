using System.Net;
using System.Text.Json;
using KvmAgent.Contracts.Link;
using KvmAgent.Qemu;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Link;

/// <summary>The link to one address: dialled again and again, with pauses that grow from 0.5 to 30 s and have full jitter.</summary>
internal sealed partial class LinkToAddress(
    IPAddress address,
    LinkDialer dialer,
    LinkReports reports,
    LinkCommands commands,
    LinkStreams streams,
    TimeProvider time,
    ILogger<LinkToAddress> log)
{
    private const int LongestReason = 256;
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(0.5), Longest = TimeSpan.FromSeconds(30), Stable = TimeSpan.FromSeconds(30);

    private readonly ILogger _log = log;
    private string? _fault;

    /// <summary>Runs until the address is nobody's any more.</summary>
    /// <param name="stillKnown">Asked when a link ended.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task RunAsync(Func<bool> stillKnown, CancellationToken cancel)
    {
        var pause = Shortest;
        do
        {
            var began = time.GetTimestamp();
            var why = await LinkOnceAsync(cancel).ConfigureAwait(false);
            if (why is null)
            {
                _fault = null;
                LogEnrolled(address);
            }
            else if (why != _fault)
            {
                LogAway(address, _fault = why);
            }

            pause = time.GetElapsedTime(began) >= Stable ? Shortest : pause;
            await Task.Delay(pause * Random.Shared.NextDouble(), time, cancel).ConfigureAwait(false);
            pause = pause * 2 < Longest ? pause * 2 : Longest;
        }
        while (stillKnown());
    }

    /// <summary>Completes when the coordinator at this address knows everything; at once where none is linked.</summary>
    public Task FinishAsync() => reports.FinishAsync();

    /// <returns>Why it ended; null: the VM has a token of its own now, to dial again with.</returns>
    private async Task<string?> LinkOnceAsync(CancellationToken cancel)
    {
        try
        {
            var socket = await dialer.DialAsync(address, LinkProtocol.LinkPath, cancel).ConfigureAwait(false);
            using var peer = new JsonRpcPeer(socket, AnswerAsync, inOrder: false, time);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var reading = peer.RunAsync(ending.Token);
            var reporting = reports.RunAsync(peer, Linked, ending.Token);
            await Task.WhenAny(reading, reporting).ConfigureAwait(false);
            var faulted = reporting.IsFaulted;
            await ending.CancelAsync().ConfigureAwait(false);
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
            // Also where the other end closed as soon as it had said yes.
            return reporting.IsCompletedSuccessfully ? null : Clean(faulted ? reporting.Exception!.InnerException!.Message : reading.IsCompletedSuccessfully ? await reading.ConfigureAwait(false) : "it ended");
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw;
        }
        catch (IOException e)
        {
            return Clean(e.Message);
        }
        catch (Exception e)
        {
            // A fault of ours; the VM is not to suffer from it.
            LogFault(e);
            return Clean(e.Message);
        }
    }

    private void Linked()
    {
        _fault = null;
        LogLinked(address);
    }

    private async Task<JsonElement> AnswerAsync(string method, JsonElement parameters, CancellationToken cancel)
    {
        try
        {
            LogAsked(method);
            return method == LinkMethods.OpenStream
                ? await streams.OpenAsync(parameters.Deserialize(LinkJson.Default.OpenStreamRequest) ?? throw new JsonException("no parameters"), cancel).ConfigureAwait(false)
                : await commands.AnswerAsync(method, parameters, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not (JsonRpcException or JsonException or OperationCanceledException))
        {
            LogFault(e);
            throw;
        }
    }

    private static string Clean(string text) => ConsoleText.Clean(text, LongestReason);

    [LoggerMessage(Level = LogLevel.Information, Message = "linked to the coordinator at {Address}")]
    private partial void LogLinked(IPAddress address);

    [LoggerMessage(Level = LogLevel.Information, Message = "enrolled with the coordinator at {Address}; the VM has a token of its own now")]
    private partial void LogEnrolled(IPAddress address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "no link to the coordinator at {Address}: {Why}; the VM goes on without it")]
    private partial void LogAway(IPAddress address, string why);

    [LoggerMessage(Level = LogLevel.Debug, Message = "the coordinator asks for {Method}")]
    private partial void LogAsked(string method);

    [LoggerMessage(Level = LogLevel.Error, Message = "a fault of the agent's link, please report it; the VM goes on")]
    private partial void LogFault(Exception fault);
}
