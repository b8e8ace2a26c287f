using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports;

/// <summary>Importers' pods of every manner are made here, so that not more are there than may be at work at once.</summary>
internal sealed class ImporterTurns(KubernetesClient client, ImportCache cache, ImportOptions options) : IDisposable
{
    /// <summary>Between counting the importers and making another.</summary>
    private readonly SemaphoreSlim _making = new(1);

    public ImportOptions Options => options;

    public void Dispose() => _making.Dispose();

    /// <param name="make">Makes one at most, by <see cref="CreateAsync"/>.</param>
    /// <param name="waiting">What is returned where there is no turn.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<T> TakeAsync<T>(Func<Task<T>> make, T waiting, CancellationToken cancel)
    {
        await _making.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return cache.AtWork >= options.Concurrency ? waiting : await make().ConfigureAwait(false);
        }
        finally
        {
            _making.Release();
        }
    }

    /// <summary>One that is there already is looked at: another leader's, or a stranger's.</summary>
    public async Task<Pod> CreateAsync(Pod pod, CancellationToken cancel)
    {
        var made = await client.CreateOrFindAsync(CoreKinds.Pods, pod, cancel).ConfigureAwait(false);
        cache.Pods.Observe(Slim.Pod(made));
        return made;
    }

    public Task DeleteAsync(Pod pod, CancellationToken cancel) =>
        client.DeleteIfThereAsync(CoreKinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, new DeleteOptions { Uid = pod.Metadata.Uid }, cancel);
}
