using System.Diagnostics;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Coordinator.Machines.VirtualMachines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Machines;

/// <summary>
/// Realises machines: each key that something has touched is looked at whole, first what linked pod asks for its name, then its instance, then its machine. A look asks the pure
/// decisions, does the writes that they name and writes the status last, so that a coordinator that dies between any two writes is
/// followed by one that decides the same again. Runs in the leader alone.
/// </summary>
internal sealed class MachineController
{
    private const int Workers = 16;

    /// <summary>
    /// An API server that is back after a while finds what failed meanwhile tried again within half a minute, also where nothing new happens
    /// to it; and thousands of failures wait for one another no longer than that server bears.
    /// </summary>
    private static readonly WorkQueueOptions Retries = new() { MostDelay = TimeSpan.FromSeconds(30), RatePerSecond = 100, Burst = 1000 };

    private readonly MachineCache _cache;
    private readonly AgentRegistry _agents;
    private readonly ActionRunner _actions;
    private readonly SecondLook _doubts;
    private readonly PodAdoption _adoption;
    private readonly EventRecorder _events;
    private readonly MachineOptions _options;
    private readonly StatusWriter<VirtualMachine, VirtualMachineStatus> _machineStatus;
    private readonly StatusWriter<VirtualMachineInstance, VmiStatus> _instanceStatus;
    private readonly TimeProvider _time;
    private readonly LookLog _log;

    public MachineController(
        KubernetesClient client, MachineCache cache, AgentRegistry agents, EventRecorder events, MachineOptions options, TimeProvider time,
        ILogger<MachineController> log)
    {
        (_cache, _agents, _events, _options, _time, _log) = (cache, agents, events, options, time, new LookLog(log));
        _actions = new ActionRunner(client, cache);
        _doubts = new SecondLook(client, cache);
        _adoption = new PodAdoption(cache, _actions, events);
        _machineStatus = new(client, Kinds.VirtualMachines, ApiJson.Default.VirtualMachineStatus, static vm => vm.Status);
        _instanceStatus = new(client, Kinds.VirtualMachineInstances, ApiJson.Default.VmiStatus, static vmi => vmi.Status);
    }

    /// <summary>Until it leads no more.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var queue = new WorkQueue<MachineKey>(_time, Retries, (key, e) => _log.Failed(key, e));
        void Add(MachineKey key) => queue.Add(key);
        void Reported(AgentReport report)
        {
            if (_cache.InstanceByPod(report.Agent.PodUid) is { } instance)
            {
                // What a guest has come to is told before what is still to be made.
                queue.Add(MachineCache.KeyOf(instance), urgent: true);
            }
        }

