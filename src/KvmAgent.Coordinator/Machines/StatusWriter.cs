using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines;

/// <summary>
/// Writes an object's status where it differs, as a patch of the differences against what the decision rested on. Where somebody has
/// changed anything else of the object meanwhile, it is written all the same; where somebody has changed the status (another leader), it is not.
/// </summary>
internal sealed class StatusWriter<T, TStatus>(KubernetesClient client, ResourceKind<T> kind, JsonTypeInfo<TStatus> json, Func<T, TStatus?> status)
    where T : class, IKubernetesObject
    where TStatus : class
{
    private const int Tries = 5;

    /// <returns>The object as it is now; null where nothing was to be written, or the object is gone.</returns>
    /// <exception cref="KubernetesException">A conflict where the status is not what it was.</exception>
    public async Task<T?> WriteAsync(T obj, TStatus wanted, CancellationToken cancel)
    {
        var before = ToJson(status(obj));
        if (JsonMerge.Difference(before, ToJson(wanted)) is not { } difference)
        {
            return null;
        }

        for (var tries = 1; ; tries++)
        {
            var patch = new JsonObject
            {
                ["metadata"] = new JsonObject { ["resourceVersion"] = obj.Metadata.ResourceVersion, ["uid"] = obj.Metadata.Uid },
                ["status"] = difference.DeepClone(),
            };
            try
            {
                return await client.MergePatchAsync(kind, obj.Metadata.Namespace, obj.Metadata.Name!, patch, "status", cancel).ConfigureAwait(false);
            }
            catch (KubernetesException e) when (e.IsNotFound)
            {
                return null;
            }
            catch (KubernetesException e) when (e.IsConflict && tries < Tries)
            {
                var current = await client.FindAsync(kind, obj.Metadata.Namespace, obj.Metadata.Name!, cancel).ConfigureAwait(false);
                if (current is null || current.Metadata.Uid != obj.Metadata.Uid)
                {
                    return null;
                }

                if (!JsonNode.DeepEquals(ToJson(status(current)), before))
                {
                    throw;
                }

                obj = current;
            }
        }
    }

    private JsonObject ToJson(TStatus? value) => value is null ? [] : JsonSerializer.SerializeToNode(value, json)!.AsObject();
}
