using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary><c>/inventory/nodes</c>: asked of the cluster each time, in the caller's name; there are few of them.</summary>
internal sealed class NodeRoutes(ProviderList providers, TimeProvider time)
{
    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Get, "/inventory/nodes", "Lists nodes.", RestJson.Strict.NodeList, ListAsync) with { Query = [ProviderList.Parameter] },
        RestRoute.Of(HttpMethods.Get, "/inventory/gatherer", "Lists nodes as Uyuni's virtual-host-gatherer does, by name.", GathererJson.Default.GatheredNodes, GatherAsync) with
        {
            Query = [ProviderList.Parameter],
        },
    ];

    private async Task<NodeList> ListAsync(RestRequest request)
    {
        var provider = providers.Get(request.Query(ProviderList.Parameter.Name));
        var nodes = (await NodesAsync(provider, request).ConfigureAwait(false)).Select(node => NodeSummaries.Of(provider.Name, node)).ToList();
        return new NodeList(nodes, nodes.Count, time.GetUtcNow());
    }

    private async Task<SortedDictionary<string, GatheredNode>> GatherAsync(RestRequest request)
    {
        var nodes = await NodesAsync(providers.Get(request.Query(ProviderList.Parameter.Name)), request).ConfigureAwait(false);
        return new SortedDictionary<string, GatheredNode>(nodes.Select(NodeSummaries.Gathered).ToDictionary(static n => n.Name), StringComparer.Ordinal);
    }

    private static async Task<IEnumerable<Node>> NodesAsync(Provider provider, RestRequest request)
    {
        try
        {
            var all = await provider.ClientFor(request.Caller).ListAllAsync(CoreKinds.Nodes, null, null, request.Cancel).ConfigureAwait(false);
            return all.Items.OrderBy(static n => n.Metadata.Name, StringComparer.Ordinal);
        }
        catch (KubernetesException e) when (e.Code == StatusCodes.Status404NotFound)
        {
            // A coordinator alone has none.
            return [];
        }
    }
}