        _cache.Touched += Add;
        _agents.Reported += Reported;
        try
        {
            await _cache.Synced.WaitAsync(stop).ConfigureAwait(false);
            foreach (var obj in _cache.Machines.List().Select(static o => o.Metadata).Concat(_cache.Instances.List().Select(static o => o.Metadata)))
            {
                queue.Add(new MachineKey(obj.Namespace!, obj.Name!));
            }

            foreach (var key in _cache.Linked.List().Select(AdoptedPod.KeyOf).OfType<MachineKey>())
            {
                queue.Add(key);
            }

            await _events.WriteWhileAsync(queue.RunAsync(Workers, (key, cancel) => LookAsync(key, queue, cancel), stop)).ConfigureAwait(false);
        }
        finally
        {
            _cache.Touched -= Add;
            _agents.Reported -= Reported;
        }
    }

    private async Task LookAsync(MachineKey key, WorkQueue<MachineKey> queue, CancellationToken cancel)
    {
        using var span = Tracing.Source.StartActivity("look");
        span?.SetTag("k8s.namespace.name", key.Namespace).SetTag("kubevirt.vm.name", key.Name);
        try
        {
            await LookWithinAsync(key, queue, cancel).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }

    private async Task LookWithinAsync(MachineKey key, WorkQueue<MachineKey> queue, CancellationToken cancel)
    {
        Later(queue, key, await _adoption.LookAsync(key, cancel).ConfigureAwait(false));
        if (_cache.Instances.Get(key.Namespace, key.Name) is { } seen && await _doubts.TakeAsync(seen, cancel).ConfigureAwait(false) is var (instance, pod))
        {
            await LookAsync(key, instance, pod, queue, cancel).ConfigureAwait(false);
        }

        if (_cache.Machines.Get(key.Namespace, key.Name) is { } vm)
        {
            await LookAsync(key, vm, queue, cancel).ConfigureAwait(false);
        }
    }

    private async Task LookAsync(MachineKey key, VirtualMachineInstance instance, Pod? pod, WorkQueue<MachineKey> queue, CancellationToken cancel)
    {
        var view = new InstanceView(
            instance,
            pod,
            [.. _cache.PodsOf(key).Where(p => p.Metadata.Name != pod?.Metadata.Name)],
            _cache.ClaimsOf(instance),
            pod is not null && _agents.Find(pod.Metadata.Uid!) is { Status: { } status } ? new AgentView(pod.Metadata.Uid!, status) : null,
            _time.GetUtcNow(),
            LinkExpected: _options.Link is not null);
        var decision = InstanceDecision.Decide(view, _options);
        var done = await _actions.RunAsync(key, instance.Metadata.Uid!, decision.Actions, cancel).ConfigureAwait(false);
        var wanted = done.Problem is { } problem ? InstanceStatus.Waiting(view, problem.Reason, problem.Message)
            : done.Pod is not null ? InstanceStatus.WithPod(decision.Status, done.Pod)
            : decision.Status;
        if (await _instanceStatus.WriteAsync(instance, wanted, cancel).ConfigureAwait(false) is { } written)
        {
            _cache.Instances.Observe(written);
            // Told once the status says so too: a look that fails before is made again.
            Record(Kinds.VirtualMachineInstances, instance, done.Problem is { } p ? [new("Warning", "FailedCreate", p.Message)] : decision.Events);
        }

        if (done.Pod is not null)
        {
            _actions.Recorded(instance.Metadata.Uid!);
        }

        Later(queue, key, done.Problem is null ? decision.Again : TimeSpan.FromSeconds(10));
    }

    private async Task LookAsync(MachineKey key, VirtualMachine vm, WorkQueue<MachineKey> queue, CancellationToken cancel)
    {
        var view = new VmView(
            vm, _cache.Instances.Get(key.Namespace, key.Name), _cache.PodsOf(key), _cache.ClaimsOf(vm), _time.GetUtcNow(),
            _cache.Sizes.InstancetypeOf(vm), _cache.Sizes.PreferenceOf(vm));
        var decision = VmDecision.Decide(view);
        var done = await _actions.RunAsync(key, vm.Metadata.Uid!, decision.Actions, cancel).ConfigureAwait(false);
        if (done.Problem is not null || decision.Events.Count > 0)
        {
            Record(Kinds.VirtualMachines, vm, done.Problem is { } p ? [new("Warning", "FailedCreate", p.Message)] : decision.Events);
        }

        var wanted = done.Problem is { } problem ? VmPrintableStatus.Describe(view, decision.Status, problem)
            : decision.Actions.Count == 0 ? decision.Status
            // As it is after the writes: what the decision said of the status (a failure that counts) holds.
            : VmDecision.Decide(view with { Vm = vm with { Status = decision.Status }, Instance = _cache.Instances.Get(key.Namespace, key.Name) }).Status;
        if (await _machineStatus.WriteAsync(vm, wanted, cancel).ConfigureAwait(false) is { } written)
        {
            _cache.Machines.Observe(written);
        }

        Later(queue, key, done.Problem is null ? decision.Again : TimeSpan.FromSeconds(10));
    }

    private void Record<T>(Kubernetes.Resources.ResourceKind<T> kind, T obj, IReadOnlyList<MachineEvent> events)
        where T : class, Kubernetes.Resources.IKubernetesObject
    {
        foreach (var e in events)
        {
            _events.Record(kind, obj, e);
        }
    }

    private static void Later(WorkQueue<MachineKey> queue, MachineKey key, TimeSpan? again)
    {
        if (again is { } delay)
        {
            queue.AddAfter(key, delay);
        }
    }
}
