using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest.Images;

/// <summary><c>/kubevirt/volumes</c>: claims and DataVolumes, and which machines name them; asked of the cluster each time, in the caller's name.</summary>
internal sealed class VolumeRoutes(ProviderSet providers, TimeProvider time)
{
    private const string Root = "/kubevirt/volumes", Namespace = "namespace", AllNamespaces = "all_namespaces";

    /// <summary>How one namespace or all are asked for.</summary>
    public static readonly IReadOnlyList<(string Name, string Description)> Scope =
        [Provider.Parameter, (Namespace, "Without it the provider's."), (AllNamespaces, "`true`: those of all namespaces.")];

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Get, Root, "Lists volumes, and the machines that use them.", RestJson.Strict.VolumeList, ListAsync) with { Query = Scope },
        RestRoute.Of(HttpMethods.Get, Root + "/{namespace}/{name}", "Tells how a volume is, and how far its filling is.", RestJson.Strict.VolumeSummary, GetAsync) with { Query = [Provider.Parameter] },
    ];

    private Task<VolumeList> ListAsync(RestRequest request) => UseAsync(providers, request, async (provider, ns, client) =>
    {
        var use = await VolumeUse.ReadAsync(client, ns, request.Cancel).ConfigureAwait(false);
        var volumes = use.Volumes(provider.Name);
        return new VolumeList(volumes, volumes.Count, time.GetUtcNow());
    });

    private Task<VolumeSummary> GetAsync(RestRequest request) => providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), async provider =>
    {
        var (key, client) = (request.Machine, provider.ClientFor(request.Caller));
        var volume = client.FindAsync(Kinds.DataVolumes, key.Namespace, key.Name, request.Cancel);
        var claim = client.FindAsync(CoreKinds.PersistentVolumeClaims, key.Namespace, key.Name, request.Cancel);
        await Task.WhenAll(volume, claim).ConfigureAwait(false);
        return VolumeSummaries.Of(provider.Name, claim.Result, volume.Result) ?? throw new CoordinatorException(FailureReason.NotFound, $"volume {key} not found");
    }, request.Cancel);

    /// <param name="run">With the namespace, or null for all.</param>
    public static Task<T> UseAsync<T>(ProviderSet providers, RestRequest request, Func<Provider, string?, KubernetesClient, Task<T>> run)
    {
        var place = new VmPlace(request.Query(Provider.Parameter.Name), AllProviders: false, request.Query(Namespace), request.Query(AllNamespaces) == "true");
        place.Demand();
        return providers.UseAsync(request.Caller, place.Provider, provider => run(provider, place.NamespaceOf(provider), provider.ClientFor(request.Caller)), request.Cancel);
    }
}
