using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// The VMs that have enrolled, as their agents tell of them: kept in the store first, then known here. What an agent tells is acknowledged
/// when the store has it; where it cannot be kept, the agent tells it again.
/// </summary>
internal sealed partial class AloneMachines
{
    /// <summary>How soon it is seen that <c>forget</c> was run beside us.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly AloneStore _store;
    private readonly AgentRegistry _agents;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Dictionary<MachineKey, Entry> _vms = [];
    private TaskCompletionSource _changed = NewSignal();
    private long _version;

    /// <summary>Takes up what the store has. Whose agent does not dial has no link from now on.</summary>
    public AloneMachines(AloneStore store, AgentRegistry agents, TimeProvider time, ILogger<AloneMachines> log)
    {
        (_store, _agents, _time, _log) = (store, agents, time, log);
        _version = store.Versions.Latest;
        foreach (var vm in store.Vms())
        {
            var entry = _vms[vm.Key] = new Entry(vm);
            if (vm.Object.Status?.Agent is { } position)
            {
                agents.Resume(vm.Object.Metadata.Uid!, new JournalPosition(position.Start, position.Sequence));
            }

            Save(entry, AloneInstance.Away(vm.Object, time.GetUtcNow()));
        }

        agents.Reported += Take;
        agents.Disconnected += Away;
    }

    private sealed class Entry(KeptVm vm)
    {
        public KeptVm Vm { get; set; } = vm;

        /// <summary>What the agent last told, in which of its lives.</summary>
        public (string Start, VmStatus Status)? Told { get; set; }
    }

    public IReadOnlyList<VirtualMachineInstance> List() => ListAt().Vms;

    /// <summary>All, and the version behind which changes are yet to come.</summary>
    public (IReadOnlyList<VirtualMachineInstance> Vms, long Version) ListAt()
    {
        lock (_gate)
        {
            return ([.. _vms.Values.Select(static e => e.Vm.Object)], _version);
        }
    }

    public VirtualMachineInstance? Find(MachineKey key)
    {
        lock (_gate)
        {
            return _vms.GetValueOrDefault(key)?.Vm.Object;
        }
    }

    public VirtualMachineInstance? FindByToken(byte[] hash)
    {
        lock (_gate)
        {
            return _vms.Values.FirstOrDefault(e => Token.AreSame(hash, e.Vm.TokenHash))?.Vm.Object;
        }
    }

    /// <summary>Completes at the next change. Asked for before looking, so that none is missed.</summary>
    public Task NextChange()
    {
        lock (_gate)
        {
            return _changed.Task;
        }
    }

    /// <returns>False where the name is another's by now.</returns>
    public bool Enrol(MachineKey key, byte[] tokenHash)
    {
        lock (_gate)
        {
            if (_store.Add(AloneInstance.New(key, Guid.NewGuid().ToString(), _time.GetUtcNow()), tokenHash) is not { } kept)
            {
                return false;
            }

            _vms[key] = new Entry(kept);
            Written();
            return true;
        }
    }

    /// <summary>Notes that it shall go when it has ended, for those who watch.</summary>
    public VirtualMachineInstance? MarkDeleted(MachineKey key, long graceSeconds)
    {
        lock (_gate)
        {
            if (_vms.GetValueOrDefault(key) is not { } entry)
            {
                return null;
            }

            Save(entry, entry.Vm.Object with
            {
                Metadata = entry.Vm.Object.Metadata with { DeletionTimestamp = _time.GetUtcNow().AddSeconds(graceSeconds), DeletionGracePeriodSeconds = graceSeconds },
            });
            return entry.Vm.Object;
        }
    }

    /// <returns>As it was; null where there was none.</returns>
    public VirtualMachineInstance? Forget(MachineKey key)
    {
        lock (_gate)
        {
            return Remove(key);
        }
    }

    /// <summary>Looks whether another process has forgotten some.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var seen = _store.DataVersion;
        while (true)
        {
            await Task.Delay(LookEvery, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return;
            }

            try
            {
                if (_store.DataVersion is var now && now != seen)
                {
                    lock (_gate)
                    {
                        Compare();
                    }

                    seen = now;
                }
            }
            catch (CoordinatorException e)
            {
                LogNotKept(e.Message);
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(Level = LogLevel.Error, Message = "what is known is not kept now: {Error}")]
    private partial void LogNotKept(string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "VM {Key} was forgotten; its agent may enrol again")]
    private partial void LogForgotten(MachineKey key);
}
