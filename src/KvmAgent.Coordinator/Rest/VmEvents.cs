using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// The cluster's Events of a machine: of its VirtualMachine, of its instance and of the pods that this runs in, asked of the cluster each
/// time in the caller's name. The cluster keeps them for an hour, usually.
/// </summary>
internal sealed class VmEvents(ProviderSet providers, TimeProvider time)
{
    private const int Most = 200;

    public RestRoute Route(string one) => RestRoute.Of(
        HttpMethods.Get, $"{one}/events", $"Tells the cluster's Events of a machine, its instance and its pods: the newest {Most}, the newest last.", RestJson.Strict.VmEventList, ListAsync) with
    {
        Query = [Provider.Parameter],
    };

    private Task<VmEventList> ListAsync(RestRequest request) => providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), async provider =>
    {
        var (key, client, cancel) = (request.Machine, provider.ClientFor(request.Caller), request.Cancel);
        var machine = client.FindAsync(Kinds.VirtualMachines, key.Namespace, key.Name, cancel);
        var instance = client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel);
        await Task.WhenAll(machine, instance).ConfigureAwait(false);
        if (machine.Result is null && instance.Result is null)
        {
            throw VmRoutes.NotFound(key);
        }

        var own = ListAsync(client, key.Namespace, $"involvedObject.name={key.Name}", cancel);
        var pods = await VmPods.NamesAsync(client, key.Namespace, instance.Result, cancel).ConfigureAwait(false);
        var ofPods = await Task.WhenAll(pods.Select(pod => ListAsync(client, key.Namespace, $"involvedObject.kind=Pod,involvedObject.name={pod}", cancel))).ConfigureAwait(false);
        var all = (await own.ConfigureAwait(false)).Where(e => IsOf(e, machine.Result)).Concat(ofPods.SelectMany(static e => e)).Select(Summary)
            .OrderBy(static e => e.LastSeen).ThenBy(static e => e.FirstSeen).ToList();
        return new VmEventList([.. all.TakeLast(Most)], all.Count, time.GetUtcNow());
    }, request.Cancel);

    /// <summary>A volume may have the machine's name, and so may a machine that was deleted. Of instances also former ones' count: they tell why it stopped.</summary>
    private static bool IsOf(Event e, VirtualMachine? machine) => e.InvolvedObject.Kind == Kinds.VirtualMachineInstances.Kind
        || (e.InvolvedObject.Kind == Kinds.VirtualMachines.Kind && e.InvolvedObject.Uid == machine?.Metadata.Uid);

    private static Task<IReadOnlyList<Event>> ListAsync(KubernetesClient client, string ns, string fields, CancellationToken cancel) =>
        VmPods.ListAsync(client, CoreKinds.Events, ns, new ListOptions { FieldSelector = fields }, cancel);

    /// <summary>Writers of events.k8s.io, as the scheduler, tell times and counts in other fields.</summary>
    private static VmEvent Summary(Event e)
    {
        var first = e.FirstTimestamp ?? e.EventTime ?? e.Metadata.CreationTimestamp;
        return new VmEvent
        {
            Type = e.Type ?? Event.Normal,
            Reason = e.Reason ?? "",
            Message = e.Message ?? "",
            Object = $"{e.InvolvedObject.Kind}/{e.InvolvedObject.Name}",
            Count = e.Series?.Count ?? e.Count ?? 1,
            FirstSeen = first,
            LastSeen = e.Series?.LastObservedTime ?? e.LastTimestamp ?? first,
        };
    }
}
