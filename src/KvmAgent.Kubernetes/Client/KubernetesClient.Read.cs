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

    /// <summary>
    /// All of them, in pages of 500. The pages are of one moment; where the server has forgotten it before the last one, everything begins
    /// again, the third time in one page.
    /// </summary>
    public async Task<ResourceList<T>> ListAllAsync<T>(ResourceKind<T> kind, string? ns, ListOptions? options, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        options = (options ?? new ListOptions()) with { Limit = PageSize, Continue = null };
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await PagesAsync(kind, ns, tries < 3 ? options : options with { Limit = null }, ct).ConfigureAwait(false);
            }
            catch (KubernetesException e) when (e.IsGone && tries < 3)
            {
            }
        }
    }

    private async Task<ResourceList<T>> PagesAsync<T>(ResourceKind<T> kind, string? ns, ListOptions options, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        var page = await ListAsync(kind, ns, options, ct).ConfigureAwait(false);
        if (string.IsNullOrEmpty(page.Metadata.Continue))
        {
            return page;
        }

        var items = new List<T>(page.Items);
        while (page.Metadata.Continue is { Length: > 0 } next)
        {
            page = await ListAsync(kind, ns, options with { Continue = next }, ct).ConfigureAwait(false);
            items.AddRange(page.Items);
        }

        return page with { Items = items };
    }
}
