using System.Text.Json;
using KvmAgent.Contracts.Link;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>What a running machine uses, asked of its agent by the subresource <c>usage</c>, which KubeVirt itself does not have.</summary>
internal sealed class VmUsages(ProviderSet providers, TimeProvider time)
{
    public RestRoute Route(string one) => RestRoute.Of(
        HttpMethods.Get, $"{one}/usage", "Tells what a running machine uses: processor, memory, network and disks.", RestJson.Strict.MachineUsage, GetAsync) with
    {
        Query = [Provider.Parameter],
    };

    private Task<MachineUsage> GetAsync(RestRequest request) => providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), async provider =>
    {
        var key = request.Machine;
        var path = SubresourceApi.PathOf(Kinds.VirtualMachineInstances.Plural, key, "usage");
        return Parse(key, await AskAsync(provider, provider.ClientFor(request.Caller), path, key, request.Cancel).ConfigureAwait(false));
    }, request.Cancel);

    /// <summary>Of KubeVirt's own API server the path itself is unknown, which it says in words of its own.</summary>
    private static async Task<string> AskAsync(Provider provider, KubernetesClient client, string path, MachineKey key, CancellationToken cancel)
    {
        try
        {
            return await client.GetRawAsync(path, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound || e.IsKindUnknown)
        {
            throw await client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel).ConfigureAwait(false) is null
                ? new CoordinatorException(FailureReason.NotFound, $"machine {key} does not run, or is not there")
                : new CoordinatorException(
                    FailureReason.NotImplemented, $"provider \"{provider.Name}\" does not tell what its machines use: it has no subresource virtualmachineinstances/usage; ask its Prometheus for kubevirt_vmi_*");
        }
    }

    private MachineUsage Parse(MachineKey key, string told)
    {
        try
        {
            var usage = JsonSerializer.Deserialize(told, LinkJson.Default.VmUsage);
            return usage is { Network: { } network, Block: { } block }
                ? new MachineUsage(key.ToString(), usage.CpuSeconds, usage.ResidentBytes, network.ReceivedBytes, network.SentBytes, block.ReadBytes, block.WrittenBytes, time.GetUtcNow())
                : throw new JsonException("network or block is missing");
        }
        catch (JsonException e)
        {
            throw new CoordinatorException(FailureReason.Unavailable, $"what the cluster tells of {key}'s usage makes no sense: {e.Message}", e);
        }
    }
}
