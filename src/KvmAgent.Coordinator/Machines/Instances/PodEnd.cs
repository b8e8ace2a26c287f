using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Instances;

/// <summary>How a pod ended, by its containers' exit codes and last words.</summary>
/// <param name="Reason">One word for programs.</param>
/// <param name="Message">For people.</param>
internal sealed record PodEnd(bool Succeeded, string Reason, string Message)
{
    private const int LongestMessage = 1024;

    /// <summary>The agent's exit codes, see DESIGN: sysexits.h, and its own from 80 on.</summary>
    private static readonly Dictionary<int, string> Reasons = new()
    {
        [64] = "InvalidSpec",
        [65] = "ImageRefused",
        [69] = "SourceUnavailable",
        [70] = "AgentError",
        [71] = "MissingCapability",
        [73] = "DiskUnwritable",
        [75] = "TryAgain",
        [80] = "GuestPanicked",
        [81] = "QemuCrashed",
        [82] = "OutOfMemory",
        [83] = "ForcedStop",
        [137] = "Killed",
    };

    public static PodEnd Of(Pod pod)
    {
        var status = pod.Status!;
        if (status is { Phase: "Failed", Reason: { Length: > 0 } why })
        {
            // Evicted, NodeShutdown and so on: how the containers took it says nothing of the guest.
            return new PodEnd(false, why, status.Message ?? $"the pod failed: {why}");
        }

        var failed = status.AllContainerStatuses.FirstOrDefault(static c => c.State?.Terminated is { ExitCode: not 0 });
        if (failed?.State?.Terminated is { } end)
        {
            // 143 is SIGTERM's while nothing ran yet, which is no failure of anything.
            var reason = end.Reason == "OOMKilled" ? "OutOfMemory" : Reasons.GetValueOrDefault(end.ExitCode, "AgentFailed");
            return new PodEnd(false, reason, $"{LastWords(end) ?? status.Message ?? Guess(end)} (container {failed.Name}, exit code {end.ExitCode})");
        }

        return status.Phase == "Succeeded"
            ? new PodEnd(true, "GuestPoweredOff", "the guest was powered off")
            : new PodEnd(false, "PodFailed", status.Message ?? "the pod failed");
    }

    private static string Guess(ContainerTerminated end) => end.Reason == "OOMKilled"
        ? "the node's kernel killed it, for it used more memory than the pod's limit"
        : "it gave no reason";

    /// <summary>The agent's is a sentence, the importer's a JSON object with one. Both come from a pod, and are cut.</summary>
    private static string? LastWords(ContainerTerminated end)
    {
        var text = end.Message?.Trim();
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (text[0] == '{')
        {
            try
            {
                text = JsonSerializer.Deserialize(text, ContractsJson.Default.ImportResult)?.Message ?? text;
            }
            catch (JsonException)
            {
                // Then it is told as it is.
            }
        }

        return text.Length <= LongestMessage ? text : text[..LongestMessage] + "…";
    }
}
