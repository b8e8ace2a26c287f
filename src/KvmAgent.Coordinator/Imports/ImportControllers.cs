using KvmAgent.Coordinator.Imports.DataVolumes;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports;

/// <summary>All that fills volumes, with the turns that they share. Runs in the leader alone.</summary>
internal sealed class ImportControllers : IDisposable
{
    private readonly ImporterTurns _turns;
    private readonly ImportController _imports;
    private readonly VolumeController _volumes;

    public ImportControllers(KubernetesClient client, ImportCache cache, MachineOptions machines, ImportOptions options, TimeProvider time, ILoggerFactory logs)
    {
        _turns = new ImporterTurns(client, cache, options);
        _imports = new ImportController(client, cache, _turns, Events(), machines, time, logs.CreateLogger<ImportController>());
        _volumes = new VolumeController(client, cache, _turns, Events(), machines, time, logs.CreateLogger<VolumeController>());

        EventRecorder Events() => new(client, time, logs.CreateLogger<EventRecorder>());
    }

    public void Dispose() => _turns.Dispose();

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(_imports.RunAsync(stop), _volumes.RunAsync(stop));
}
