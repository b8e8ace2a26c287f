using System.Globalization;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// The log of a machine's pod: what its agent says, or the launcher of a cluster that runs KubeVirt. It is asked of the cluster in the
/// caller's name, who needs <c>get</c> on <c>pods/log</c>, and passed on as it comes.
/// </summary>
internal sealed class VmLogs(ProviderSet providers)
{
    private const string Follow = "follow", Tail = "tail", Text = "text/plain";

    /// <summary>The container of a VM, as KubeVirt calls it.</summary>
    private const string Compute = "compute";

    public RestRoute Route(string one) => RestRoute.Stream($"{one}/logs", "Tells the log of a machine's pod, as text.", Text, TellAsync) with
    {
        Query = [Provider.Parameter, (Follow, "`true`: goes on until the container ends."), (Tail, "How many of the last lines; without it all.")],
    };

    private Task TellAsync(RestRequest request)
    {
        var options = (request.Query(Follow) == "true" ? "&follow=true" : "") + (request.Query(Tail) is { } tail ? $"&tailLines={Lines(tail)}" : "");
        return providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), async provider =>
        {
            var (client, key) = (provider.ClientFor(request.Caller), request.Machine);
            var pod = await PodAsync(client, key, request.Cancel).ConfigureAwait(false);
            var container = pod.Spec?.Containers?.Select(static c => c.Name).OrderBy(static name => name != Compute).FirstOrDefault() ?? Compute;
            var path = $"{CoreKinds.Pods.Path(key.Namespace, pod.Metadata.Name!, "log")}?container={Uri.EscapeDataString(container)}{options}";
            var response = request.Http.Response;
            response.ContentType = $"{Text}; charset=utf-8";
            await client.ReadTextAsync(path, async piece =>
            {
                await response.Body.WriteAsync(piece, request.Cancel).ConfigureAwait(false);
                await response.Body.FlushAsync(request.Cancel).ConfigureAwait(false);
            }, request.Cancel).ConfigureAwait(false);
            return true;
        }, request.Cancel);
    }

    /// <summary>That on the instance's node: of a migration that failed the newest is another. Else the newest.</summary>
    /// <exception cref="CoordinatorException">There is none.</exception>
    private static async Task<Pod> PodAsync(KubernetesClient client, MachineKey key, CancellationToken cancel)
    {
        if (await client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel).ConfigureAwait(false) is not { } instance)
        {
            throw new CoordinatorException(FailureReason.NotFound, $"machine {key} does not run, or there is none; its log goes with its pod");
        }

        Pod? newest = null;
        foreach (var name in await VmPods.NamesAsync(client, key.Namespace, instance, cancel).ConfigureAwait(false))
        {
            if (await client.FindAsync(CoreKinds.Pods, key.Namespace, name, cancel).ConfigureAwait(false) is { } pod)
            {
                newest ??= pod;
                if (pod.Spec?.NodeName is { Length: > 0 } node && node == instance.Status?.NodeName)
                {
                    return pod;
                }
            }
        }

        return newest ?? throw new CoordinatorException(FailureReason.NotFound, $"machine {key} has no pod, and so no log; where there is no cluster, whoever started its agent has that");
    }

    private static string Lines(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var lines)
        ? lines.ToString(CultureInfo.InvariantCulture)
        : throw new CoordinatorException(FailureReason.BadRequest, $"{Tail}=\"{text}\" is no number of lines; give one such as 100");
}
