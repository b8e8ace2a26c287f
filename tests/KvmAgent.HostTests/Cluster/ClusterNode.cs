using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.HostTests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// Scheduler and kubelet of a cluster with one node: binds every pod to itself and runs it in earnest. It does what a kubelet does to the
/// object: status, probes, termination messages, and taking the object away once a deleted pod has ended.
/// </summary>
internal sealed class ClusterNode : IAsyncDisposable
{
    public const string Name = "node-1";

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(300);

    private readonly KubernetesClient _client;
    private readonly NodeStorage _storage;
    private readonly Informer<Pod> _pods;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<string, NodePod> _running = [];
    private readonly ConcurrentDictionary<string, Task> _tasks = [];
    private readonly Task _watching;

    /// <param name="takes">Which pods are its own; null: all.</param>
    public ClusterNode(KubernetesClient client, NodeStorage storage, Func<Pod, bool>? takes = null)
    {
        (_client, _storage) = (client, storage);
        _pods = new Informer<Pod>(client, CoreKinds.Pods, null, null, TimeProvider.System, NullLogger.Instance);
        _pods.Changed += e =>
        {
            if (e.Kind != InformerEventKind.Deleted && takes?.Invoke(e.Object) != false)
            {
                _tasks.GetOrAdd(e.Object.Metadata.Uid!, _ => Task.Run(() => RunAsync(e.Object)));
            }
        };
        _watching = _pods.RunAsync(_end.Token);
    }

    /// <summary>The pod that runs under a name.</summary>
    public NodePod Running(string ns, string name) => _running[$"{ns}/{name}"];

    /// <summary>No VM's container may outlive the test.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        await _storage.DisposeAsync();
        await Task.WhenAll(_tasks.Values);
        _end.Dispose();
    }

    private async Task RunAsync(Pod pod)
    {
        try
        {
            await _storage.BindAsync(pod, Name);
            await using var running = await NodePod.CreateAsync(pod, _storage);
            _running[running.Key] = running;
            await RunAsync(pod, running);
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The test is over; so is the pod.
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            // Somebody has taken it away, by force or with what it mounts: it ends here. Of anything else that is missing the test is told at its end.
            var now = await _client.FindAsync(CoreKinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, CancellationToken.None);
            if (now?.Metadata.Uid == pod.Metadata.Uid)
            {
                now!.Metadata.DeletionTimestamp.ShouldNotBeNull(e.Message);
                await _client.DeleteIfThereAsync(
                    CoreKinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, new DeleteOptions { GracePeriodSeconds = 0, Uid = pod.Metadata.Uid }, CancellationToken.None);
            }
        }
    }

    private async Task RunAsync(Pod pod, NodePod running)
    {
        var initial = new List<ContainerStatus>();
        foreach (var container in pod.Spec!.InitContainers ?? [])
        {
            var end = await running.RunToEndAsync(container);
            initial.Add(new ContainerStatus { Name = container.Name, State = new ContainerState { Terminated = end } });
            if (end.ExitCode != 0)
            {
                await ReportAsync(pod, "Failed", initial, null, ready: false);
                await DeletedAsync(pod);
                return;
            }
        }

        var main = pod.Spec.Containers!.Single();
        await running.StartAsync(main);
        var reported = (bool?)null;
        var stopping = (Task?)null;
        while (true)
        {
            if (await running.EndAsync(main) is { } end)
            {
                await ReportAsync(pod, end.ExitCode == 0 ? "Succeeded" : "Failed", initial, new ContainerState { Terminated = end }, ready: false);
                await DeletedAsync(pod);
                return;
            }

            if (stopping is null && Current(pod) is { Metadata.DeletionTimestamp: not null } deleted)
            {
                stopping = running.StopAsync(deleted.Metadata.DeletionGracePeriodSeconds ?? 30);
            }

            var ready = stopping is null && await running.IsReadyAsync(main);
            if (ready != reported)
            {
                await ReportAsync(pod, "Running", initial, new ContainerState { Running = new ContainerRunning(TimeProvider.System.GetUtcNow()) }, ready);
                reported = ready;
            }

            await Task.Delay(Look, TimeProvider.System, _end.Token);
        }
    }

    private async Task ReportAsync(Pod pod, string phase, List<ContainerStatus> initial, ContainerState? main, bool ready)
    {
        var status = new PodStatus
        {
            Phase = phase,
            PodIP = PodNamespace.Address,
            PodIPs = [new PodIp(PodNamespace.Address)],
            QosClass = "Burstable",
            Conditions =
            [
                new Condition { Type = "PodScheduled", Status = Condition.True },
                new Condition { Type = "Ready", Status = ready ? Condition.True : Condition.False },
            ],
            InitContainerStatuses = initial,
            ContainerStatuses = main is null ? [] : [new ContainerStatus { Name = pod.Spec!.Containers![0].Name, Ready = ready, ImageID = await NodePod.ImageIdAsync(pod.Spec.Containers[0]), State = main }],
        };
        var json = JsonSerializer.SerializeToNode(pod with { Status = status }, CoreKinds.Pods.Json)!["status"]!.DeepClone();
        await _client.MergePatchAsync(CoreKinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, new JsonObject { ["status"] = json }, "status", _end.Token);
    }

    /// <summary>A pod that has ended stays until somebody deletes it; then the kubelet lets it go.</summary>
    private async Task DeletedAsync(Pod pod)
    {
        await Until.TrueAsync(
            () => Task.FromResult(_end.IsCancellationRequested || Current(pod) is not { Metadata.DeletionTimestamp: null }), TimeSpan.FromMinutes(30), "the pod is deleted");
        if (!_end.IsCancellationRequested && Current(pod) is not null)
        {
            await _client.DeleteAsync(
                CoreKinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, new DeleteOptions { GracePeriodSeconds = 0, Uid = pod.Metadata.Uid }, _end.Token);
        }

        _running.TryRemove($"{pod.Metadata.Namespace}/{pod.Metadata.Name}", out _);
    }

    private Pod? Current(Pod pod) => _pods.Get(pod.Metadata.Namespace, pod.Metadata.Name!) is { } current && current.Metadata.Uid == pod.Metadata.Uid ? current : null;
}
