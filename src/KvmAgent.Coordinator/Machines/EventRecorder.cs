using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Machines;

/// <summary>
/// Events of objects. An Event that cannot be written is logged and forgotten: it tells what was done, and must not hinder it, so it is
/// written beside the work and not within. The name is made of what it tells and when the object was in that state, so that two leaders, or
/// one that begins anew, tell it once.
/// </summary>
internal sealed partial class EventRecorder(KubernetesClient client, TimeProvider time, ILogger<EventRecorder> log)
{
    public const string Component = "kvm-coordinator";

    private const int LongestMessage = 1024, Writers = 4;

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(3);

    private readonly Channel<Event> _unwritten = Channel.CreateBounded<Event>(10_000);

    /// <param name="obj">As the decision saw it.</param>
    public void Record<T>(ResourceKind<T> kind, T obj, MachineEvent what)
        where T : class, IKubernetesObject
    {
        var meta = obj.Metadata;
        var now = time.GetUtcNow();
        var message = what.Message.Length <= LongestMessage ? what.Message : what.Message[..(LongestMessage - 1)] + "…";
        var key = SHA256.HashData(Encoding.UTF8.GetBytes($"{meta.Uid}/{meta.ResourceVersion}/{what.Reason}/{message}"));
        var e = new Event
        {
            Metadata = new ObjectMeta { Name = $"{(meta.Name!.Length <= 200 ? meta.Name : meta.Name[..200])}.{Convert.ToHexStringLower(key)[..16]}", Namespace = meta.Namespace },
            InvolvedObject = new ObjectReference
            {
                ApiVersion = kind.ApiVersion,
                Kind = kind.Kind,
                Namespace = meta.Namespace,
                Name = meta.Name,
                Uid = meta.Uid,
                ResourceVersion = meta.ResourceVersion,
            },
            Type = what.Type,
            Reason = what.Reason,
            Message = message,
            Source = new EventSource(Component),
            FirstTimestamp = now,
            LastTimestamp = now,
            Count = 1,
        };
        if (!_unwritten.Writer.TryWrite(e))
        {
            LogLost(what.Reason, Of(e), "thousands wait already");
        }
    }

    /// <summary>Writes what is recorded while something is done; then what waits is written still, if that can be done in a moment.</summary>
    public async Task WriteWhileAsync(Task work)
    {
        using var done = new CancellationTokenSource();
        using var end = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        var writers = Enumerable.Range(0, Writers).Select(_ => WriteAllAsync(done.Token, end.Token)).ToList();
        try
        {
            await work.ConfigureAwait(false);
        }
        finally
        {
            end.CancelAfter(LastWords);
            await done.CancelAsync().ConfigureAwait(false);
            var dropped = (await Task.WhenAll(writers).ConfigureAwait(false)).Sum();
            if (dropped > 0)
            {
                LogDropped(dropped);
            }
        }
    }

    /// <returns>How many there was no time for.</returns>
    private async Task<int> WriteAllAsync(CancellationToken done, CancellationToken end)
    {
        var dropped = 0;
        do
        {
            while (_unwritten.Reader.TryRead(out var e))
            {
                dropped += end.IsCancellationRequested || !await WriteAsync(e, end).ConfigureAwait(false) ? 1 : 0;
            }
        }
        while (await IsMoreAsync(done).ConfigureAwait(false));
        return dropped;
    }

    private async Task<bool> IsMoreAsync(CancellationToken done)
    {
        try
        {
            return await _unwritten.Reader.WaitToReadAsync(done).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (done.IsCancellationRequested)
        {
            // What was recorded last may have come since.
            return _unwritten.Reader.Count > 0;
        }
    }

    /// <returns>False: there was no time for it.</returns>
    private async Task<bool> WriteAsync(Event e, CancellationToken cancel)
    {
        try
        {
            await client.CreateAsync(CoreKinds.Events, e, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException failure) when (failure.IsAlreadyExists)
        {
            // It has been told.
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception failure) when (failure is KubernetesException or HttpRequestException or OperationCanceledException)
        {
            LogLost(e.Reason!, Of(e), failure.Message);
        }

        return true;
    }

    private static string Of(Event e) => $"{e.InvolvedObject.Kind} {e.Metadata.Namespace}/{e.InvolvedObject.Name}";

    [LoggerMessage(Level = LogLevel.Warning, Message = "the Event {Reason} of {Object} could not be written: {Error}")]
    private partial void LogLost(string reason, string @object, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} Events were not written: it is time to end")]
    private partial void LogDropped(int count);
}
