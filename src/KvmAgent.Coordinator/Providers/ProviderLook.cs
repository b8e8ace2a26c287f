using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Providers;

/// <summary>How a provider has been found: whether it answers, takes what it is shown, has KubeVirt's API, and lets its machines be seen.</summary>
/// <param name="State">One of <see cref="ProviderStates"/>.</param>
/// <param name="Message">Why it is not connected.</param>
/// <param name="Version">Of its Kubernetes.</param>
/// <param name="AllNamespaces">Whether machines of all namespaces may be seen.</param>
internal sealed record ProviderLook(string State, string? Message = null, string? Version = null, bool AllNamespaces = false)
{
    /// <summary>A server that has not answered by then is as good as none.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private const int LongestVersion = 64;

    /// <param name="ns">What must be seen at least.</param>
    public static async Task<ProviderLook> AtAsync(KubernetesClient client, string ns, TimeProvider time, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        var server = client.Connection.Server.GetLeftPart(UriPartial.Authority);
        try
        {
            var version = VersionOf(await client.GetRawAsync("version", either.Token).ConfigureAwait(false));
            var all = await MaySeeAsync(client, null, either.Token).ConfigureAwait(false);
            if (!all)
            {
                await DemandSeenAsync(client, ns, either.Token).ConfigureAwait(false);
            }

            return new ProviderLook(ProviderStates.Connected, null, version, all);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new ProviderLook(ProviderStates.Unreachable, $"{server} did not answer within {Deadline.TotalSeconds:0} s");
        }
        catch (HttpRequestException e)
        {
            return new ProviderLook(ProviderStates.Unreachable, $"{server} cannot be reached: {Reason(e)}");
        }
        catch (JsonException)
        {
            return new ProviderLook(ProviderStates.Unusable, $"{server} answers, but not as Kubernetes does; see that the address is right");
        }
        catch (KubernetesException e)
        {
            return Of(server, ns, e);
        }
    }

    /// <summary>What is behind a request that has no answer: our own word where we have not let it out.</summary>
    public static string Reason(HttpRequestException e) => e.InnerException switch
    {
        null => e.Message,
        { InnerException: { } deeper } => deeper.Message,
        var inner => inner.Message,
    };

    private static ProviderLook Of(string server, string ns, KubernetesException e) => e switch
    {
        { IsUnauthorized: true } => new(ProviderStates.Refused, $"{server} does not take the credentials: {e.Status.Message}; give others"),
        { IsForbidden: true } => new(ProviderStates.Refused, $"{server} does not let machines be seen, not even of namespace \"{ns}\": {e.Status.Message}; give credentials that may list and watch virtualmachines and virtualmachineinstances"),
        { IsKindUnknown: true } => new(ProviderStates.Unusable, $"{server} has no {Kinds.VirtualMachines.ApiVersion} virtualmachines; install KubeVirt or kvm-coordinator there"),
        _ => new(ProviderStates.Unreachable, $"{server} fails: {e.Status.Message}"),
    };

    private static async Task<bool> MaySeeAsync(KubernetesClient client, string? ns, CancellationToken cancel)
    {
        try
        {
            await DemandSeenAsync(client, ns, cancel).ConfigureAwait(false);
            return true;
        }
        catch (KubernetesException e) when (e.IsForbidden)
        {
            return false;
        }
    }

    private static async Task DemandSeenAsync(KubernetesClient client, string? ns, CancellationToken cancel)
    {
        await OneAsync(Kinds.VirtualMachines).ConfigureAwait(false);
        await OneAsync(Kinds.VirtualMachineInstances).ConfigureAwait(false);

        Task OneAsync<T>(ResourceKind<T> kind)
            where T : class, IKubernetesObject => client.ListAsync(kind, ns, new ListOptions { Limit = 1 }, cancel);
    }

    private static string? VersionOf(string json) =>
        JsonNode.Parse(json) is JsonObject told && told["gitVersion"] is JsonValue value && value.TryGetValue(out string? version) && version.Length <= LongestVersion
            ? version
            : throw new JsonException("no version");
}
