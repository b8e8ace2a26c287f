using KvmAgent.Contracts.Rest;

namespace KvmAgent.Coordinator.Inventory;

/// <summary>
/// What one reader has not read yet of tables' changes, the newest of each machine: however slowly it reads, it holds no more than there are
/// machines, and ends up with what is.
/// </summary>
internal sealed class VmFeed : IDisposable
{
    private readonly Action _stop;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private Dictionary<(string Provider, string Id), VmChange> _unread = [];

    public VmFeed(IReadOnlyList<Source> sources)
    {
        foreach (var (table, ns) in sources)
        {
            void Look(VmSummary? before, VmSummary? after) => Take(ns, before, after);
            table.Changed += Look;
            _stop += () => table.Changed -= Look;
        }

        _stop ??= static () => { };
    }

    public void Dispose()
    {
        _stop();
        _news.Dispose();
    }

    /// <returns>At least one, or none where there was none in time.</returns>
    public async Task<IReadOnlyCollection<VmChange>> ReadAsync(TimeSpan within, TimeProvider time, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(within, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            await _news.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return [];
        }

        lock (_gate)
        {
            (var read, _unread) = (_unread, []);
            return read.Values;
        }
    }

    private void Take(string? ns, VmSummary? before, VmSummary? after)
    {
        var vm = (after ?? before)!;
        if (ns is not null && vm.Namespace != ns)
        {
            return;
        }

        lock (_gate)
        {
            _unread[(vm.Provider, vm.Id)] = new VmChange(after is null ? VmChange.Removed : VmChange.Set, vm);
            if (_unread.Count == 1)
            {
                _news.Release();
            }
        }
    }

    /// <param name="Namespace">Null: of all namespaces.</param>
    public sealed record Source(VmTable Table, string? Namespace);
}
