using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports;

internal enum ImporterStage
{
    /// <summary>It was never at work yet.</summary>
    Starting,

    AtWork,

    /// <summary>It ended, and the kubelet starts it again.</summary>
    Retrying,

    Succeeded,

    /// <summary>Another try would end no other way.</summary>
    Refused,

    /// <summary>Evicted, or its node was shut down: it does not come back.</summary>
    Gone,
}

/// <summary>How an importer's pod is: what the kubelet says of it, and what the importer said at its last end.</summary>
/// <param name="Reason">In a word.</param>
/// <param name="Message">For people.</param>
internal sealed record ImporterReport(ImporterStage Stage, string Reason, string Message)
{
    public int Restarts { get; init; }

    /// <summary>Of the last end.</summary>
    public ImportResult? Result { get; init; }

    public static ImporterReport Of(Pod pod)
    {
        var container = pod.Status?.ContainerStatuses?.FirstOrDefault(static c => c.Name == ImporterPod.ContainerName);
        var restarts = container?.RestartCount ?? 0;
        var ended = container?.State?.Terminated ?? container?.LastState?.Terminated;
        var result = ended is null ? null : Read(ended);
        return Judge(pod, container?.State?.Running is not null, restarts > 0 || ended is not null, result) with { Restarts = restarts, Result = result };
    }

    private static ImporterReport Judge(Pod pod, bool isRunning, bool hasEnded, ImportResult? result)
    {
        if (pod.Status?.Phase == ImportState.Succeeded)
        {
            return new(ImporterStage.Succeeded, "Completed", result?.Message ?? ImportResult.Complete);
        }

        if (result is { Reason: "Refused" or "Settings" })
        {
            return new(ImporterStage.Refused, result.Reason, result.Message);
        }

        if (pod.Status?.Phase == ImportState.Failed)
        {
            return new(ImporterStage.Gone, pod.Status.Reason ?? "PodFailed", pod.Status.Message ?? result?.Message ?? "the pod failed");
        }

        if (isRunning)
        {
            return new(ImporterStage.AtWork, "Running", result is null ? "the importer is at work" : $"the importer is at work again, after: {result.Message}");
        }

        var (reason, message) = result is not null ? (result.Reason, $"{result.Message}; it is tried again")
            : ContainerTrouble.Of(pod) is { } trouble ? (trouble.Reason, trouble.Message)
            : Conditions.Find(pod.Status?.Conditions, InstanceStatus.PodScheduled) is { Status: Kubernetes.Resources.Condition.False } unscheduled
                ? (unscheduled.Reason ?? "Unschedulable", unscheduled.Message ?? "the importer's pod finds no node")
            : (ImportState.Creating, "the importer is being started");
        return new(hasEnded ? ImporterStage.Retrying : ImporterStage.Starting, reason, message);
    }

    /// <summary>The termination message, which is anything where something else ended the process.</summary>
    private static ImportResult Read(ContainerTerminated ended)
    {
        try
        {
            if (ended.Message is { Length: > 0 } text && JsonSerializer.Deserialize(text, ContractsJson.Default.ImportResult) is { Message: { Length: > 0 }, Reason: { Length: > 0 } } result)
            {
                return result;
            }
        }
        catch (JsonException)
        {
            // As said.
        }

        var by = ended.Signal is > 0 and var signal ? $"signal {signal}" : $"exit code {ended.ExitCode}";
        return new ImportResult(ended.Reason == "OOMKilled" ? "the importer was killed for memory; raise its limit" : $"the importer ended by {by}", ended.Reason ?? "Error", ended.ExitCode);
    }
}
