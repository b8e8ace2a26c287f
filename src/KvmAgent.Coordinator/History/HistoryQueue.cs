using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.History;

/// <summary>A machine's next state, and when it came to it.</summary>
/// <param name="Number">Counts up.</param>
/// <param name="State">Null: it is gone.</param>
internal sealed record QueuedState(long Number, MachineKey Key, MachineState? State, DateTimeOffset At);

/// <summary>
/// Each change of a table's machines, in order, until it is written down. When that takes too long they are too many to be kept: then all machines
/// have to be compared with what was last written, as after a restart.
/// </summary>
internal sealed class HistoryQueue : IDisposable
{
    private const int Most = 20_000;

    private readonly VmTable _vms;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _news = new(1, 1);
    private readonly List<QueuedState> _states = [];
    private long _number;
    private bool _isLost = true;

    /// <summary>It begins with everything unknown.</summary>
    public HistoryQueue(VmTable vms, TimeProvider time)
    {
        (_vms, _time) = (vms, time);
        _vms.Changed += Take;
    }

    public void Dispose()
    {
        _vms.Changed -= Take;
        _news.Dispose();
    }

    /// <summary>Waits until there is something.</summary>
    public Task WaitAsync(CancellationToken cancel) => _news.WaitAsync(cancel);

    /// <returns>All that is in it, which stays until it is <see cref="Done"/>; null where all machines have to be compared, <see cref="Machines"/>.</returns>
    public IReadOnlyList<QueuedState>? Peek()
    {
        lock (_gate)
        {
            return _isLost ? null : [.. _states];
        }
    }

    /// <summary>All machines as they are; what changes from now on is in the queue.</summary>
    public IReadOnlyDictionary<MachineKey, VmSummary> Machines()
    {
        lock (_gate)
        {
            _states.Clear();
            _isLost = false;
        }

        return _vms.Lines;
    }

    /// <summary>They could not be compared.</summary>
    public void Lose()
    {
        lock (_gate)
        {
            _isLost = true;
            Signal();
        }
    }

    /// <summary>Those up to the number are written.</summary>
    public void Done(long number)
    {
        lock (_gate)
        {
            _states.RemoveAll(s => s.Number <= number);
            if (_isLost || _states.Count > 0)
            {
                Signal();
            }
        }
    }

    /// <summary>They are not: wait for them again.</summary>
    public void Again()
    {
        lock (_gate)
        {
            Signal();
        }
    }

    private void Take(VmSummary? before, VmSummary? after)
    {
        var state = after is null ? null : MachineState.Of(after);
        if (before is not null && state == MachineState.Of(before))
        {
            return;
        }

        var vm = (after ?? before)!;
        lock (_gate)
        {
            if (_states.Count >= Most)
            {
                _states.Clear();
                _isLost = true;
            }
            else if (!_isLost)
            {
                _states.Add(new QueuedState(++_number, new MachineKey(vm.Namespace, vm.Name), state, _time.GetUtcNow()));
            }

            Signal();
        }
    }

    private void Signal()
    {
        if (_news.CurrentCount == 0)
        {
            _news.Release();
        }
    }
}
