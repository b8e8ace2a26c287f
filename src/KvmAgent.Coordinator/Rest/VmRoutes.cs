using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Resources;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// <c>/kubevirt/vms</c>: machines of a provider. Lists come from the inventory, and the caller must be allowed to list; everything else is asked of
/// the cluster itself, in the caller's name.
/// </summary>
internal sealed class VmRoutes(ProviderSet providers, IAccess access, TimeProvider time)
{
    public const string Root = "/kubevirt/vms", One = Root + "/{namespace}/{name}";

    private readonly VmPower _power = new(providers, time);
    private readonly VmScopes _scopes = new(providers, access);

    private static readonly RestJson Json = RestJson.Strict;

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, $"{Root}/list", "Lists machines.", Json.VmListRequest, Json.VmList, ListAsync, changes: false),
        RestRoute.Of(HttpMethods.Get, One, "Tells everything of a machine.", Json.VmDetails, GetAsync) with { Query = [Provider.Parameter] },
        RestRoute.Of(HttpMethods.Delete, One, "Deletes a machine, and what was made for it.", Json.VmAnswer, DeleteAsync, changes: true) with { Query = [Provider.Parameter] },
        .. new VmMaking(providers, time).All(Root),
        new VmEvents(providers, time).Route(One),
        new VmUsages(providers, time).Route(One),
        new VmLogs(providers).Route(One),
        .. _power.All(One),
        .. new VmStreams(providers, access, time).All(Root, One),
        NotThere(HttpMethods.Post, "migrate", "Moves a machine to another node."),
        NotThere(HttpMethods.Post, "snapshot", "Takes a snapshot."),
        NotThere(HttpMethods.Get, "snapshots", "Lists a machine's snapshots."),
        NotThere(HttpMethods.Post, "restore", "Takes a machine back to a snapshot."),
        NotThere(HttpMethods.Post, "export", "Writes a machine's disks out."),
    ];

    private async Task<VmList> ListAsync(RestRequest request, VmListRequest asked)
    {
        var query = new VmQuery(asked);
        var (seen, problems) = await _scopes.OfAsync(request, new VmPlace(asked.Provider, asked.AllProviders, asked.Namespace, asked.AllNamespaces), known: true).ConfigureAwait(false);
        return query.Of(seen.SelectMany(static scope => scope.Lines), time.GetUtcNow()) with { Problems = asked.AllProviders ? problems : null };
    }

    /// <summary>For what comes from the inventory. Of the own cluster the caller's rights count, of another those that are kept for it.</summary>
    /// <param name="ns">Null: in all namespaces.</param>
    /// <exception cref="CoordinatorException">It is forbidden.</exception>
    public static async Task DemandListAsync(IAccess access, RestRequest request, Provider provider, string? ns)
    {
        if (provider.IsOwn)
        {
            await DemandOwnListAsync(access, request, ns).ConfigureAwait(false);
        }
        else if (!provider.AllNamespaces && ns != provider.Namespace)
        {
            throw new CoordinatorException(
                FailureReason.Forbidden, $"the rights that are kept for provider \"{provider.Name}\" reach namespace \"{provider.Namespace}\" alone; ask for that one");
        }
    }

    /// <summary>In the own cluster.</summary>
    /// <param name="ns">Null: in all namespaces.</param>
    /// <exception cref="CoordinatorException">It is forbidden.</exception>
    public static Task DemandOwnListAsync(IAccess access, RestRequest request, string? ns)
    {
        return Task.WhenAll(DemandAsync(Kinds.VirtualMachines.Plural), DemandAsync(Kinds.VirtualMachineInstances.Plural));

        Task DemandAsync(string resource) => access.DemandAsync(
            request.Caller, new ResourceAttributes { Verb = "list", Group = Kinds.Group, Version = Kinds.Version, Resource = resource, Namespace = ns }, request.Cancel);
    }

    private Task<VmDetails> GetAsync(RestRequest request) => UseAsync(request, async (provider, client) =>
    {
        var key = request.Machine;
        var machine = FindAsync(client, Kinds.VirtualMachines, key, request.Cancel);
        var instance = FindAsync(client, Kinds.VirtualMachineInstances, key, request.Cancel);
        await Task.WhenAll(machine, instance).ConfigureAwait(false);
        var summary = VmSummaries.Of(provider.Name, machine.Result.Object, instance.Result.Object) ?? throw NotFound(key);
        return new VmDetails(summary, machine.Result.Json, instance.Result.Json, time.GetUtcNow());
    });

    private Task<VmAnswer> DeleteAsync(RestRequest request) => UseAsync(request, async (_, client) =>
    {
        var key = request.Machine;
        try
        {
            await client.DeleteAsync(Kinds.VirtualMachines, key.Namespace, key.Name, null, request.Cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            await VmPower.DeleteInstanceAsync(client, key, null, request.Cancel).ConfigureAwait(false);
        }

        return new VmAnswer(key.ToString(), $"{key} is being deleted", time.GetUtcNow());
    });

    /// <summary>For requests without a body.</summary>
    private Task<T> UseAsync<T>(RestRequest request, Func<Provider, KubernetesClient, Task<T>> run) =>
        providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), provider => run(provider, provider.ClientFor(request.Caller)), request.Cancel);

    /// <summary>With all that the cluster has of it, but the books that it keeps on fields.</summary>
    private static async Task<(T? Object, JsonObject? Json)> FindAsync<T>(KubernetesClient client, ResourceKind<T> kind, MachineKey key, CancellationToken cancel)
        where T : class, IKubernetesObject
    {
        try
        {
            var json = JsonNode.Parse(await client.GetRawAsync(kind.Path(key.Namespace, key.Name), cancel).ConfigureAwait(false))!.AsObject();
            (json["metadata"] as JsonObject)?.Remove("managedFields");
            return (json.Deserialize(kind.Json), json);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return (null, null);
        }
    }

    private static RestRoute NotThere(string method, string verb, string summary) => RestRoute.Of<VmAnswer>(
        method, $"{One}/{verb}", $"{summary} Not there yet: answers 501.", Json.VmAnswer,
        _ => throw new CoordinatorException(FailureReason.NotImplemented, $"{verb} is not there yet: live migration, snapshots and export are the next step of kvm-coordinator"));

    public static CoordinatorException NotFound(MachineKey key) => new(FailureReason.NotFound, $"machine {key} not found");
}
