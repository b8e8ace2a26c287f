using System.Security.Cryptography;
using System.Text;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Machines;

/// <summary>
/// Events of objects. An Event that cannot be written is logged and forgotten: it tells what was done, and must not hinder it. The name
/// is made of what it tells and when the object was in that state, so that two leaders, or one that begins anew, tell it once.
/// </summary>
internal sealed partial class EventRecorder(KubernetesClient client, TimeProvider time, ILogger<EventRecorder> log)
{
    public const string Component = "kvm-coordinator";

    private const int LongestMessage = 1024;

    /// <param name="obj">As the decision saw it.</param>
    public async Task RecordAsync<T>(ResourceKind<T> kind, T obj, MachineEvent what, CancellationToken cancel)
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
        try
        {
            await client.CreateAsync(CoreKinds.Events, e, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException failure) when (failure.IsAlreadyExists)
        {
            // It has been told.
        }
        catch (Exception failure) when (failure is KubernetesException or HttpRequestException)
        {
            LogLost(what.Reason, $"{kind.Kind} {meta.Namespace}/{meta.Name}", failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the Event {Reason} of {Object} could not be written: {Error}")]
    private partial void LogLost(string reason, string @object, string error);
}
