using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Inventory;

/// <summary>
/// A provider's machines, one line each, in order, kept current by what its watches tell. A line is some 400 bytes: a list of thousands is read
/// without making the objects that it is of.
/// </summary>
/// <param name="provider">Its name.</param>
/// <param name="machines">Null: the provider has instances alone.</param>
internal sealed class VmTable(string provider, Informer<VirtualMachine>? machines, Informer<VirtualMachineInstance> instances)
{
    private static readonly Comparer<MachineKey> Order = Comparer<MachineKey>.Create(static (a, b) =>
        string.CompareOrdinal(a.Namespace, b.Namespace) is var byNamespace and not 0 ? byNamespace : string.CompareOrdinal(a.Name, b.Name));

    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _listing = Task.CompletedTask;
    private ImmutableSortedDictionary<MachineKey, VmSummary> _lines = ImmutableSortedDictionary.Create<MachineKey, VmSummary>(Order);

    /// <summary>What it was and what it is; null before and after. One after the other for one machine.</summary>
    public event Action<VmSummary?, VmSummary?>? Changed;

    /// <summary>Done when all of them are known.</summary>
    public Task Synced => _synced.Task;

    /// <summary>As it is now; it does not change any more.</summary>
    public ImmutableSortedDictionary<MachineKey, VmSummary> Lines => Volatile.Read(ref _lines);

    /// <summary>Until it is stopped. It begins when the caches are filled: line by line with them, each machine would be made twice.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await Task.WhenAll(machines?.Synced ?? Task.CompletedTask, instances.Synced).WaitAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return;
        }

        if (machines is not null)
        {
            machines.Changed += e => Look(KeyOf(e.Object));
        }

        instances.Changed += e => Look(MachineCache.KeyOf(e.Object));
        // What changes meanwhile is looked at twice, which does no harm.
        foreach (var machine in machines?.List() ?? [])
        {
            Look(KeyOf(machine));
        }

        foreach (var key in instances.List().Select(MachineCache.KeyOf).Where(key => !Lines.ContainsKey(key)))
        {
            Look(key);
        }

        _synced.TrySetResult();
    }

    /// <summary>Waits until a machine is as wanted.</summary>
    /// <param name="holds">Asked at once, and with each change.</param>
    public async Task UntilAsync(MachineKey key, Func<VmSummary?, bool> holds, CancellationToken cancel)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(VmSummary? before, VmSummary? after)
        {
            var vm = (after ?? before)!;
            if (vm.Name == key.Name && vm.Namespace == key.Namespace && holds(after))
            {
                reached.TrySetResult();
            }
        }

        Changed += Look;
        try
        {
            if (!holds(Lines.GetValueOrDefault(key)))
            {
                await reached.Task.WaitAsync(cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            Changed -= Look;
        }
    }

    /// <summary>All machines are listed anew. Whoever asks meanwhile is told of the same list.</summary>
    /// <returns>What differs from what was known when it was asked for.</returns>
    /// <exception cref="KubernetesException">The server refuses.</exception>
    /// <exception cref="HttpRequestException">It does not answer.</exception>
    public async Task<IReadOnlyList<VmDifference>> RelistAsync(CancellationToken cancel)
    {
        var before = Lines;
        Task listing;
        lock (_gate)
        {
            if (_listing.IsCompleted)
            {
                _listing = Task.WhenAll(machines?.RelistAsync(CancellationToken.None) ?? Task.CompletedTask, instances.RelistAsync(CancellationToken.None));
            }

            listing = _listing;
        }

        await listing.WaitAsync(cancel).ConfigureAwait(false);
        foreach (var key in Lines.Keys.Concat(machines?.List().Select(KeyOf) ?? []).Concat(instances.List().Select(MachineCache.KeyOf)).ToHashSet())
        {
            Look(key);
        }

        var after = Lines;
        return [.. before.Keys.Union(after.Keys).Select(key => Difference(before.GetValueOrDefault(key), after.GetValueOrDefault(key))).OfType<VmDifference>().OrderBy(static d => d.Vm.Id, StringComparer.Ordinal)];
    }

    /// <summary>One machine is read anew, and its instance.</summary>
    /// <returns>Likewise; null where nothing differs.</returns>
    /// <exception cref="KubernetesException">Likewise.</exception>
    /// <exception cref="HttpRequestException">Likewise.</exception>
    public async Task<VmDifference?> RefreshAsync(MachineKey key, CancellationToken cancel)
    {
        var before = Lines.GetValueOrDefault(key);
        await Task.WhenAll(machines?.RefreshAsync(key.Namespace, key.Name, cancel) ?? Task.CompletedTask, instances.RefreshAsync(key.Namespace, key.Name, cancel)).ConfigureAwait(false);
        Look(key);
        return Difference(before, Lines.GetValueOrDefault(key));
    }

    private static VmDifference? Difference(VmSummary? before, VmSummary? after) => (before, after) switch
    {
        (null, null) => null,
        (null, { } made) => new VmDifference(VmDifference.Added, made, []),
        ({ } gone, null) => new VmDifference(VmDifference.Removed, gone, []),
        ({ } old, { } current) => IsSame(old, current) ? null : new VmDifference(VmDifference.Changed, current, Fields(old, current)),
    };

    private static IReadOnlyList<string> Fields(VmSummary before, VmSummary after)
    {
        var (old, current) = (Json(before), Json(after));
        return [.. old.Select(static f => f.Key).Union(current.Select(static f => f.Key)).Where(name => !JsonNode.DeepEquals(old[name], current[name])).Order(StringComparer.Ordinal)];

        static JsonObject Json(VmSummary vm) => JsonSerializer.SerializeToNode(vm, RestJson.Default.VmSummary)!.AsObject();
    }

    private static MachineKey KeyOf(VirtualMachine machine) => new(machine.Metadata.Namespace!, machine.Metadata.Name!);

    /// <summary>Both caches are asked anew: which of their events comes first does not matter then.</summary>
    private void Look(MachineKey key)
    {
        lock (_gate)
        {
            var before = _lines.GetValueOrDefault(key);
            var after = VmSummaries.Of(provider, machines?.Get(key.Namespace, key.Name), instances.Get(key.Namespace, key.Name));
            if (after is null ? before is null : before is not null && IsSame(before, after))
            {
                return;
            }

            Volatile.Write(ref _lines, after is null ? _lines.Remove(key) : _lines.SetItem(key, after));
            Changed?.Invoke(before, after);
        }
    }

    private static bool IsSame(VmSummary a, VmSummary b) =>
        a with { IpAddresses = b.IpAddresses, Labels = b.Labels } == b
        && a.IpAddresses.SequenceEqual(b.IpAddresses)
        && a.Labels.Count == b.Labels.Count && a.Labels.All(label => b.Labels.GetValueOrDefault(label.Key) == label.Value);
}
