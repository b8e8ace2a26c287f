using System.Runtime.InteropServices;
using KvmAgent.Processes;
using Microsoft.Extensions.Hosting;

namespace KvmAgent.Lifecycle;

/// <summary>The host's lifetime is the VM's: a signal asks the VM to stop, and the host stops once the VM has.</summary>
internal sealed class SignalLifetime(StopSignal stop) : IHostLifetime, IDisposable
{
    private readonly List<IDisposable> _registrations = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                stop.Raise();
            }));
        }

        _registrations.Add(Children.ReapOrphans());
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
    }
}
