using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>
/// Starting, stopping and restarting machines, by KubeVirt's rules: what a strategy says is changed in the spec; what it leaves to people is
/// asked for in the status, where the controller finds it.
/// </summary>
internal sealed class MachineVerbs(KubernetesClient client)
{
    public const string Resource = "virtualmachines";

    private const int Tries = 5;

    public IReadOnlyList<Subresource> All =>
    [
        new(HttpMethods.Put, Resource, "start", r => ChangeAsync(r, Start)),
        new(HttpMethods.Put, Resource, "stop", r => ChangeAsync(r, Stop)),
        new(HttpMethods.Put, Resource, "restart", r => ChangeAsync(r, Restart)),
    ];

    /// <summary>What to patch: of the spec, and of the requests in the status.</summary>
    private sealed record Change(JsonObject? Spec, IReadOnlyList<StateChangeRequest>? Requests);

    private async Task ChangeAsync(SubresourceRequest request, Func<VirtualMachine, VirtualMachineInstance?, JsonObject, Change> decide)
    {
        var body = await request.BodyAsync().ConfigureAwait(false);
        for (var tries = 1; ; tries++)
        {
            var vm = await client.FindAsync(Kinds.VirtualMachines, request.Namespace, request.Name, request.Cancel).ConfigureAwait(false)
                ?? throw NotFound(request.Name);
            var instance = await client.FindAsync(Kinds.VirtualMachineInstances, request.Namespace, request.Name, request.Cancel).ConfigureAwait(false);
            var change = decide(vm, instance, body);
            try
            {
                if (!IsDryRun(body))
                {
                    await PatchAsync(vm, change, request.Cancel).ConfigureAwait(false);
                }

                request.Accept();
                return;
            }
            catch (KubernetesException e) when (e.IsConflict && tries < Tries)
            {
                // Somebody changed it meanwhile: decide anew.
            }
        }
    }

    private static Change Start(VirtualMachine vm, VirtualMachineInstance? instance, JsonObject body)
    {
        var runs = instance is not null && !VmiPhases.IsFinal(instance.Status?.Phase);
        var paused = Flag(body, "paused");
        var request = new StateChangeRequest(StateChangeRequest.Start, null)
        {
            Data = paused ? new Dictionary<string, string> { ["paused"] = "true" } : null,
        };
        switch (vm.Spec?.EffectiveRunStrategy)
        {
            case RunStrategies.Halted when runs:
                throw Conflict(vm, "VM is still being stopped; try again when it is");
            case RunStrategies.Halted:
                return new Change(Run(vm, true), paused ? [request] : null);
            case RunStrategies.Manual or RunStrategies.RerunOnFailure when runs:
                throw Conflict(vm, "VM is already running");
            case RunStrategies.Manual or RunStrategies.RerunOnFailure:
                // Of one that has ended, the rest must go first.
                return new Change(null, instance is null ? [request] : [new StateChangeRequest(StateChangeRequest.Stop, instance.Metadata.Uid), request]);
            case var strategy:
                throw Conflict(vm, $"{strategy} does not support manual start requests");
        }
    }

    private static Change Stop(VirtualMachine vm, VirtualMachineInstance? instance, JsonObject body)
    {
        var request = instance is null ? null : new StateChangeRequest(StateChangeRequest.Stop, instance.Metadata.Uid) { Data = Grace(body, "gracePeriod") };
        return (vm.Spec?.EffectiveRunStrategy, request) switch
        {
            (RunStrategies.Halted or RunStrategies.Manual, null) => throw Conflict(vm, "VM is not running"),
            (RunStrategies.Halted or RunStrategies.Manual, _) => new Change(null, [request]),
            _ => new Change(Run(vm, false), request?.Data is null ? null : [request]),
        };
    }

    private static Change Restart(VirtualMachine vm, VirtualMachineInstance? instance, JsonObject body)
    {
        if (vm.Spec?.EffectiveRunStrategy is RunStrategies.Halted or RunStrategies.Once)
        {
            throw Conflict(vm, $"{vm.Spec.EffectiveRunStrategy} does not support manual restart requests");
        }

        return instance is null || VmiPhases.IsFinal(instance.Status?.Phase)
            ? throw Conflict(vm, "VM is not running")
            : new Change(null,
            [
                new StateChangeRequest(StateChangeRequest.Stop, instance.Metadata.Uid) { Data = Grace(body, "gracePeriodSeconds") },
                new StateChangeRequest(StateChangeRequest.Start, null),
            ]);
    }

    /// <summary>The requests first: as soon as the spec says so, the controller acts.</summary>
    private async Task PatchAsync(VirtualMachine vm, Change change, CancellationToken cancel)
    {
        if (change.Requests is { } requests)
        {
            var list = new JsonArray([.. requests.Select(static r => System.Text.Json.JsonSerializer.SerializeToNode(r, ApiJson.Default.StateChangeRequest))]);
            vm = await client.MergePatchAsync(
                Kinds.VirtualMachines, vm.Metadata.Namespace, vm.Metadata.Name!, Patch(vm, "status", new JsonObject { ["stateChangeRequests"] = list }), "status", cancel)
                .ConfigureAwait(false);
        }

        if (change.Spec is { } spec)
        {
            await client.MergePatchAsync(
                Kinds.VirtualMachines, vm.Metadata.Namespace, vm.Metadata.Name!, Patch(vm, "spec", spec), null, cancel).ConfigureAwait(false);
        }
    }

    private static JsonObject Patch(VirtualMachine vm, string field, JsonObject value) => new()
    {
        ["metadata"] = new JsonObject { ["resourceVersion"] = vm.Metadata.ResourceVersion },
        [field] = value,
    };

    /// <summary>By whichever of the two fields the machine says it.</summary>
    private static JsonObject Run(VirtualMachine vm, bool run) => vm.Spec?.Running is not null
        ? new JsonObject { ["running"] = run }
        : new JsonObject { ["runStrategy"] = run ? RunStrategies.Always : RunStrategies.Halted };

    private static Dictionary<string, string>? Grace(JsonObject body, string field)
    {
        if (body[field] is not { } value)
        {
            return null;
        }

        return value is JsonValue number && number.TryGetValue(out long seconds) && seconds >= 0
            ? new Dictionary<string, string> { ["gracePeriodSeconds"] = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture) }
            : throw new CoordinatorException(FailureReason.BadRequest, $"{field}={value.ToJsonString()} is no number of seconds; give 0 or more");
    }

    private static bool Flag(JsonObject body, string field) => body[field] is JsonValue value && value.TryGetValue(out bool flag) && flag;

    public static bool IsDryRun(JsonObject body) =>
        body["dryRun"] is JsonArray { Count: > 0 } dry
        && (dry is [JsonValue value] && value.TryGetValue(out string? all) && all == "All"
            ? true
            : throw new CoordinatorException(FailureReason.BadRequest, $"dryRun={dry.ToJsonString()} is not known; give [\"All\"]"));

    public static CoordinatorException NotFound(string name) => new(FailureReason.NotFound, $"virtualmachine.kubevirt.io \"{name}\" not found");

    private static CoordinatorException Conflict(VirtualMachine vm, string why) =>
        new(FailureReason.Conflict, $"Operation cannot be fulfilled on virtualmachine.kubevirt.io \"{vm.Metadata.Name}\": {why}");
}
