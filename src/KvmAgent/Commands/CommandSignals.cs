using System.Runtime.InteropServices;

namespace KvmAgent.Commands;

/// <summary>SIGTERM and SIGINT as a wish to stop, so that a command can clean up before it ends.</summary>
internal sealed class CommandSignals : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly IDisposable[] _registrations;
    private int _number;

    public CommandSignals(CancellationToken also)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(also);
        _registrations = [On(PosixSignal.SIGTERM, 15), On(PosixSignal.SIGINT, 2)];
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>As shells tell of a process that a signal ended; null where none came.</summary>
    public int? ExitCode => _number == 0 ? null : 128 + _number;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _stop.Dispose();
    }

    private PosixSignalRegistration On(PosixSignal signal, int number) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        _number = number;
        _stop.Cancel();
    });
}
