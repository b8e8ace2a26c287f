using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary><c>/inventory/nodes</c>: asked of the cluster each time, in the caller's name; there are few of them.</summary>
internal sealed class NodeRoutes(ProviderSet providers, TimeProvider time)
{
    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Get, "/inventory/nodes", "Lists nodes.", RestJson.Strict.NodeList, ListAsync) with { Query = [Provider.Parameter] },
        RestRoute.Of(HttpMethods.Get, "/inventory/gatherer", "Lists nodes as Uyuni's virtual-host-gatherer does, by name.", GathererJson.Default.GatheredNodes, GatherAsync) with
        {
            Query = [Provider.Parameter],
        },
    ];

    private Task<NodeList> ListAsync(RestRequest request) => UseAsync(request, async provider =>
    {
        var nodes = (await NodesAsync(provider, request).ConfigureAwait(false)).Select(node => NodeSummaries.Of(provider.Name, node)).ToList();
        return new NodeList(nodes, nodes.Count, time.GetUtcNow());
    });

    private Task<SortedDictionary<string, GatheredNode>> GatherAsync(RestRequest request) => UseAsync(request, async provider =>
    {
        var nodes = await NodesAsync(provider, request).ConfigureAwait(false);
        return new SortedDictionary<string, GatheredNode>(nodes.Select(NodeSummaries.Gathered).ToDictionary(static n => n.Name), StringComparer.Ordinal);
    });

    private Task<T> UseAsync<T>(RestRequest request, Func<Provider, Task<T>> run) => providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), run, request.Cancel);

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
