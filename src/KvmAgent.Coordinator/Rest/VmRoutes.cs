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
internal sealed class VmRoutes(ProviderList providers, IAccess access, TimeProvider time)
{
    public const string Root = "/kubevirt/vms", One = Root + "/{namespace}/{name}";

    private readonly VmPower _power = new(providers, time);

    private static readonly RestJson Json = RestJson.Strict;

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, $"{Root}/list", "Lists machines.", Json.VmListRequest, Json.VmList, ListAsync, changes: false),
        RestRoute.Of(HttpMethods.Get, One, "Tells everything of a machine.", Json.VmDetails, GetAsync) with { Query = [ProviderList.Parameter] },
        RestRoute.Of(HttpMethods.Post, Root, "Makes a machine of a manifest.", Json.VmCreateRequest, Json.VmAnswer, CreateAsync) with { Status = 201 },
        RestRoute.Of(HttpMethods.Delete, One, "Deletes a machine, and what was made for it.", Json.VmAnswer, DeleteAsync, changes: true) with { Query = [ProviderList.Parameter] },
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
        if (asked is { AllNamespaces: true, Namespace: not null })
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"namespace=\"{asked.Namespace}\" and all_namespaces exclude one another; give one of them");
        }

        var provider = providers.Get(asked.Provider);
        var ns = asked.AllNamespaces ? null : asked.Namespace ?? provider.Namespace;
        var query = new VmQuery(asked, ns);
        await DemandListAsync(access, request, ns).ConfigureAwait(false);
        return provider.Vms.Synced.IsCompletedSuccessfully
            ? query.Of(provider.Vms.Lines.Values, time.GetUtcNow())
            : throw new CoordinatorException(FailureReason.Unavailable, $"the machines of provider \"{provider.Name}\" are not all known yet; try again in a moment");
    }

    /// <summary>For what comes from the inventory: the caller must be allowed to list both kinds.</summary>
    /// <param name="ns">Null: in all namespaces.</param>
    /// <exception cref="CoordinatorException">It is not.</exception>
    public static Task DemandListAsync(IAccess access, RestRequest request, string? ns)
    {
        return Task.WhenAll(DemandAsync(Kinds.VirtualMachines.Plural), DemandAsync(Kinds.VirtualMachineInstances.Plural));

        Task DemandAsync(string resource) => access.DemandAsync(
            request.Caller, new ResourceAttributes { Verb = "list", Group = Kinds.Group, Version = Kinds.Version, Resource = resource, Namespace = ns }, request.Cancel);
    }

    private async Task<VmDetails> GetAsync(RestRequest request)
    {
        var (provider, key) = (providers.Get(request.Query(ProviderList.Parameter.Name)), request.Machine);
        var client = provider.ClientFor(request.Caller);
        var machine = FindAsync(client, Kinds.VirtualMachines, key, request.Cancel);
        var instance = FindAsync(client, Kinds.VirtualMachineInstances, key, request.Cancel);
        await Task.WhenAll(machine, instance).ConfigureAwait(false);
        var summary = VmSummaries.Of(provider.Name, machine.Result.Object, instance.Result.Object) ?? throw NotFound(key);
        return new VmDetails(summary, machine.Result.Json, instance.Result.Json, time.GetUtcNow());
    }

    private async Task<VmAnswer> CreateAsync(RestRequest request, VmCreateRequest asked)
    {
        var provider = providers.Get(asked.Provider);
        var manifest = asked.Manifest ?? throw new CoordinatorException(FailureReason.BadRequest, "manifest is missing; give a VirtualMachine");
        if ((Text(manifest["apiVersion"]), Text(manifest["kind"])) is not ({ } version, "VirtualMachine") || !version.StartsWith(Kinds.Group + "/", StringComparison.Ordinal))
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"manifest is {Text(manifest["apiVersion"])} {Text(manifest["kind"])}; give a {Kinds.VirtualMachines.ApiVersion} VirtualMachine");
        }

        manifest = (JsonObject)manifest.DeepClone();
        if (manifest["metadata"] is not JsonObject metadata || Text(metadata["name"]) is not { } name)
        {
            throw new CoordinatorException(FailureReason.BadRequest, "manifest.metadata.name is missing; give the machine a name");
        }

        var key = new MachineKey(Text(metadata["namespace"]) ?? provider.Namespace, name);
        metadata["namespace"] = key.Namespace;
        manifest["apiVersion"] = Kinds.VirtualMachines.ApiVersion;
        await provider.ClientFor(request.Caller).SendRawAsync(
            HttpMethod.Post, Kinds.VirtualMachines.Path(key.Namespace) + "?fieldManager=kvm-coordinator", manifest, request.Cancel).ConfigureAwait(false);
        return new VmAnswer(key.ToString(), $"{key} is created", time.GetUtcNow());
    }

    private async Task<VmAnswer> DeleteAsync(RestRequest request)
    {
        var (provider, key) = (providers.Get(request.Query(ProviderList.Parameter.Name)), request.Machine);
        var client = provider.ClientFor(request.Caller);
        try
        {
            await client.DeleteAsync(Kinds.VirtualMachines, key.Namespace, key.Name, null, request.Cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            await VmPower.DeleteInstanceAsync(client, key, null, request.Cancel).ConfigureAwait(false);
        }

        return new VmAnswer(key.ToString(), $"{key} is being deleted", time.GetUtcNow());
    }

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

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 ? text : null;
}
