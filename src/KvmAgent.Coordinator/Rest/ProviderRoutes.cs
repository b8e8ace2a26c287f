using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Providers;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// <c>/kubevirt/providers</c>: the clusters whose machines are managed. Who may what with them the own cluster says, of the resource
/// <c>providers.kvmagent.io</c> that nothing but roles knows. What is kept for them goes in and never comes out.
/// </summary>
internal sealed class ProviderRoutes(ProviderSet providers, TimeProvider time)
{
    private const string Root = "/kubevirt/providers";

    private static readonly RestJson Json = RestJson.Strict;

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, $"{Root}/list", "Lists providers, and how they are.", Json.ProviderListRequest, Json.ProviderList, ListAsync, changes: false),
        RestRoute.Of(HttpMethods.Post, $"{Root}/get", "Tells of a provider, but not what is shown to it.", Json.ProviderGetRequest, Json.ProviderDetails, GetAsync, changes: false),
        RestRoute.Of(HttpMethods.Post, $"{Root}/add", "Adds a provider, once it has been seen to work.", Json.ProviderRequest, Json.VmAnswer, AddAsync) with { Status = 201 },
        RestRoute.Of(HttpMethods.Post, $"{Root}/edit", "Changes a provider, once that has been seen to work.", Json.ProviderRequest, Json.VmAnswer, EditAsync),
        RestRoute.Of(HttpMethods.Post, $"{Root}/remove", "Forgets a provider, and leaves its machines alone.", Json.ProviderGetRequest, Json.VmAnswer, RemoveAsync),
    ];

    private async Task<ProviderList> ListAsync(RestRequest request, ProviderListRequest asked)
    {
        await providers.DemandAsync(request.Caller, "list", null, request.Cancel).ConfigureAwait(false);
        var all = await providers.ListAsync(request.Cancel).ConfigureAwait(false);
        return new ProviderList(all, all.Count, time.GetUtcNow());
    }

    private async Task<ProviderDetails> GetAsync(RestRequest request, ProviderGetRequest asked)
    {
        var name = ProviderRequests.NameOf(asked.Name);
        await providers.DemandAsync(request.Caller, "get", name, request.Cancel).ConfigureAwait(false);
        return new ProviderDetails(await providers.GetAsync(name, request.Cancel).ConfigureAwait(false), time.GetUtcNow());
    }

    private async Task<VmAnswer> AddAsync(RestRequest request, ProviderRequest asked)
    {
        var name = ProviderRequests.OtherNameOf(asked.Name);
        await providers.DemandAsync(request.Caller, "create", name, request.Cancel).ConfigureAwait(false);
        await providers.AddAsync(ProviderRequests.Of(name, asked), request.Cancel).ConfigureAwait(false);
        return Done(name, "added");
    }

    private async Task<VmAnswer> EditAsync(RestRequest request, ProviderRequest asked)
    {
        var name = ProviderRequests.OtherNameOf(asked.Name);
        await providers.DemandAsync(request.Caller, "update", name, request.Cancel).ConfigureAwait(false);
        await providers.EditAsync(name, former => ProviderRequests.Change(name, former, asked), request.Cancel).ConfigureAwait(false);
        return Done(name, "changed");
    }

    private async Task<VmAnswer> RemoveAsync(RestRequest request, ProviderGetRequest asked)
    {
        var name = ProviderRequests.OtherNameOf(asked.Name);
        await providers.DemandAsync(request.Caller, "delete", name, request.Cancel).ConfigureAwait(false);
        await providers.RemoveAsync(name, request.Cancel).ConfigureAwait(false);
        return Done(name, "removed");
    }

    private VmAnswer Done(string name, string what) => new(name, $"provider {name} is {what}", time.GetUtcNow());
}
