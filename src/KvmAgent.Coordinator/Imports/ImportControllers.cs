using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Imports.Crons;
using KvmAgent.Coordinator.Imports.DataVolumes;
using KvmAgent.Coordinator.Imports.Sources;
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
    private readonly SourceController _sources;
    private readonly CronController _crons;

    public ImportControllers(KubernetesClient client, ImportCache cache, MachineOptions machines, ImportOptions options, CloneKeys keys, TimeProvider time, ILoggerFactory logs)
    {
        _turns = new ImporterTurns(client, cache, options);
        var access = new CloneAccess(client, cache);
        _imports = new ImportController(client, cache, _turns, new CloneSources(client, cache, access, _turns, machines, keys), Events(), machines, time, logs.CreateLogger<ImportController>());
        _volumes = new VolumeController(client, cache, _turns, new StorageClones(client, cache, access), Events(), machines, time, logs.CreateLogger<VolumeController>());
        _sources = new SourceController(client, cache, time, logs.CreateLogger<SourceController>());
        _crons = new CronController(client, cache, _turns, Events(), machines, time, logs.CreateLogger<CronController>());

        EventRecorder Events() => new(client, time, logs.CreateLogger<EventRecorder>());
    }

    public void Dispose() => _turns.Dispose();

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(_imports.RunAsync(stop), _volumes.RunAsync(stop), _sources.RunAsync(stop), _crons.RunAsync(stop));
}
