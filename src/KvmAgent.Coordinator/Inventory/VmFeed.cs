using KvmAgent.Contracts.Rest;

namespace KvmAgent.Coordinator.Inventory;

/// <summary>
/// What one reader has not read yet of a table's changes, the newest of each machine: however slowly it reads, it holds no more than there are
/// machines, and ends up with what is.
/// </summary>
internal sealed class VmFeed : IDisposable
{
    private readonly VmTable _table;
    private readonly string? _ns;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private Dictionary<string, VmChange> _unread = [];

    /// <param name="ns">Null: of all namespaces.</param>
    public VmFeed(VmTable table, string? ns)
    {
        (_table, _ns) = (table, ns);
        _table.Changed += Take;
    }

    public void Dispose()
    {
        _table.Changed -= Take;
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

    private void Take(VmSummary? before, VmSummary? after)
    {
        var vm = (after ?? before)!;
        if (_ns is not null && vm.Namespace != _ns)
        {
            return;
        }

        lock (_gate)
        {
            _unread[vm.Id] = new VmChange(after is null ? VmChange.Removed : VmChange.Set, vm);
            if (_unread.Count == 1)
            {
                _news.Release();
            }
        }
    }
}
