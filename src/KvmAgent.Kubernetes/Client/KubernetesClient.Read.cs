using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

public sealed partial class KubernetesClient
{
    private const int PageSize = 500;

    /// <exception cref="KubernetesException">It is not there, or the server refuses.</exception>
    public Task<T> GetAsync<T>(ResourceKind<T> kind, string? ns, string name, CancellationToken ct)
        where T : class, IKubernetesObject =>
        AskObjectAsync(kind, HttpMethod.Get, PathOf(kind, ns, name), null, ct);

    /// <returns>Null where it is not there.</returns>
    public async Task<T?> FindAsync<T>(ResourceKind<T> kind, string? ns, string name, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        try
        {
            return await GetAsync(kind, ns, name, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>One page.</summary>
    /// <param name="ns">Null: all namespaces.</param>
    public Task<ResourceList<T>> ListAsync<T>(ResourceKind<T> kind, string? ns, ListOptions? options, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        options ??= new ListOptions();
        var query = new Query()
            .Add("labelSelector", options.LabelSelector)
            .Add("fieldSelector", options.FieldSelector)
            .Add("limit", options.Limit)
            .Add("continue", options.Continue)
            // A continued list has the version it began with; the server refuses a second word on it.
            .Add("resourceVersion", options.Continue is null ? options.ResourceVersion : null);
        return AskAsync(HttpMethod.Get, kind.Path(ns) + query, null, null, MostListBytes, json => KubernetesJson.ReadList(kind, json), ct);
    }

    /// <summary>All of them; see <see cref="ListPagesAsync"/>.</summary>
    public async Task<ResourceList<T>> ListAllAsync<T>(ResourceKind<T> kind, string? ns, ListOptions? options, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        var items = new List<T>();
        var metadata = await ListPagesAsync(kind, ns, options, (page, isFirst) =>
        {
            if (isFirst)
            {
                items.Clear();
            }

            items.AddRange(page.Items);
        }, ct).ConfigureAwait(false);
        return new ResourceList<T>(items, metadata);
    }

    /// <summary>
    /// All of them, in pages of 500. The pages are of one moment; where the server has forgotten it before the last one, everything begins
    /// again, the third time in one page.
    /// </summary>
    /// <param name="take">Is given each page as it comes, and whether it is a first one: what came before is void then.</param>
    /// <returns>The last page's metadata.</returns>
    public async Task<ListMeta> ListPagesAsync<T>(
        ResourceKind<T> kind, string? ns, ListOptions? options, Action<ResourceList<T>, bool> take, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        options = (options ?? new ListOptions()) with { Limit = PageSize, Continue = null };
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await PagesAsync(kind, ns, tries < 3 ? options : options with { Limit = null }, take, ct).ConfigureAwait(false);
            }
            catch (KubernetesException e) when (e.IsGone && tries < 3)
            {
            }
        }
    }

    private async Task<ListMeta> PagesAsync<T>(
        ResourceKind<T> kind, string? ns, ListOptions options, Action<ResourceList<T>, bool> take, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        for (string? next = null; ;)
        {
            var page = await ListAsync(kind, ns, options with { Continue = next }, ct).ConfigureAwait(false);
            take(page, next is null);
            if (page.Metadata.Continue is not { Length: > 0 } more)
            {
                return page.Metadata;
            }

            next = more;
        }
    }
}
