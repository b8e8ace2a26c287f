using KvmAgent.Qemu;

namespace KvmAgent.Lifecycle;

/// <summary>A QEMU that runs, and how to talk to it and to its guest.</summary>
internal sealed record RunningMachine(QmpClient Qmp, int Pid, GuestAgentWatch Agent);

/// <summary>The machine that runs at the moment, for whoever is not part of its life: the coordinator's commands.</summary>
internal sealed class GuestAccess
{
    private volatile RunningMachine? _current;

    /// <summary>Null while none runs. It may end while it is used, which shows as an <see cref="IOException"/>.</summary>
    public RunningMachine? Current => _current;

    public IDisposable Open(RunningMachine machine)
    {
        _current = machine;
        return new Opened(this);
    }

    private sealed class Opened(GuestAccess access) : IDisposable
    {
        public void Dispose() => access._current = null;
    }
}
