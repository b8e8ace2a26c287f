using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Agents;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>What is asked of a running instance's agent.</summary>
internal sealed class InstanceVerbs(InstanceLinks links)
{
    public const string Resource = "virtualmachineinstances";

    /// <summary>KubeVirt's own, where the request names none.</summary>
    private static readonly TimeSpan UnfreezeTimeout = TimeSpan.FromMinutes(5);

    public IReadOnlyList<Subresource> All =>
    [
        Put("pause", PauseAsync),
        Put("unpause", UnpauseAsync),
        Put("freeze", FreezeAsync),
        Put("unfreeze", static (link, _, cancel) => link.UnfreezeAsync(cancel)),
        Put("softreboot", static (link, _, cancel) => link.SoftRebootAsync(cancel)),
        Put("reset", static (link, _, cancel) => link.ResetAsync(cancel)),
    ];

    private Subresource Put(string name, Func<AgentLink, JsonObject, CancellationToken, Task> run) =>
        new(HttpMethods.Put, Resource, name, async request =>
        {
            var body = await request.BodyAsync().ConfigureAwait(false);
            var link = await links.OfRunningAsync(request, FailureReason.Conflict).ConfigureAwait(false);
            if (!MachineVerbs.IsDryRun(body))
            {
                await run(link, body, request.Cancel).ConfigureAwait(false);
            }
        });

    private static Task PauseAsync(AgentLink link, JsonObject body, CancellationToken cancel) => link.Status?.Phase == VmPhase.Paused
        ? throw new CoordinatorException(FailureReason.Conflict, "VMI is already paused")
        : link.PauseAsync(cancel);

    private static Task UnpauseAsync(AgentLink link, JsonObject body, CancellationToken cancel) => link.Status?.Phase != VmPhase.Paused
        ? throw new CoordinatorException(FailureReason.Conflict, "VMI is not paused")
        : link.UnpauseAsync(cancel);

    private static Task FreezeAsync(AgentLink link, JsonObject body, CancellationToken cancel)
    {
        var timeout = UnfreezeTimeout;
        if (body["unfreezeTimeout"] is { } given)
        {
            // metav1.Duration: a text as 5m0s, or nanoseconds.
            timeout = GoDuration.TryParse(given, out var parsed) && parsed > TimeSpan.Zero
                ? parsed
                : throw new CoordinatorException(FailureReason.BadRequest, $"unfreezeTimeout={given.ToJsonString()} is no duration; give one such as \"5m\"");
        }

        return link.FreezeAsync(timeout, cancel);
    }
}
