using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Builds;

/// <summary>What containers run, page by page: of a pod no more is kept than that.</summary>
internal static class RunningContainers
{
    /// <param name="ns">Null: of all namespaces.</param>
    /// <returns>None where there are no pods, as without a cluster.</returns>
    public static async Task<IReadOnlyList<RunningContainer>> ReadAsync(KubernetesClient client, string? ns, CancellationToken cancel)
    {
        var found = new List<RunningContainer>();
        try
        {
            await client.ListPagesAsync(CoreKinds.Pods, ns, null, (page, isFirst) =>
            {
                if (isFirst)
                {
                    found.Clear();
                }

                found.AddRange(page.Items.SelectMany(Of));
            }, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.Code == StatusCodes.Status404NotFound)
        {
            return [];
        }

        return found;
    }

    /// <summary>Those that run now.</summary>
    private static IEnumerable<RunningContainer> Of(Pod pod)
    {
        var asked = (pod.Spec?.InitContainers ?? []).Concat(pod.Spec?.Containers ?? []).ToDictionary(static c => c.Name, static c => c.Image);
        return (pod.Status?.AllContainerStatuses ?? []).Where(static s => s.State?.Running is not null).Select(status => new RunningContainer
        {
            Namespace = pod.Metadata.Namespace!,
            Pod = pod.Metadata.Name!,
            Container = status.Name,
            Node = pod.Spec?.NodeName,
            Image = asked.GetValueOrDefault(status.Name),
            ImageId = status.ImageID,
        });
    }
}
