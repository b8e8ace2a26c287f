using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>The inventory is kept current by watches; who does not believe it has it read from the cluster anew, all of it or one machine, and hears what differed.</summary>
internal sealed class RefreshRoutes(ProviderSet providers, IAccess access, TimeProvider time)
{
    private static readonly RestJson Json = RestJson.Strict;

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, "/kubevirt/refresh", "Reads all machines of a provider anew, and tells what differs from what was known.", Json.RefreshRequest, Json.RefreshAnswer, RelistAsync, changes: false),
        RestRoute.Of(HttpMethods.Post, $"{VmRoutes.One}/refresh", "Reads one machine anew, likewise.", Json.RefreshAnswer, RefreshAsync) with { Query = [Provider.Parameter] },
    ];

    private Task<RefreshAnswer> RelistAsync(RestRequest request, RefreshRequest asked)
    {
        var place = new VmPlace(asked.Provider, AllProviders: false, asked.Namespace, asked.AllNamespaces);
        place.Demand();
        return providers.UseAsync(request.Caller, asked.Provider, async provider =>
        {
            var ns = place.NamespaceOf(provider);
            await DemandAsync(request, provider, ns).ConfigureAwait(false);
            var differences = (await provider.Vms.RelistAsync(request.Cancel).ConfigureAwait(false)).Where(d => ns is null || d.Vm.Namespace == ns).ToList();
            return new RefreshAnswer(differences, provider.Vms.Lines.Keys.Count(key => ns is null || key.Namespace == ns), time.GetUtcNow());
        }, request.Cancel);
    }

    private Task<RefreshAnswer> RefreshAsync(RestRequest request) => providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), async provider =>
    {
        var key = request.Machine;
        await DemandAsync(request, provider, key.Namespace).ConfigureAwait(false);
        var difference = await provider.Vms.RefreshAsync(key, request.Cancel).ConfigureAwait(false);
        return difference is null && !provider.Vms.Lines.ContainsKey(key)
            ? throw VmRoutes.NotFound(key)
            : new RefreshAnswer(difference is null ? [] : [difference], provider.Vms.Lines.ContainsKey(key) ? 1 : 0, time.GetUtcNow());
    }, request.Cancel);

    private async Task DemandAsync(RestRequest request, Provider provider, string? ns)
    {
        await VmRoutes.DemandListAsync(access, request, provider, ns).ConfigureAwait(false);
        await providers.DemandKnownAsync(provider, request.Cancel).ConfigureAwait(false);
    }
}
