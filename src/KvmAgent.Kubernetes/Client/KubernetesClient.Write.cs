using System.Net.Mime;
using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

public sealed partial class KubernetesClient
{
    /// <summary>Into the namespace that its metadata names, under the name there (or one made of generateName).</summary>
    public Task<T> CreateAsync<T>(ResourceKind<T> kind, T obj, CancellationToken ct)
        where T : class, IKubernetesObject =>
        AskObjectAsync(kind, HttpMethod.Post, kind.Path(NamespaceOf(kind, obj.Metadata.Namespace)) + ByUs, KubernetesJson.Bytes(KubernetesJson.Write(kind, obj)), ct);

    /// <summary>All of it as it is here. With a resourceVersion in its metadata only if nobody has changed it since.</summary>
    public Task<T> ReplaceAsync<T>(ResourceKind<T> kind, T obj, string? subresource, CancellationToken ct)
        where T : class, IKubernetesObject =>
        AskObjectAsync(kind, HttpMethod.Put, PathOf(kind, obj.Metadata, subresource) + ByUs, KubernetesJson.Bytes(KubernetesJson.Write(kind, obj)), ct);

    /// <summary>Server-side apply: states the fields in the object and owns them; those stated earlier and not now are removed.</summary>
    public Task<T> ApplyAsync<T>(ResourceKind<T> kind, T obj, ApplyOptions options, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        var json = KubernetesJson.Write(kind, obj);
        // The server's own books; it refuses to have them applied.
        json["metadata"]?.AsObject().Remove("managedFields");
        var query = new Query().Add("fieldManager", options.FieldManager).Add("force", options.Force);
        return AskObjectAsync(
            kind, HttpMethod.Patch, PathOf(kind, obj.Metadata, options.Subresource) + query, KubernetesJson.Bytes(json), ct, "application/apply-patch+yaml");
    }

    /// <summary>JSON Merge Patch (RFC 7396): null removes a field, a list is replaced whole.</summary>
    public Task<T> MergePatchAsync<T>(ResourceKind<T> kind, string? ns, string name, JsonNode patch, string? subresource, CancellationToken ct)
        where T : class, IKubernetesObject =>
        AskObjectAsync(kind, HttpMethod.Patch, PathOf(kind, ns, name, subresource) + ByUs, KubernetesJson.Bytes(patch), ct, "application/merge-patch+json");

    /// <summary>JSON Patch (RFC 6902): with a <c>test</c> among the operations it is done only if that holds.</summary>
    public Task<T> JsonPatchAsync<T>(ResourceKind<T> kind, string? ns, string name, JsonArray operations, string? subresource, CancellationToken ct)
        where T : class, IKubernetesObject =>
        AskObjectAsync(kind, HttpMethod.Patch, PathOf(kind, ns, name, subresource) + ByUs, KubernetesJson.Bytes(operations), ct, "application/json-patch+json");

    /// <summary>Makes it, or finds the one of its name: whose that is is for the caller to see.</summary>
    /// <exception cref="KubernetesException">It is not made; also where the one that was there is gone again.</exception>
    public async Task<T> CreateOrFindAsync<T>(ResourceKind<T> kind, T obj, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        try
        {
            return await CreateAsync(kind, obj, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            if (await FindAsync(kind, obj.Metadata.Namespace, obj.Metadata.Name!, ct).ConfigureAwait(false) is { } there)
            {
                return there;
            }

            throw;
        }
    }

    /// <summary>As <see cref="DeleteAsync"/>, where it may be gone already.</summary>
    public async Task DeleteIfThereAsync<T>(ResourceKind<T> kind, string? ns, string name, DeleteOptions? options, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        try
        {
            await DeleteAsync(kind, ns, name, options, ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            // As wanted.
        }
    }

    /// <summary>Asks for its end, which may come later: finalizers and the grace period go first.</summary>
    public Task DeleteAsync<T>(ResourceKind<T> kind, string? ns, string name, DeleteOptions? options, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        var body = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions" };
        Set(body, "gracePeriodSeconds", options?.GracePeriodSeconds is { } seconds ? JsonValue.Create(seconds) : null);
        Set(body, "propagationPolicy", options?.Propagation is { } propagation ? JsonValue.Create(propagation.ToString()) : null);
        var preconditions = new JsonObject();
        Set(preconditions, "uid", options?.Uid);
        Set(preconditions, "resourceVersion", options?.ResourceVersion);
        Set(body, "preconditions", preconditions.Count > 0 ? preconditions : null);
        // The answer is the object or a Status, as the server likes.
        return AskAsync(
            HttpMethod.Delete, PathOf(kind, ns, name), KubernetesJson.Bytes(body), MediaTypeNames.Application.Json, MostObjectBytes, static _ => true, ct);
    }

    private string ByUs => new Query().Add("fieldManager", _options.FieldManager).ToString();

    private static void Set(JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
        {
            json[name] = value;
        }
    }

    private static string PathOf<T>(ResourceKind<T> kind, ObjectMeta metadata, string? subresource)
        where T : class, IKubernetesObject =>
        PathOf(kind, metadata.Namespace, metadata.Name ?? "", subresource);
}
