using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>The power buttons, by KubeVirt's subresources: what a machine's run strategy makes of them the cluster decides.</summary>
internal sealed class VmPower(ProviderSet providers, TimeProvider time)
{
    private const string Machines = "virtualmachines", Instances = "virtualmachineinstances";

    /// <summary>For a guest that says nothing of its own: KubeVirt's.</summary>
    private const long UsualGrace = 30;

    /// <summary>What a cluster may take to end a pod, beyond the guest's own time.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(60);

    public IEnumerable<RestRoute> All(string root)
    {
        yield return Verb("start", "Starts a machine.", StartAsync);
        yield return Verb("stop", "Shuts a machine's guest down.", StopAsync);
        yield return Verb("restart", "Shuts a machine's guest down and starts it again; answers when it has really ended.", RestartAsync);
        yield return Verb("pause", "Holds a machine's CPUs.", (client, _, key, _, cancel) => InstanceAsync(client, key, "pause", "paused", cancel));
        yield return Verb("unpause", "Lets a machine's CPUs go on.", (client, _, key, _, cancel) => InstanceAsync(client, key, "unpause", "unpaused", cancel));

        RestRoute Verb(string name, string summary, Func<KubernetesClient, Provider, MachineKey, VmPowerRequest, CancellationToken, Task<string>> run) =>
            RestRoute.Of(HttpMethods.Post, $"{root}/{name}", summary, RestJson.Strict.VmPowerRequest, RestJson.Strict.VmAnswer, async (request, asked) =>
            {
                if (asked.GracePeriodSeconds < 0)
                {
                    throw new CoordinatorException(FailureReason.BadRequest, $"grace_period_seconds={asked.GracePeriodSeconds} is not possible; give 0 or more");
                }

                var key = request.Machine;
                var message = await providers.UseAsync(
                    request.Caller, asked.Provider, provider => run(provider.ClientFor(request.Caller), provider, key, asked, request.Cancel), request.Cancel).ConfigureAwait(false);
                return new VmAnswer(key.ToString(), message, time.GetUtcNow());
            });
    }

    private static async Task<string> StartAsync(KubernetesClient client, Provider provider, MachineKey key, VmPowerRequest asked, CancellationToken cancel)
    {
        try
        {
            await PutAsync(client, Machines, key, "start", asked.Paused ? new JsonObject { ["paused"] = true } : [], cancel).ConfigureAwait(false);
            return $"{key} is starting";
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            throw await InstanceAloneAsync(client, key, "started", cancel).ConfigureAwait(false);
        }
    }

    private static async Task<string> StopAsync(KubernetesClient client, Provider provider, MachineKey key, VmPowerRequest asked, CancellationToken cancel)
    {
        try
        {
            var body = asked.GracePeriodSeconds is { } grace ? new JsonObject { ["gracePeriod"] = grace } : [];
            await PutAsync(client, Machines, key, "stop", body, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            await DeleteInstanceAsync(client, key, asked.GracePeriodSeconds, cancel).ConfigureAwait(false);
        }

        return $"{key} is stopping";
    }

    private async Task<string> RestartAsync(KubernetesClient client, Provider provider, MachineKey key, VmPowerRequest asked, CancellationToken cancel)
    {
        var instance = await client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel).ConfigureAwait(false);
        try
        {
            // KubeVirt knows "at once" and "as usual" here, and refuses any other number.
            await PutAsync(client, Machines, key, "restart", asked.GracePeriodSeconds is { } grace ? new JsonObject { ["gracePeriodSeconds"] = grace } : [], cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            throw await InstanceAloneAsync(client, key, "restarted", cancel).ConfigureAwait(false);
        }

        var within = TimeSpan.FromSeconds(asked.GracePeriodSeconds ?? instance?.Spec?.TerminationGracePeriodSeconds ?? UsualGrace) + Slack;
        using var deadline = new CancellationTokenSource(within, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        try
        {
            await provider.Vms.UntilAsync(key, line => line?.InstanceUid != instance?.Metadata.Uid, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new CoordinatorException(
                FailureReason.TimedOut, $"{key} has been told to restart, but did not shut down within {within.TotalSeconds:0} s; look at its console, or stop it with grace_period_seconds 0");
        }

        return $"{key} has shut down and is starting";
    }

    private static async Task<string> InstanceAsync(KubernetesClient client, MachineKey key, string verb, string done, CancellationToken cancel)
    {
        await PutAsync(client, Instances, key, verb, [], cancel).ConfigureAwait(false);
        return $"{key} is {done}";
    }

    /// <summary>What is an instance alone goes when it is stopped.</summary>
    /// <param name="grace">In seconds; null: as it says itself.</param>
    public static async Task DeleteInstanceAsync(KubernetesClient client, MachineKey key, long? grace, CancellationToken cancel)
    {
        try
        {
            await client.DeleteAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, new DeleteOptions { GracePeriodSeconds = grace }, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            throw VmRoutes.NotFound(key);
        }
    }

    private static async Task<CoordinatorException> InstanceAloneAsync(KubernetesClient client, MachineKey key, string verb, CancellationToken cancel) =>
        await client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel).ConfigureAwait(false) is null
            ? VmRoutes.NotFound(key)
            : new CoordinatorException(FailureReason.Conflict, $"{key} is an instance without a VirtualMachine, so it cannot be {verb}; whatever made it can");

    private static Task<string> PutAsync(KubernetesClient client, string resource, MachineKey key, string verb, JsonObject body, CancellationToken cancel) =>
        client.SendRawAsync(
            HttpMethod.Put,
            SubresourceApi.PathOf(resource, key, verb),
            body,
            cancel);
}
